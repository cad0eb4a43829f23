//! Commands without HTTP: the writer of command-api as a library, in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use command_api::views::Replicas;
use command_api::writer::{
    Clock, Handle, Origin, Parts, SnapshotConfig, Submission, Target, WriterConfig, WriterThread,
};
use domain::help_request::{
    AcceptMatch, Caller, Command, CompleteMatch, CreateRequest, Draft, Edit, Place, ProposeMatch,
    UpdateRequest, Windows,
};
use domain::views::Views;
use event_schemas::{
    Actor, AggregateType, CommandId, CommunityId, CorrelationId, Domain, MatchId, Metadata, RequestId,
    UserId, topics,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::closed_loop::{self, Answer, Carrier, Load, Plan};
use super::exchange::{Exchange, Mix, Pair, Side, Step};
use crate::engine::Engine;

/// How long the writer may take to serve everything.
const SERVING: Duration = Duration::from_secs(60);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A writer that owns all partitions.
#[derive(Debug)]
pub(super) struct Writer {
    handle: Handle,
    views: Replicas,
    stop: CancellationToken,
    stopped: JoinHandle<()>,
    _thread: WriterThread,
}

/// A client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    handle: Handle,
    views: Replicas,
}

/// Views that have come to the end of their topics.
pub(super) async fn follow(engine: &Engine, stop: &CancellationToken) -> Result<Replicas> {
    let (log, decoder) = (Arc::clone(&engine.log), engine.decoder.clone());
    let views = Replicas::follow(log, decoder, engine.profile, stop.clone()).await?;
    views.ready().await?;
    Ok(views)
}

/// Starts a writer, lets clients send commands to it, and stops it.
pub(super) async fn load(
    engine: &Engine,
    clients: usize,
    pairs: &[Arc<Pair>],
    mix: Mix,
    plan: Plan,
) -> Result<Load> {
    let writer = Writer::start(engine, SnapshotConfig::default()).await?;
    let clients = closed_loop::exchanging(vec![writer.client(); clients], pairs, mix);
    let load = closed_loop::run(clients, plan).await;
    writer.stop().await?;
    load
}

impl Writer {
    /// Returns when it serves everything.
    pub(super) async fn start(engine: &Engine, snapshots: SnapshotConfig) -> Result<Self> {
        let stop = CancellationToken::new();
        let views = follow(engine, &stop).await?;
        Self::with(engine, views, snapshots, stop).await
    }

    /// Starts one with these views; returns when it serves everything.
    pub(super) async fn with(
        engine: &Engine,
        views: Replicas,
        snapshots: SnapshotConfig,
        stop: CancellationToken,
    ) -> Result<Self> {
        let Engine { log, decoder, encoder, keys, profile, .. } = engine;
        let config = WriterConfig {
            domains: Domain::ALL.to_vec(),
            profile: *profile,
            instance: format!("bench-{}", Uuid::now_v7()).into(),
            // Nobody is told to go there: this writer owns everything.
            address: "http://127.0.0.1:0".into(),
            session_timeout: Duration::from_secs(6),
            queue: 20_000,
            window_records: 5_000,
            ledger_capacity: 2_000_000,
            snapshots,
        };
        let parts = Parts {
            log: Arc::clone(log),
            decoder: decoder.clone(),
            encoder: encoder.clone(),
            keys: keys.clone(),
            views: views.clone(),
            clock: Clock::system(),
        };
        let thread = WriterThread::start()?;
        let (handle, stopped) = thread.writer(config, parts, stop.clone()).await?;
        let writer = Self { handle, views, stop, stopped, _thread: thread };
        writer.serves_all(*profile).await?;
        Ok(writer)
    }

    /// The way to it.
    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// A client of it.
    pub(super) fn client(&self) -> Client {
        Client { handle: self.handle.clone(), views: self.views.clone() }
    }

    /// Returns when it has given everything back.
    pub(super) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.stopped.await?)
    }

    async fn serves_all(&self, profile: topics::Profile) -> Result<()> {
        let all = Domain::ALL.into_iter().map(|it| topics::partitions(it, profile)).sum::<i32>();
        let deadline = Instant::now() + SERVING;
        while self.handle.serving().count() < usize::try_from(all)? {
            let stuck = self.handle.serving().stuck_reasons();
            ensure!(Instant::now() < deadline, "the writer does not serve all partitions: {stuck:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Carrier for Client {
    async fn carry(&mut self, pair: &Pair, exchange: &Exchange) -> Result<Answer> {
        let command_id = CommandId::new(Uuid::now_v7());
        let (command, side, created) = self.command(pair, exchange, command_id)?;
        // A request that is not asked yet is what this command creates.
        let request = Some(exchange.request.as_str()).filter(|it| !it.is_empty()).or(created.as_deref());
        let request: RequestId = request.context("a step before the request")?.parse()?;
        let actor = user(pair, side)?;
        let origin = Origin {
            command_id,
            fingerprint: [0; 8],
            correlation_id: CorrelationId::from(command_id),
            actor: Some(Actor::User(actor)),
            metadata: Metadata { user_id: Some(actor), ..Metadata::default() },
            traceparent: None,
            expected_version: None,
        };
        let target = Target::new(AggregateType::HelpRequest, request);
        let executed = self.handle.execute(Submission { target, command: command.into(), origin }).await?;
        ensure!(!executed.events.is_empty(), "a step changed nothing: {:?}", exchange.step());
        Ok(Answer::Done(created))
    }
}

impl Client {
    /// The command of the next step, whose it is, and the id of what it creates.
    fn command(
        &self,
        pair: &Pair,
        exchange: &Exchange,
        id: CommandId,
    ) -> Result<(Command, Side, Option<String>)> {
        let by = |side| Ok::<_, anyhow::Error>(Caller { user: user(pair, side)?, in_audience: true });
        Ok(match exchange.step() {
            Step::Ask => {
                let create = self.question(pair, exchange, id)?;
                let request = create.request_id.to_string();
                (Command::CreateRequest(Box::new(create)), Side::Requester, Some(request))
            }
            Step::Edit => {
                let body = json!({"title": exchange.title()});
                let edit = Edit::parse(members(&body)?).map_err(|it| anyhow!("{it:?}"))?;
                let update = UpdateRequest { by: by(Side::Requester)?, edit };
                (Command::UpdateRequest(Box::new(update)), Side::Requester, None)
            }
            Step::Propose => {
                let match_id = MatchId::new(Uuid::now_v7());
                let message = Some("I have a trolley, too".to_owned());
                let propose = ProposeMatch {
                    match_id,
                    by: by(Side::Helper)?,
                    outsider: false,
                    offer_id: None,
                    message,
                };
                (Command::ProposeMatch(propose), Side::Helper, Some(match_id.to_string()))
            }
            Step::Accept => {
                let (match_id, present) = (exchange.meeting.parse()?, vec![user(pair, Side::Helper)?]);
                let by = user(pair, Side::Requester)?;
                let accept = AcceptMatch { match_id, by, travel_time_minutes: 60, present };
                (Command::AcceptMatch(accept), Side::Requester, None)
            }
            Step::Confirm(side) => {
                let (match_id, by) = (exchange.meeting.parse()?, user(pair, side)?);
                let complete = CompleteMatch { match_id, by, windows: Windows::default() };
                (Command::CompleteMatch(complete), side, None)
            }
        })
    }

    fn question(&self, pair: &Pair, exchange: &Exchange, id: CommandId) -> Result<CreateRequest> {
        let community: CommunityId = pair.community.parse()?;
        let facts = self.views.community(community).context("the views do not know the community")?;
        let draft = Draft::parse(members(&exchange.question(pair))?).map_err(|it| anyhow!("{it:?}"))?;
        Ok(CreateRequest {
            request_id: RequestId::new(self.handle.new_id_for(Domain::Request, id)),
            requester: user(pair, Side::Requester)?,
            draft,
            places: vec![Place { community, member: true, facts }],
            everywhere: false,
        })
    }
}

fn user(pair: &Pair, side: Side) -> Result<UserId> {
    Ok(pair.person(side).id.parse()?)
}

fn members(body: &Value) -> Result<&serde_json::Map<String, Value>> {
    body.as_object().context("a body is an object")
}
