//! One process of the system: started, signalled, and started again whenever it ends without being asked.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tokio::time::{Instant, sleep};

use crate::network::Network;
use crate::party::Party;

/// How often an ending is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// Most characters of what a process said last.
const TOLD: usize = 400;

/// How long a supervisor lets a process that ended by itself lie.
const BACK_OFF: Duration = Duration::from_secs(1);

/// What a process is started as.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Variables beside those of this process.
    pub(crate) variables: Vec<(String, String)>,
    /// Where it runs.
    pub(crate) folder: PathBuf,
    /// What it says; each start adds to it.
    pub(crate) log: PathBuf,
    /// Asks it to end.
    pub(crate) stop: Signal,
}

/// A process of the system.
#[derive(Debug)]
pub(crate) struct Process {
    /// Which one.
    pub(crate) party: Party,
    recipe: Recipe,
    network: Arc<Network>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    child: Option<Child>,
    /// Whether it should run.
    wanted: bool,
    /// When its supervisor may start it again.
    not_before: Option<Instant>,
    /// Bytes that no file may grow beyond; none when there is room.
    room: Option<u64>,
    /// How it has ended without being asked.
    endings: Vec<Ending>,
}

/// How a process has ended without being asked.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) status: ExitStatus,
    last_line: String,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.last_line)
    }
}

impl Process {
    pub(crate) fn new(party: Party, recipe: Recipe, network: Arc<Network>) -> Arc<Self> {
        Arc::new(Self { party, recipe, network, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Starts it unless it runs.
    ///
    /// # Panics
    /// When its program or its log cannot be opened.
    pub(crate) fn start(&self) {
        let mut state = self.state();
        state.wanted = true;
        if state.child.is_none() {
            let child = self.spawn();
            self.network.is_process(self.party, child.id());
            limit(child.id(), state.room);
            state.child = Some(child);
        }
    }

    fn spawn(&self) -> Child {
        let Recipe { command, variables, folder, log, stop: _ } = &self.recipe;
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        let (program, arguments) = command.split_first().expect("a program");
        Command::new(program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// Sends it a signal, if it runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(child) = &self.state().child {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has a pid");
            // It may have ended by itself just now; its supervisor sees that.
            _ = kill_process(pid, signal);
        }
    }

    /// Lets no file that it or a child of it writes grow beyond so many bytes, also after a start.
    pub(crate) fn limit_files(&self, room: Option<u64>) {
        let mut state = self.state();
        state.room = room;
        if let Some(child) = &state.child {
            // A child that is born meanwhile inherits the limit.
            limit(child.id(), room);
            children(child.id()).for_each(|it| limit(it, room));
        }
    }

    /// Kills it as `kill -9` does. It stays down until it is started.
    pub(crate) async fn kill(&self) {
        self.state().wanted = false;
        self.signal(Signal::KILL);
        self.gone(Duration::from_secs(10)).await;
    }

    /// Asks it to end, and kills it when it does not; false if that was needed. It stays down until it is started.
    pub(crate) async fn stop(&self, patience: Duration) -> bool {
        self.state().wanted = false;
        self.signal(self.recipe.stop);
        let ended = self.gone(patience).await;
        if !ended {
            self.kill().await;
        }
        ended
    }

    /// Waits until it has ended, at most so long.
    async fn gone(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            self.look();
            if self.state().child.is_none() {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            sleep(LOOK).await;
        }
    }

    /// Notices when it has ended.
    fn look(&self) {
        let mut state = self.state();
        let Some(child) = &mut state.child else { return };
        let Ok(Some(status)) = child.try_wait() else { return };
        state.child = None;
        if state.wanted {
            state.endings.push(Ending { status, last_line: self.last_line() });
            state.not_before = Some(Instant::now() + BACK_OFF);
        }
    }

    /// Starts it again whenever it ends without being asked, for ever.
    pub(crate) async fn supervise(self: Arc<Self>) {
        loop {
            self.look();
            let due = {
                let state = self.state();
                let rested = state.not_before.is_none_or(|it| it <= Instant::now());
                state.wanted && state.child.is_none() && rested
            };
            if due {
                self.start();
            }
            sleep(LOOK).await;
        }
    }

    /// How it has ended without being asked, so far, with what it said last.
    pub(crate) fn endings(&self) -> Vec<Ending> {
        self.state().endings.clone()
    }

    /// What it said last, as far as it can be read; of an error with causes and backtrace its first line.
    fn last_line(&self) -> String {
        let said = std::fs::read(&self.recipe.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let says = |it: &&str| !it.is_empty() && !it.starts_with(char::is_whitespace) && !it.ends_with(':');
        said.lines().rev().find(says).unwrap_or("it said nothing").chars().take(TOLD).collect()
    }

    /// What it has said.
    pub(crate) const fn log(&self) -> &PathBuf {
        &self.recipe.log
    }
}

impl Drop for Process {
    /// Nothing outlives the run. A process that stands still dies of this signal, too.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(child) = &mut self.state().child {
            drop(child.wait());
        }
    }
}

/// Lets no file that a process writes grow beyond so many bytes.
fn limit(process: u32, room: Option<u64>) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process has a pid");
    let maximum = getrlimit(Resource::Fsize).maximum;
    // It may have ended by itself just now.
    _ = prlimit(Some(pid), Resource::Fsize, Rlimit { current: room.or(maximum), maximum });
}

/// Processes that this one has started.
fn children(of: u32) -> impl Iterator<Item = u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(move |it| {
        let pid = it.file_name().to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(it.path().join("stat")).ok()?;
        // State and parent follow the name, which may hold anything.
        let parent: u32 = text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent == of).then_some(pid)
    })
}
