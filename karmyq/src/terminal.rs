//! How a command talks to people and to programs that read its output.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;

/// Exit code of a system that is not as it must be (`EX_CONFIG` of sysexits).
pub(crate) const MISCONFIGURED: u8 = 78;

/// Exit code of a command whose output could not be written (`EX_IOERR` of sysexits).
const UNWRITTEN: i32 = 74;

static NOBODY_READS: AtomicBool = AtomicBool::new(false);

/// A line of what was asked for, on standard output. A reader who has seen enough (`| head`) stops no job: it is carried out
/// as without one, and its exit code tells how it went. Output that a disk does not take ends the command.
pub(crate) fn say(line: impl Display) {
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => (),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => NOBODY_READS.store(true, Ordering::Relaxed),
        Err(error) => {
            mention(format_args!("karmyq: standard output: {error}"));
            std::process::exit(UNWRITTEN);
        }
    }
}

/// Whether the reader of standard output has gone, as far as [`say`] has noticed.
pub(crate) fn nobody_reads() -> bool {
    NOBODY_READS.load(Ordering::Relaxed)
}

/// A line about how it goes, on standard error. There is nobody else to tell where that is closed.
pub(crate) fn mention(line: impl Display) {
    _ = writeln!(std::io::stderr(), "{line}");
}

/// Why the command failed, with all causes, on standard error.
pub(crate) fn error(error: &anyhow::Error) {
    mention(format_args!("karmyq: {error:#}"));
}

/// Whoever sits here, for what others are to know: `ana@home`.
pub(crate) fn somebody() -> String {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", host.trim())
}

/// Lets what happens inside speak on standard error: warnings, or what `RUST_LOG` asks for.
pub(crate) fn show_warnings() {
    // What takes long is told by progress, not by the database driver.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,sqlx=error"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

/// Colours, where somebody sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// Colours when standard output is a terminal and `NO_COLOR` is unset.
    pub(crate) fn for_standard_output() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        Self { colours: std::io::stdout().is_terminal() && !refused }
    }

    /// Bold.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    /// Less important.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    /// Bad.
    pub(crate) fn red(self, text: impl Display) -> String {
        self.with("31", text)
    }

    /// Good.
    pub(crate) fn green(self, text: impl Display) -> String {
        self.with("32", text)
    }

    /// Live.
    pub(crate) fn cyan(self, text: impl Display) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: impl Display) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}
