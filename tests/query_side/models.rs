//! How far the read models of `/feed` have come, each in every partition of what it folds.

use std::collections::BTreeMap;

use event_schemas::Domain;
use event_schemas::topics::partitions;
use tests::chance::Chance;

use crate::fixture::{PROFILE, World};
use crate::versions::act;

/// The projections of the route, and what each folds of which domain.
const FOLDS: [(&str, Domain); 6] = [
    ("user_directory", Domain::User),
    ("community", Domain::Community),
    ("feed", Domain::Community),
    ("requests", Domain::Request),
    ("feed", Domain::Request),
    ("reputation", Domain::Reputation),
];

/// A position that an answer is to include.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    domain: Domain,
    partition: i32,
    offset: i64,
}

impl Wish {
    pub(crate) fn parameter(&self) -> String {
        format!("&min_position={}/{}@{}", self.domain.events_topic(), self.partition, self.offset)
    }
}

/// The live version of each projection, and its checkpoints.
#[derive(Clone, Debug)]
pub(crate) struct Models {
    versions: BTreeMap<&'static str, i32>,
    next_offsets: BTreeMap<(&'static str, Domain, i32), i64>,
}

impl Models {
    /// Nothing is folded.
    pub(crate) async fn begin(world: &World) -> Self {
        let (mut versions, mut next_offsets) = (BTreeMap::new(), BTreeMap::new());
        for (projection, domain) in FOLDS {
            versions.insert(projection, 1);
            for partition in 0..partitions(domain, PROFILE) {
                world.checkpoint(projection, domain.events_topic(), partition, 0).await;
                next_offsets.insert((projection, domain, partition), 0);
            }
        }
        Self { versions, next_offsets }
    }

    /// One to three positions, with offsets below this.
    pub(crate) fn wish(&self, chance: &mut Chance, below: usize) -> Vec<Wish> {
        let places: Vec<_> = self.next_offsets.keys().collect();
        let count = 1 + chance.below(3);
        let wishes = (0..count).map(|_| {
            let &(_, domain, partition) = places[chance.below(places.len())];
            Wish { domain, partition, offset: chance.below(below) as i64 }
        });
        wishes.collect()
    }

    /// Whether every projection that folds them has them all.
    pub(crate) fn have(&self, wishes: &[Wish]) -> bool {
        wishes.iter().all(|wish| {
            let mut folding = self
                .next_offsets
                .iter()
                .filter(|((_, domain, partition), _)| (*domain, *partition) == (wish.domain, wish.partition));
            folding.all(|(_, next)| *next > wish.offset)
        })
    }

    /// One transaction: a projection gets on in each of its partitions, or another version of it is put in place.
    pub(crate) async fn change(&mut self, world: &World, chance: &mut Chance) {
        let names: Vec<_> = self.versions.keys().copied().collect();
        let projection = names[chance.below(names.len())];
        let swaps = chance.one_in(6);
        let version = self.versions.get_mut(projection).expect("it is one of them");
        *version += i32::from(swaps);
        let mut sql = String::new();
        for ((of, domain, partition), next) in &mut self.next_offsets {
            if *of != projection {
                continue;
            }
            // A version that comes may have come less far.
            *next += chance.below(5) as i64 - if swaps { 2.min(*next) } else { 0 };
            sql += &format!(
                "INSERT INTO projection.checkpoints (projection, version, topic, partition, next_offset, owner_epoch)
                 VALUES ('{projection}', {version}, '{}', {partition}, {next}, 1)
                 ON CONFLICT (projection, version, topic, partition) DO UPDATE SET next_offset = excluded.next_offset; ",
                domain.events_topic()
            );
        }
        sql += &format!("UPDATE projection.active SET version = {version} WHERE projection = '{projection}'");
        act(world, sql).await;
    }
}
