//! Snapshots that must not be believed, and what is left behind: the log is right.

use domain::community::{self, JoinCommunity};
use domain::user::{self, DisplayName, EmailAddress, RegisterUser};
use event_log::{DATA_KEYS, Record};
use event_schemas::state::Snapshot;
use event_schemas::{AggregateType, CommandId, CommunityId, Domain, UserId};
use uuid::Uuid;

use super::super::format::{digest, key_of_part};
use super::stage::{FOLD, Stage, Writer, decoder, encoder, partitions};
use crate::writer::key::Key;
use crate::writer::partition::Partition;
use crate::writer::{PartitionId, Target};

/// No pass begins before the farewell.
const NEVER: u64 = u64::MAX;

fn person(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

async fn register(writer: &Writer, n: u128) {
    let (email, name) = (format!("{n}@example.org"), format!("Ana {n}"));
    let register = RegisterUser {
        user_id: person(n),
        email: EmailAddress::parse(&email).expect("an address"),
        name: DisplayName::parse(&name).expect("a name"),
        invite: None,
    };
    let target = Target::new(AggregateType::User, person(n));
    let command = user::Command::RegisterUser(register);
    writer.execute(target, command, CommandId::new(Uuid::from_u128(n))).await.expect("registers");
}

/// A log on which twenty people registered, whose owner said farewell.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    let writer = stage.writer(FOLD, NEVER).await;
    for n in 0..20 {
        register(&writer, n).await;
    }
    writer.stop().await;
    stage
}

fn users() -> impl Iterator<Item = PartitionId> {
    partitions().into_iter().filter(|it| it.domain == Domain::User)
}

/// The users as this code takes them over; fails when that is not what the log tells.
async fn taken_over(stage: &Stage) -> Vec<Partition> {
    let mut taken_over = Vec::new();
    for id in users() {
        let partition = stage.taken_over(id, FOLD).await;
        partition.assert_same(&stage.replayed(id).await);
        taken_over.push(partition);
    }
    taken_over
}

async fn is_used(stage: &Stage) -> bool {
    taken_over(stage).await.iter().all(|it| it.snapshots.start().is_some())
}

/// Changes what a record says, so that its digest is right again.
async fn rewrite(stage: &Stage, which: impl Fn(&str) -> bool, change: impl Fn(&mut Snapshot)) {
    let change = |key: &str, it: &mut Snapshot| {
        change(it);
        it.digest = digest(key, it).to_vec();
    };
    alter(stage, which, change).await;
}

/// Changes a record that can be read afterwards, too.
async fn alter(stage: &Stage, which: impl Fn(&str) -> bool, change: impl Fn(&str, &mut Snapshot)) {
    let mut records: Vec<Record> = Vec::new();
    stage.log.damage("user-snapshots", |it| records.push(it.clone()));
    let mut rewritten = Vec::new();
    for record in records {
        let key = String::from_utf8(record.key.clone()).expect("text");
        let found = decoder().decode_state::<Snapshot>(&record).await.expect("is one");
        if let Some(mut snapshot) = found.filter(|_| which(&key)) {
            change(&key, &mut snapshot);
            let (at, partition) = (stage.now(), record.position.of.partition);
            let new = encoder().state_on("user-snapshots", partition, &key, Some(&snapshot), at);
            rewritten.push((record.position, new.expect("encodes").value));
        }
    }
    assert!(!rewritten.is_empty(), "something is rewritten");
    stage.log.damage("user-snapshots", |it| {
        if let Some((_, value)) = rewritten.iter().find(|(at, _)| *at == it.position) {
            it.value.clone_from(value);
        }
    });
}

fn is_checkpoint(key: &str) -> bool {
    key == "checkpoint"
}

#[tokio::test]
async fn a_farewell_leaves_a_snapshot_that_is_used() {
    assert!(is_used(&stage().await).await);
}

#[tokio::test]
async fn a_snapshot_is_used_after_its_topic_was_compacted() {
    let stage = stage().await;
    stage.log.compact("user-snapshots");
    assert!(is_used(&stage).await);
}

#[tokio::test]
async fn a_snapshot_of_other_code_is_ignored_and_written_anew() {
    let stage = stage().await;
    let newer = stage.writer("newer code", NEVER).await;
    register(&newer, 100).await;
    newer.stop().await;
    for id in users() {
        assert!(stage.taken_over(id, "newer code").await.snapshots.start().is_some(), "it wrote its own");
        assert!(stage.taken_over(id, FOLD).await.snapshots.start().is_none(), "which is strange to this one");
    }
    stage.writer(FOLD, NEVER).await.stop().await;
    assert!(is_used(&stage).await, "whoever ignored it leaves one of their own");
}

#[tokio::test]
async fn one_damaged_byte_anywhere_is_noticed() {
    for kind in ["user/", "ledger/", "checkpoint"] {
        for from_end in [1, 30] {
            let stage = stage().await;
            stage.log.damage("user-snapshots", |it| {
                if it.key.starts_with(kind.as_bytes())
                    && let Some(value) = &mut it.value
                {
                    let at = value.len() - from_end;
                    value[at] ^= 1;
                }
            });
            assert!(!is_used(&stage).await, "{kind} {from_end}");
        }
    }
}

#[tokio::test]
async fn damage_is_noticed_also_where_what_is_left_can_be_read() {
    for kind in ["user/", "checkpoint"] {
        let stage = stage().await;
        alter(&stage, |key| key.starts_with(kind), |_, it| it.version += 1).await;
        assert!(!is_used(&stage).await, "{kind}");
    }
}

#[tokio::test]
async fn commands_of_another_snapshot_are_ignored() {
    let stage = stage().await;
    rewrite(&stage, |key| key.starts_with("ledger/"), |it| it.version += 1).await;
    assert!(!is_used(&stage).await, "the checkpoint names others");
}

#[tokio::test]
async fn a_snapshot_that_is_ahead_of_the_log_is_ignored() {
    for of in [is_checkpoint, |key: &str| key.starts_with("user/")] {
        let stage = stage().await;
        rewrite(&stage, of, |it| it.last_offset += 1_000).await;
        assert!(!is_used(&stage).await);
    }
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_ignored() {
    let stage = stage().await;
    rewrite(&stage, is_checkpoint, |it| it.last_offset -= 1).await;
    assert!(!is_used(&stage).await);
}

#[tokio::test]
async fn a_snapshot_that_lacks_something_is_ignored() {
    for kind in ["user/", "ledger/"] {
        let stage = stage().await;
        stage.log.damage("user-snapshots", |it| {
            if it.key.starts_with(kind.as_bytes()) {
                it.value = None;
            }
        });
        assert!(!is_used(&stage).await, "{kind}");
    }
}

#[tokio::test]
async fn a_snapshot_from_before_some_events_of_an_aggregate_is_ignored() {
    let stage = stage().await;
    rewrite(&stage, |key| key.starts_with("user/"), |it| it.version -= 1).await;
    let writer = stage.writer("other code", NEVER).await;
    let registered = person(3);
    let update = user::UpdateProfile {
        name: Some(DisplayName::parse("Another").expect("a name")),
        ..user::UpdateProfile::of(registered)
    };
    let command = user::Command::UpdateProfile(Box::new(update));
    let id = CommandId::new(Uuid::from_u128(0xeeee));
    writer.execute(Target::new(AggregateType::User, registered), command, id).await.expect("updates");
    writer.crash().await;
    let of = writer_partition(registered);
    let partition = stage.taken_over(of, FOLD).await;
    assert!(partition.snapshots.start().is_none(), "version 2 does not follow version 0");
    partition.assert_same(&stage.replayed(of).await);
}

fn writer_partition(user: UserId) -> PartitionId {
    let number = encoder().partition("user-events", user.to_string().as_bytes());
    PartitionId { domain: Domain::User, number }
}

#[tokio::test]
async fn a_person_whose_key_is_destroyed_is_taken_over_as_forgotten() {
    let stage = stage().await;
    stage.log.damage(DATA_KEYS, |it| {
        if it.key == format!("user/{}", person(3)).into_bytes() {
            it.value = None;
        }
    });
    // Compared with a replay, which finds no key either.
    assert!(is_used(&stage).await);
    let partition = stage.taken_over(writer_partition(person(3)), FOLD).await;
    let key = Key::new(AggregateType::User, &person(3).to_string());
    let domain::State::User(user::State::Active(user)) = &partition.get(&key).expect("is there").state else {
        panic!("somebody who registered");
    };
    assert_eq!(user.profile.name, Some(event_schemas::Sealable::Forgotten));

    // Whoever took over writes what is left.
    let writer = stage.writer(FOLD, 1).await;
    for n in 200..230 {
        register(&writer, n).await;
    }
    writer.stop().await;
    assert!(is_used(&stage).await);
}

#[tokio::test]
async fn nothing_personal_stands_on_the_topic_in_clear() {
    let stage = stage().await;
    let mut records = 0;
    stage.log.damage("user-snapshots", |it| {
        let value = it.value.clone().unwrap_or_default();
        let contains = |text: &str| value.windows(text.len()).any(|it| it == text.as_bytes());
        assert!(!contains("example.org") && !contains("Ana"), "{}", String::from_utf8_lossy(&value));
        records += 1;
    });
    assert!(records > 20, "there is something on it");
}

#[tokio::test]
async fn a_large_aggregate_is_written_in_parts() {
    let stage = Stage::new().await;
    let writer = stage.writer(FOLD, NEVER).await;
    register(&writer, 1).await;
    writer.stop().await;
    let id = writer_partition(person(1));
    let partition = stage.taken_over(id, FOLD).await;
    let key = Key::new(AggregateType::User, &person(1).to_string());
    let live = partition.get(&key).expect("is there");
    let format = stage.format().await;
    let whole = format.aggregate(id, &key, live, stage.now()).expect("encodes").0;
    assert_eq!(whole.len(), 1);
    let records = format.in_parts_of(40).aggregate(id, &key, live, stage.now()).expect("encodes").0;
    assert!(records.len() > 2, "{}", records.len());
    let subject = super::super::format::Subject::Aggregate(key.clone());
    for (part, record) in (0..).zip(&records) {
        assert_eq!(record.key, key_of_part(&subject, part).into_bytes());
    }

    // What is left of a longer writing, then this one, as compaction leaves them.
    let restored = stage.restored(id, &[vec![records[2].clone()], records.clone()].concat()).await;
    assert_eq!(restored.get(&key).expect("is there").state, live.state);
    let cut = stage.restored(id, &records[..records.len() - 1]).await;
    assert!(cut.get(&key).is_none(), "not all parts are there");
}

#[tokio::test]
async fn commands_that_fail_do_not_stand_in_a_snapshot() {
    let stage = Stage::new().await;
    let writer = stage.writer(FOLD, 1).await;
    let community = CommunityId::new(Uuid::from_u128(5));
    let join = community::Command::JoinCommunity(JoinCommunity { by: person(1), message: None });
    let target = Target::new(AggregateType::Community, community);
    let refused = writer.execute(target, join, CommandId::new(Uuid::from_u128(1))).await;
    refused.expect_err("there is no such community");
    writer.stop().await;
    assert_eq!(stage.both_ways_agree().await, 0, "nothing has happened");
}
