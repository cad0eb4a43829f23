//! Runs programs in the root of the repository and says how long they took.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a folder of the repository")
}

/// `cargo` with these arguments.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments);
    command
}

/// Whether `cargo <subcommand>` is installed.
pub(crate) fn has_subcommand(name: &str) -> bool {
    let mut probe = cargo([name, "--version"]);
    probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

/// Runs the command, its output passed through.
///
/// # Errors
/// The sentence to show when it cannot start or fails.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<(), String> {
    println!("── {step}: {}", line(command));
    let begun = Instant::now();
    let status = command.current_dir(root()).status().map_err(|error| format!("{step}: {error}"))?;
    if status.success() {
        println!("── {step}: passed in {:.1} s", begun.elapsed().as_secs_f64());
        Ok(())
    } else {
        Err(format!("── {step}: failed. To repeat it: {}", line(command)))
    }
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={:?} ", name.to_str()?, value?.to_str()?)));
    let arguments = command.get_args().filter_map(|it| it.to_str()).map(|it| format!(" {it}"));
    variables.chain(["cargo".to_owned()]).chain(arguments).collect()
}
