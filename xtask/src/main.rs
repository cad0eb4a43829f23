//! The repository's own commands: `cargo xtask check`, `cargo xtask bless`, `cargo xtask mutants`,
//! `cargo xtask new-event`.
//!
//! Without dependencies, so that it builds in a second on any machine.
#![expect(clippy::print_stdout, reason = "a command line talks to its user")]

mod check;
mod event;
mod mutants;
mod shell;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["check"] => check::everything(),
        ["bless"] => bless(),
        ["mutants", ref names @ ..] => mutants::try_out(names),
        ["new-event", domain, name] => event::scaffold(domain, name),
        _ => Err(HELP.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}

const HELP: &str = "\
cargo xtask check                      what CI runs without servers: formatting, lints, docs, dependencies, tests, tidy
cargo xtask bless                      write the golden samples and digests that are missing; existing ones stay
cargo xtask mutants [NAME…]            take rules out of the code one at a time; the simulation, or what the patch names, has to notice
cargo xtask new-event <domain> <Type>  write the schema of a new event, ready to be filled in";

/// Golden samples and digests are written by the tests that compare them.
fn bless() -> Result<(), String> {
    shell::run(
        "bless",
        shell::cargo(["test", "--package", "event-schemas", "--test", "contract"]).env("BLESS", "1"),
    )
}
