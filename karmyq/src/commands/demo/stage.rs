//! How the story is told: a line for everything that happens, with colours when somebody watches.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::terminal::{Paint, say};

/// Where the story is told.
#[derive(Debug)]
pub(crate) struct Stage {
    paint: Paint,
    opened: Instant,
    scenes: usize,
    commands: usize,
    slowest_visible: Duration,
    notices: usize,
    slowest_notice: Duration,
}

impl Stage {
    /// An empty stage.
    pub(crate) fn open() -> Self {
        let paint = Paint::for_standard_output();
        say(paint.bold("An exchange between neighbours, on the running services"));
        Self {
            paint,
            opened: Instant::now(),
            scenes: 0,
            commands: 0,
            slowest_visible: Duration::ZERO,
            notices: 0,
            slowest_notice: Duration::ZERO,
        }
    }

    /// The next part of the story begins.
    pub(crate) fn scene(&mut self, title: &str) {
        self.scenes += 1;
        say("");
        say(self.paint.bold(format_args!("{}. {title}", self.scenes)));
    }

    /// A command was answered, and its effect was seen in the read models.
    pub(crate) fn done(&mut self, what: &str, position: &str, answered: Duration, visible: Duration) {
        self.commands += 1;
        self.slowest_visible = self.slowest_visible.max(visible);
        let figures = format!("{position} · answered in {} · visible after {}", ms(answered), ms(visible));
        say(format_args!("   {} {what:<52} {}", self.paint.green("✓"), self.paint.dim(figures)));
    }

    /// Something was found to be as it should be.
    pub(crate) fn seen(&self, what: impl Display) {
        say(format_args!("   {} {what}", self.paint.green("✓")));
    }

    /// A notice popped up at somebody who was listening.
    pub(crate) fn notice(&mut self, who: &str, text: &str, after: Duration) {
        self.notices += 1;
        self.slowest_notice = self.slowest_notice.max(after);
        let figures = self.paint.dim(format_args!("({} after the command was sent)", ms(after)));
        say(format_args!("     {} {who} sees live: {text} {figures}", self.paint.cyan("→")));
    }

    /// The end, good or bad.
    pub(crate) fn close(&self, error: Option<&anyhow::Error>) {
        say("");
        if error.is_some() {
            say(self.paint.red("✗ The story broke off: something is not as it should be."));
            return;
        }
        let told = format!(
            "{} commands, each visible within {}; {} notices, each live within {}; {:.1} s in all",
            self.commands,
            ms(self.slowest_visible),
            self.notices,
            ms(self.slowest_notice),
            self.opened.elapsed().as_secs_f64(),
        );
        say(format_args!("{} {told}", self.paint.green("✓ Everything is as it should be:")));
    }
}

fn ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
