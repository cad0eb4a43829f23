//! How a command talks to people and to programs that read its output.

use std::fmt::Display;

/// Exit code of a system that is not as it must be (`EX_CONFIG` of sysexits).
pub(crate) const MISCONFIGURED: u8 = 78;

/// A line of what was asked for, on standard output.
#[expect(clippy::print_stdout, reason = "a command line talks to its user")]
pub(crate) fn say(line: impl Display) {
    println!("{line}");
}

/// Why the command failed, with all causes, on standard error.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("karmyq: {error:#}");
}
