//! Python programs of the tests, in a virtual environment of their own with pinned packages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::environment::scratch;
use crate::services::said;

/// Folder of the programs and of what they need.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/system");
const REQUIREMENTS: &str = include_str!("../system/requirements.txt");

/// Runs a program to its end, with this on its standard input. The first run installs the packages, which takes some
/// seconds.
///
/// # Panics
/// When there is no Python, or the packages cannot be had.
pub async fn run(program: &'static str, arguments: Vec<String>, input: String) -> Output {
    let run = move || {
        let mut child = Command::new(interpreter())
            .arg(Path::new(PROGRAMS).join(program))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A program that ends before it has read everything says why itself.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        child.wait_with_output().expect("python ends")
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

/// A Python with the packages; made once and kept beside the build until the requirements change.
fn interpreter() -> PathBuf {
    let folder = scratch().join("python");
    let (python, installed) = (folder.join("bin/python"), folder.join("installed.txt"));
    if std::fs::read_to_string(&installed).is_ok_and(|it| it == REQUIREMENTS) {
        return python;
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    let requirements = Path::new(PROGRAMS).join("requirements.txt");
    succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements));
    std::fs::write(installed, REQUIREMENTS).expect("the target folder is writable");
    python
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}
