//! A shard: one actor that decides the commands of its partitions and commits them window by window.
//!
//! Crash-only: whatever makes the instance doubt its ownership or the result of a commit ends the [`Session`]; the next
//! one joins the group anew and takes everything from the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, Fence, GroupConfig, GroupEvent, Lane, LogError, Membership, TopicPartition};
use futures::future::{join_all, try_join_all};
use tokio::runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::attendance::Attendance;
use super::carry::Tools;
use super::flight::{Flight, landing};
use super::gathering::Gathering;
use super::handle::{Job, Serving};
use super::internal::Inbox;
use super::owners::Announcer;
use super::ownership::{Leaving, Loaded};
use super::partition::{Partition, PartitionId};
use super::recall::Recall;
use super::snapshots::Saving;
use super::takeover::Takeover;
use super::window::{Window, respond};
use super::{Failure, WriterConfig};

/// The name of the writers' one group.
pub(super) const GROUP: &str = "karmyq-writers";
/// Lanes used in turn, because a lane's markers are still being written when the next window is ready.
const LANES: usize = 3;
/// Pause before a session begins again after a fault of the broker, or a takeover after one of the log.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How often the size of what is held in memory is told.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What lives as long as the process.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) config: WriterConfig,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) tools: Tools,
    pub(super) takeover: Takeover,
    /// Where takeovers run.
    pub(super) takeovers: runtime::Handle,
    pub(super) recall: Recall,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) serving: Serving,
    pub(super) attendance: Attendance,
    pub(super) stop: CancellationToken,
}

/// Why a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// The process stops.
    Stopped,
    /// An operator took the instance out of the group.
    Drained,
    /// Somebody else may own the partitions now.
    Fenced(String),
    /// A commit's result is unknown.
    Indeterminate(String),
    /// The log cannot be used at all.
    Unavailable(LogError),
}

impl Shard {
    /// Runs sessions until the process stops, from when its views are there: an owner without them could not decide.
    pub(super) async fn run(mut self) {
        if self.stop.run_until_cancelled(self.know_views()).await.is_none() {
            return;
        }
        for session in 0_u32.. {
            if !self.sit_out().await {
                return;
            }
            match self.session(session).await {
                End::Stopped => return,
                End::Drained => info!("left the writers' group"),
                End::Fenced(reason) => warn!(reason, "fenced: joining the writers anew"),
                End::Indeterminate(reason) => {
                    warn!(reason, "a commit's outcome is unknown: reading the log anew")
                }
                End::Unavailable(fault) => {
                    error!(%fault, "the log is not available to the writer, trying again");
                    // A pause between attempts, not a wait for a condition: nothing tells when a broker is back.
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Returns when the views have been at the end of their topics.
    async fn know_views(&self) {
        let began = Instant::now();
        while let Err(fault) = self.tools.views.ready().await {
            warn!(%fault, "cannot tell whether the views are there, trying again");
            // As after a session: nothing tells when a broker is back.
            tokio::time::sleep(RETRY_AFTER).await;
        }
        info!(duration_ms = began.elapsed().as_millis(), "the views are there: joining the writers");
    }

    /// Stays out of the group as long as an operator wants that; false when the process stops meanwhile.
    async fn sit_out(&mut self) -> bool {
        while !self.attendance.is_member() {
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = self.attendance.stay_out() => {}
                // It was sent here before its sender saw that the partition goes.
                job = self.jobs.recv() => match job {
                    Some(job) => respond(job.reply, Err(Failure::Moving)),
                    None => return false,
                },
            }
        }
        true
    }

    async fn session(&mut self, number: u32) -> End {
        let prefix = format!("{}-{number}", self.config.instance);
        let (membership, group, lanes) = match self.join(&prefix).await {
            Ok(joined) => joined,
            Err(fault) => return End::Unavailable(fault),
        };
        let announcer = Announcer {
            instance: Arc::clone(&self.config.instance),
            address: Arc::clone(&self.config.address),
            transactional_ids: lane_ids(&prefix).collect(),
            encoder: self.tools.encoder.clone(),
        };
        let mut session = Session {
            shard: self,
            fence: membership.fence(),
            group,
            lanes,
            announcer,
            partitions: HashMap::new(),
            unannounced: Vec::new(),
            leaving: Vec::new(),
            loading: JoinSet::new(),
            expected: HashMap::new(),
            takeovers: 0,
            positions: HashMap::new(),
            inbox: Inbox::default(),
            open: Window::default(),
            gathering: Gathering::default(),
            flight: None,
            saving: Saving::new(),
            gives_back: false,
        };
        let end = session.run().await;
        session.abandon(&end);
        // With it goes the ear for the group's events: nobody is asked any more whether something may be revoked.
        drop(session);
        // Leaving is a courtesy that spares the others the session timeout; without it they wait for that.
        if let Err(fault) = membership.leave().await {
            warn!(%fault, "could not leave the group");
        }
        if let End::Fenced(_) | End::Indeterminate(_) = end {
            self.end_transactions(&prefix).await;
        }
        end
    }

    /// Ends at once what a session's lanes may have left open; readers would wait for the transaction timeout otherwise.
    async fn end_transactions(&self, prefix: &str) {
        for (id, ended) in
            join_all(lane_ids(prefix).map(async |id| (id.clone(), self.log.fence(&id).await))).await
        {
            if let Err(fault) = ended {
                warn!(transactional_id = id, %fault, "could not end a lane's transaction, the broker will");
            }
        }
    }

    async fn join(
        &self,
        prefix: &str,
    ) -> Result<(Arc<dyn Membership>, mpsc::Receiver<GroupEvent>, Vec<Box<dyn Lane>>), LogError> {
        let lanes = try_join_all(lane_ids(prefix).map(async |id| self.log.lane(&id).await)).await?;
        let config = GroupConfig {
            group: GROUP.to_owned(),
            topics: self.config.domains.iter().map(|it| it.commands_topic().to_owned()).collect(),
            fetch: true,
            session_timeout: self.config.session_timeout,
        };
        let (membership, group) = self.log.join(config).await?;
        Ok((membership, group, lanes))
    }
}

/// The transactional ids of a session's lanes.
fn lane_ids(prefix: &str) -> impl Iterator<Item = String> {
    (0..LANES).map(move |lane| format!("{prefix}-{lane}"))
}

/// One membership in the group, from joining to leaving.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) shard: &'a mut Shard,
    /// Taken when the group was joined, so no window of this session passes after a loss.
    pub(super) fence: Arc<dyn Fence>,
    group: mpsc::Receiver<GroupEvent>,
    pub(super) lanes: Vec<Box<dyn Lane>>,
    pub(super) announcer: Announcer,
    /// Owned and loaded.
    pub(super) partitions: HashMap<PartitionId, Partition>,
    /// Served, and not announced to others.
    pub(super) unannounced: Vec<PartitionId>,
    /// Asked back by the group; given once the windows that hold their commands are decided.
    pub(super) leaving: Vec<Leaving>,
    pub(super) loading: JoinSet<Loaded>,
    /// Assigned and still loading, with the takeover that belongs to this assignment.
    pub(super) expected: HashMap<PartitionId, u64>,
    /// How many takeovers were begun.
    pub(super) takeovers: u64,
    /// Offsets to consume next on the command topics of what is assigned.
    pub(super) positions: HashMap<TopicPartition, i64>,
    /// Internal commands that wait for their partition or for a view.
    pub(super) inbox: Inbox,
    /// The window that collects.
    pub(super) open: Window,
    /// Whom it waits for.
    pub(super) gathering: Gathering,
    /// The window that is being committed.
    pub(super) flight: Option<Flight>,
    /// When it may write snapshots.
    pub(super) saving: Saving,
    /// Whether it gives everything back, and ends then: the process stops, or an operator wants the instance out.
    pub(super) gives_back: bool,
}

impl Session<'_> {
    async fn run(&mut self) -> End {
        let (stop, attendance) = (self.shard.stop.clone(), self.shard.attendance.clone());
        let mut jobs = Vec::new();
        let mut report = tokio::time::interval(REPORT_EVERY);
        // Not the token itself: it may be cancelled while this loop is busy elsewhere.
        let mut leaves = false;
        // The group's records and the clients' commands take turns, so that neither starves the other.
        let mut from_group = false;
        loop {
            if let Err(end) = self.proceed().await {
                return end;
            }
            if leaves && !self.gives_back && self.has_said_farewell() {
                self.give_everything_back();
                continue;
            }
            if self.gives_back && self.is_idle() {
                return if stop.is_cancelled() { End::Stopped } else { End::Drained };
            }
            let room = self.shard.config.window_records.saturating_sub(self.open.records.len());
            let (due, saves_from, gathers_until) = (self.next_due(), self.saves_from(), self.gathers_until());
            let takes_jobs = room > 0 && !self.gives_back;
            let clients_turn = from_group && takes_jobs && !self.shard.jobs.is_empty();
            // Whatever ends of its own accord stands before what may come without end, and snapshots come last. Nothing here
            // is left to chance.
            let step = tokio::select! {
                biased;
                done = landing(&mut self.flight), if self.flight.is_some() => self.landed(done),
                () = asked_to_leave(&stop, &attendance), if !leaves => {
                    leaves = true;
                    self.saving.say_farewell();
                    Ok(())
                }
                Some(loaded) = self.loading.join_next() => self.loaded(loaded),
                () = sleep_until(gathers_until), if gathers_until.is_some() => Ok(()),
                () = self.inbox.view_caught_up() => Ok(()),
                () = tokio::time::sleep_until(due), if room > 0 => { self.fire_timers(); Ok(()) }
                _ = report.tick() => { self.partitions.values().for_each(Partition::report); Ok(()) }
                event = self.group.recv(), if room > 0 && !clients_turn => {
                    from_group = true;
                    self.group_event(event)
                }
                taken = self.shard.jobs.recv_many(&mut jobs, room), if takes_jobs => {
                    from_group = false;
                    jobs.drain(..).for_each(|it| self.client(it));
                    if taken == 0 { Err(End::Stopped) } else { Ok(()) }
                }
                () = sleep_until(saves_from), if saves_from.is_some() && gathers_until.is_none() => Ok(()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Handles what waits, says goodbye to what leaves, and hands the open window to a lane when none is under way.
    async fn proceed(&mut self) -> Result<(), End> {
        self.take_internal().await;
        if self.flight.is_none() && self.gathers_until().is_none_or(|it| it <= Instant::now()) {
            self.announce_served()?;
            self.announce_leaving()?;
            self.save_some();
            if !self.open.is_empty() {
                self.commit();
            }
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.flight.is_none() && self.open.is_empty() && self.partitions.is_empty()
    }

    /// Until when the open window waits for callers although it could be handed to a lane; none when it does not.
    fn gathers_until(&self) -> Option<Instant> {
        let goes_on = self.leaving.is_empty() && !self.gives_back;
        let may_wait = goes_on && self.flight.is_none() && !self.open.is_empty() && self.has_room();
        may_wait.then(|| self.gathering.until(self.open.callers())).flatten()
    }

    fn next_due(&self) -> Instant {
        let now = self.shard.tools.clock.now();
        // What is due on a partition that leaves is its next owner's: waiting for it here would never end.
        let served = self.partitions.values().filter(|it| self.shard.serving.contains(it.id));
        let due = served.filter_map(Partition::next_due).min();
        let wait = due.map_or(Duration::from_secs(60), |it| it.since(now).to_std().unwrap_or_default());
        Instant::now() + wait.min(Duration::from_secs(60))
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Waits until the process stops, or an operator wants the instance out.
async fn asked_to_leave(stop: &CancellationToken, attendance: &Attendance) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = attendance.is_asked_to_leave() => {}
    }
}
