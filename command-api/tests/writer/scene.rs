//! One or more writers on one log, and commands in short words.

use std::sync::Arc;
use std::time::Duration;

use command_api::views::Replicas;
use command_api::writer::{
    Clock, Executed, Failure, Handle, Origin, Parts, SnapshotConfig, Submission, Target, WriterConfig, start,
};
use domain::community::{AccessType, CommunityType, CreateCommunity, JoinCommunity, MemberCap, Name};
use domain::{Command, community};
use event_log::{Decoder, Encoder, EventLog, KeyRing, MasterKey, MemoryLog, Position, TopicPartition};
use event_schemas::topics::{Profile, manifest};
use event_schemas::{
    Actor, AggregateType, Codec, CommandId, CommunityId, CorrelationId, Domain, Event, Metadata, Payload,
    Recorded, UserId,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A log with one serving writer.
pub(crate) struct Scene {
    pub(crate) log: MemoryLog,
    pub(crate) handle: Handle,
    pub(crate) stop: CancellationToken,
    pub(crate) stopped: JoinHandle<()>,
}

/// What a writer finds.
pub(crate) struct Setting {
    /// Its view of the log.
    pub(crate) shared: Arc<dyn EventLog>,
    /// What it may own.
    pub(crate) domains: Vec<Domain>,
    /// Its time of day.
    pub(crate) clock: Clock,
}

impl Setting {
    /// Everything may be owned, and the time is what it is.
    pub(crate) fn of(shared: Arc<dyn EventLog>) -> Self {
        Self { shared, domains: Domain::ALL.to_vec(), clock: Clock::system() }
    }
}

/// How long a condition may take; far beyond what it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn person(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(0x1000 + n))
}

impl Scene {
    /// A new log and the first writer.
    pub(crate) async fn begin() -> Self {
        let log = MemoryLog::new();
        log.create_topics(&manifest(Profile::Small), 1).await.expect("creates topics");
        Self::on(log, "first").await
    }

    /// Another writer on a log; returns when it serves everything.
    pub(crate) async fn on(log: MemoryLog, instance: &str) -> Self {
        let scene = Self::joining(log, instance).await;
        let all = Domain::ALL
            .into_iter()
            .map(|it| event_schemas::topics::partitions(it, Profile::Small))
            .sum::<i32>();
        scene.until(|it| it.handle.serving().count() == usize::try_from(all).expect("small")).await;
        scene
    }

    /// Another writer that joins the ones that are there.
    pub(crate) async fn joining(log: MemoryLog, instance: &str) -> Self {
        let shared = Arc::new(log.clone());
        Self::joining_by(log, shared, instance).await
    }

    /// The same by a view of the log of its own.
    pub(crate) async fn joining_by(log: MemoryLog, shared: Arc<dyn EventLog>, instance: &str) -> Self {
        Self::set(log, Setting::of(shared), instance).await
    }

    /// Another writer as the setting has it.
    pub(crate) async fn set(log: MemoryLog, setting: Setting, instance: &str) -> Self {
        let Setting { shared, domains, clock } = setting;
        let stop = CancellationToken::new();
        let encoder = Encoder::new(Codec::local(), &manifest(Profile::Small));
        let decoder = Decoder::local();
        let keys = KeyRing::follow(
            Arc::clone(&shared),
            decoder.clone(),
            encoder.clone(),
            MasterKey::new([1; 32]),
            1,
            stop.clone(),
        );
        let views = Replicas::follow(Arc::clone(&shared), decoder.clone(), Profile::Small, stop.clone());
        let parts = Parts {
            log: shared,
            decoder,
            encoder,
            keys: keys.await.expect("follows keys"),
            views: views.await.expect("follows events"),
            clock,
        };
        let config = WriterConfig {
            domains,
            profile: Profile::Small,
            instance: instance.into(),
            address: format!("http://{instance}").into(),
            session_timeout: Duration::from_secs(6),
            queue: 1_000,
            window_records: 1_000,
            ledger_capacity: 100_000,
            snapshots: SnapshotConfig::default(),
        };
        let (handle, stopped) = start(config, parts, stop.clone()).await.expect("starts");
        Self { log, handle, stop, stopped }
    }

    /// Returns once the condition holds.
    pub(crate) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let holds = async {
            while !condition(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, holds).await.expect("the condition comes true");
    }

    pub(crate) fn submission(&self, (target, command): (Target, Command), key: &str) -> Submission {
        Submission { target, command, origin: origin(key) }
    }

    pub(crate) async fn execute(&self, asked: (Target, Command), key: &str) -> Result<Executed, Failure> {
        self.handle.execute(self.submission(asked, key)).await
    }

    /// Sends a command and goes on; its answer comes by the task.
    pub(crate) fn start(&self, asked: (Target, Command), key: &str) -> JoinHandle<Result<Executed, Failure>> {
        let (handle, submission) = (self.handle.clone(), self.submission(asked, key));
        tokio::spawn(async move { handle.execute(submission).await })
    }

    /// Lets everything that can run do so, and sees that the answer is not among it.
    pub(crate) async fn sees_no_answer(&self, call: &JoinHandle<Result<Executed, Failure>>) {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert!(!call.is_finished(), "answered before the window was decided");
    }

    pub(crate) async fn found(&self, founder: UserId) -> (CommunityId, Executed) {
        let submission = found(self, founder, "public");
        let id = submission.target.id.parse().expect("an id");
        (id, self.handle.execute(submission).await.expect("founds"))
    }

    pub(crate) async fn found_privately(&self, founder: UserId) -> CommunityId {
        let submission = found(self, founder, "private");
        let id = submission.target.id.parse().expect("an id");
        self.handle.execute(submission).await.expect("founds");
        id
    }

    pub(crate) async fn register(&self, user: UserId) {
        let key = format!("register {user}");
        self.execute(register(user), &key).await.expect("registers");
    }

    /// The events of a topic in order, per partition.
    pub(crate) async fn events(&self, topic: &str) -> Vec<Recorded<Event>> {
        let partitions =
            manifest(Profile::Small).into_iter().find(|it| it.name == topic).expect("a topic").partitions;
        let mut events = Vec::new();
        for number in 0..partitions {
            let of = TopicPartition::new(topic, number);
            let end = self.log.last_stable_offset(&of).await.expect("has an end");
            let mut reader = self.log.reader(vec![(of.clone(), 0)]).await.expect("reads");
            while reader.position(&of).expect("is read") < end {
                for record in reader.next(1_000, PATIENCE).await.expect("reads") {
                    events.push(Decoder::local().decode(&record).await.expect("decodes"));
                }
            }
        }
        events
    }

    /// Type names of a topic's events, once the condition holds for them.
    pub(crate) async fn eventually_events(
        &self,
        topic: &str,
        enough: impl Fn(&[&'static str]) -> bool,
    ) -> Vec<&'static str> {
        let found = async {
            loop {
                let names: Vec<_> =
                    self.events(topic).await.iter().map(|it| it.payload.entry().name).collect();
                if enough(&names) && self.commands_are_consumed().await {
                    return names;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the events come")
    }

    /// Returns once as many notifications were raised.
    pub(crate) async fn until_raised(&self, count: usize) {
        let raised = async {
            while self.raised().await < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, raised).await.expect("they are raised");
    }

    async fn raised(&self) -> usize {
        let events = self.events("notification-events").await;
        events.iter().filter(|it| it.payload.entry().name == "NotificationRaised").count()
    }

    /// How many records nobody could carry out.
    pub(crate) async fn dead_letters(&self) -> usize {
        let of = TopicPartition::new("dead-letters", 0);
        let end = self.log.last_stable_offset(&of).await.expect("has an end");
        usize::try_from(end).expect("small")
    }

    /// Whether every command that a policy sent has brought about its events: here each of them raises one notification.
    async fn commands_are_consumed(&self) -> bool {
        let of = TopicPartition::new("notification-commands", 0);
        let end = self.log.last_stable_offset(&of).await.expect("has an end");
        let mut reader = self.log.reader(vec![(of.clone(), 0)]).await.expect("reads");
        let mut sent = 0;
        while reader.position(&of).expect("is read") < end {
            sent += reader.next(1_000, PATIENCE).await.expect("reads").len();
        }
        self.raised().await == sent
    }

    pub(crate) async fn versions_of(&self, community: CommunityId) -> Vec<i64> {
        let id = community.to_string();
        let events = self.events("community-events").await;
        events
            .iter()
            .filter(|it| it.envelope.aggregate_id == id)
            .map(|it| it.envelope.aggregate_version)
            .collect()
    }

    pub(crate) async fn record_at(&self, position: &Position) -> Recorded<Event> {
        let mut reader = self.log.reader(vec![(position.of.clone(), position.offset)]).await.expect("reads");
        let records = reader.next(1, PATIENCE).await.expect("reads");
        Decoder::local().decode(&records[0]).await.expect("decodes")
    }

    /// Stops the writer and waits until it has given everything back.
    pub(crate) async fn end(self) -> MemoryLog {
        self.stop.cancel();
        self.stopped.await.expect("drains");
        self.log
    }
}

pub(crate) fn origin(key: &str) -> Origin {
    let command_id = CommandId::new(Uuid::new_v5(&Uuid::nil(), key.as_bytes()));
    Origin {
        command_id,
        fingerprint: [5; 8],
        correlation_id: CorrelationId::from(command_id),
        actor: Some(Actor::User(person(0))),
        metadata: Metadata::default(),
        traceparent: None,
        expected_version: None,
    }
}

pub(crate) fn found(scene: &Scene, founder: UserId, access: &str) -> Submission {
    let origin = origin(&format!("found {founder} {access}"));
    let id = CommunityId::new(scene.handle.new_id_for(Domain::Community, origin.command_id));
    let command = community::Command::CreateCommunity(Box::new(CreateCommunity {
        community_id: id,
        by: founder,
        name: Name::parse("Lindenhof").expect("a name"),
        description: None,
        location: None,
        category: None,
        max_members: MemberCap::parse(150).expect("a cap"),
        access_type: if access == "public" { AccessType::Public } else { AccessType::Private },
        community_type: CommunityType::MutualAid,
        config: None,
    }));
    Submission { target: Target::new(AggregateType::Community, id), command: command.into(), origin }
}

pub(crate) fn register(user: UserId) -> (Target, Command) {
    let command = domain::user::Command::RegisterUser(domain::user::RegisterUser {
        user_id: user,
        email: domain::user::EmailAddress::parse(&format!("{user}@example.org")).expect("an address"),
        name: domain::user::DisplayName::parse("Ana").expect("a name"),
        invite: None,
    });
    (Target::new(AggregateType::User, user), command.into())
}

pub(crate) fn rename(user: UserId, name: &str) -> (Target, Command) {
    let mut update = domain::user::UpdateProfile::of(user);
    update.name = Some(domain::user::DisplayName::parse(name).expect("a name"));
    let command = domain::user::Command::UpdateProfile(Box::new(update));
    (Target::new(AggregateType::User, user), command.into())
}

pub(crate) fn join(community: CommunityId, user: UserId) -> (Target, Command) {
    let command = community::Command::JoinCommunity(JoinCommunity { by: user, message: None });
    (Target::new(AggregateType::Community, community), command.into())
}

pub(crate) fn join_privately(community: CommunityId, user: UserId) -> (Target, Command) {
    let message = Some(community::JoinMessage::parse("I live next door").expect("a message"));
    let command = community::Command::JoinCommunity(JoinCommunity { by: user, message });
    (Target::new(AggregateType::Community, community), command.into())
}
