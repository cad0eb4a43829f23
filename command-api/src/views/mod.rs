//! Replicated views: what this instance knows of aggregates that it may not own, followed from the event topics.
//!
//! A view is a little behind. Whoever treats something as absent asks twice: once as it is, once after
//! [`Replicas::caught_up`], so that a client that has just joined is not refused.

mod tables;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::views::{CommunityFacts, Member, RequestFacts, UserFacts, Views};
use event_log::{Decoder, EventLog, Fold, LogError, Record, Tail, TopicPartition};
use event_schemas::topics::{self, Profile};
use event_schemas::{CommunityId, Domain, Event, MatchId, Recorded, RequestId, UserId};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tracing::error;

use self::tables::Tables;
use crate::writer::Failure;

/// The domains whose events the views fold.
pub const FOLLOWED: &[Domain] = &[Domain::User, Domain::Community, Domain::Request];

/// How long a caller waits for the views at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// The views of this instance; cheap to clone.
#[derive(Clone, Debug)]
pub struct Replicas {
    tables: Arc<RwLock<Tables>>,
    tail: Tail,
}

impl Replicas {
    /// Follows the topics from their start until `stop`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn follow(
        log: Arc<dyn EventLog>,
        decoder: Decoder,
        profile: Profile,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let tables = Arc::<RwLock<Tables>>::default();
        let of = |domain: &Domain| {
            let topic = domain.events_topic();
            (0..topics::partitions(*domain, profile)).map(move |it| TopicPartition::new(topic, it))
        };
        let partitions = FOLLOWED.iter().flat_map(of).collect();
        let fold = FoldViews { decoder, tables: Arc::clone(&tables) };
        Ok(Self { tables, tail: Tail::follow(log, partitions, fold, stop).await? })
    }

    /// Lets the views of these domains catch up to the present end of their topics.
    ///
    /// # Errors
    /// [`Failure::Lagging`] when that takes longer than two seconds.
    pub async fn caught_up(&self, which: &'static [Domain]) -> Result<(), Failure> {
        let lagging = Failure::Lagging(which.first().map_or("nothing", |it| it.name()));
        let end = self.tail.reach_end(|topic| which.iter().any(|it| it.events_topic() == topic));
        match tokio::time::timeout(PATIENCE, end).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(lagging),
        }
    }

    /// Waits, without a limit, until all views have come to what is decided now.
    ///
    /// # Errors
    /// When the log cannot be asked for its ends.
    pub async fn ready(&self) -> Result<(), LogError> {
        self.tail.reach_stable_end().await
    }
}

/// Folds the followed topics.
struct FoldViews {
    decoder: Decoder,
    tables: Arc<RwLock<Tables>>,
}

#[async_trait]
impl Fold for FoldViews {
    async fn fold(&mut self, records: Vec<Record>) {
        let mut events: Vec<Recorded<Event>> = Vec::with_capacity(records.len());
        for record in records {
            match self.decoder.decode(&record).await {
                Ok(event) => events.push(event),
                // Its owner cannot read it either and does not serve its partition; the views of the others go on.
                Err(fault) => {
                    error!(position = %record.position, %fault, "the views skip an unreadable event")
                }
            }
        }
        let mut tables = self.tables.write();
        events.iter().for_each(|it| tables.fold(it));
    }
}

impl Replicas {
    /// The name of a community, for answers.
    #[must_use]
    pub fn community_name(&self, community: CommunityId) -> Option<Arc<str>> {
        self.tables.read().names.get(&community).cloned()
    }
}

impl Views for Replicas {
    fn members(&self, community: CommunityId) -> Vec<Member> {
        self.tables.read().members.of(community)
    }

    fn member(&self, community: CommunityId, user: UserId) -> Option<Member> {
        self.tables.read().members.get(community, user)
    }

    fn communities_of(&self, user: UserId) -> Vec<CommunityId> {
        self.tables.read().members.communities_of(user)
    }

    fn community(&self, community: CommunityId) -> Option<Arc<CommunityFacts>> {
        self.tables.read().communities.get(&community).cloned()
    }

    fn user(&self, user: UserId) -> Option<UserFacts> {
        self.tables.read().users.get(&user).copied()
    }

    fn request(&self, request: RequestId) -> Option<Arc<RequestFacts>> {
        self.tables.read().requests.get(request)
    }

    fn request_of(&self, of: MatchId) -> Option<RequestId> {
        self.tables.read().requests.of_match(of)
    }

    fn open_requests(&self, user: UserId, community: CommunityId) -> Vec<RequestId> {
        self.tables.read().requests.open_of(user, community)
    }

    fn open_requests_in(&self, community: CommunityId) -> Vec<RequestId> {
        self.tables.read().requests.open_in(community)
    }
}
