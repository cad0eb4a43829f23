//! How a rebuild tells how far it is: a bar per partition on a terminal, else a line now and then.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use projectors::rebuild::{Phase, Progress};

use crate::terminal::mention;

/// How often a bar is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// How often a line is written.
const LINE: Duration = Duration::from_secs(2);

/// Characters of a bar.
const WIDTH: usize = 28;

/// Bars of partitions on the screen at once; the slowest are shown.
const MOST_BARS: usize = 12;

/// Tells the progress of one projection on standard error.
pub(super) struct Bar<'a> {
    name: &'a str,
    terminal: bool,
    last: Option<(Phase, Instant)>,
    /// Lines of the drawing that stands on the screen.
    drawn: usize,
}

impl<'a> Bar<'a> {
    /// Of this projection.
    pub(super) fn of(name: &'a str) -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|it| it == "dumb");
        Self { name, terminal: std::io::stderr().is_terminal() && !dumb, last: None, drawn: 0 }
    }

    /// It has come so far.
    pub(super) fn tell(&mut self, progress: &Progress) {
        let every = if self.terminal { REDRAW } else { LINE };
        if self.last.is_some_and(|(phase, at)| phase == progress.phase && at.elapsed() < every) {
            return;
        }
        self.last = Some((progress.phase, Instant::now()));
        if self.terminal {
            self.draw(&drawing(self.name, progress));
        } else {
            mention(line(self.name, progress));
        }
    }

    /// It has ended: the drawing goes.
    pub(super) fn end(&mut self) {
        if self.terminal {
            self.draw(&[]);
        }
    }

    fn draw(&mut self, lines: &[String]) {
        let text = redraw(self.drawn, lines);
        self.drawn = lines.len();
        // A terminal that has gone is no reason to stop.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Up to the first line of the last drawing, clear from there to the end of the screen, and draw. A line that is longer than
/// the screen is wide is cut off there: wrapped, it would take two rows, and the next drawing begin in the middle of this one.
fn redraw(drawn: usize, lines: &[String]) -> String {
    let mut text = String::from("\u{1b}[?7l");
    if drawn > 0 {
        let _ = write!(text, "\u{1b}[{drawn}A");
    }
    text.push_str("\r\u{1b}[J");
    lines.iter().for_each(|it| _ = writeln!(text, "{it}"));
    text.push_str("\u{1b}[?7h");
    text
}

/// Everything in one line.
fn line(name: &str, progress: &Progress) -> String {
    let (done, total) = progress.done_of();
    let what = if progress.phase == Phase::Writing { "rows" } else { "events" };
    let count = if progress.phase == Phase::Writing { progress.rows_written } else { progress.records };
    let mut line = format!("{name}: {} {} %, {count} {what}", progress.phase, percent(done, total));
    if progress.per_second > 0.0 {
        let _ = write!(line, ", {:.0}/s", progress.per_second);
    }
    if let Some(left) = progress.time_left {
        let _ = write!(line, ", {} left", seconds(left));
    }
    if let Some(trouble) = &progress.trouble {
        let _ = write!(line, ", waiting: {trouble}");
    }
    line
}

/// A line, and a bar for each partition that is read.
fn drawing(name: &str, progress: &Progress) -> Vec<String> {
    let (done, total) = progress.done_of();
    let mut lines = vec![format!("{} {}", bar(done, total), line(name, progress))];
    if progress.phase == Phase::Writing {
        return lines;
    }
    let mut partitions: Vec<_> = progress.partitions.iter().filter(|it| it.goal > 0).collect();
    let more = partitions.len().saturating_sub(MOST_BARS);
    if more > 0 {
        partitions.sort_by_key(|it| percent(offset(it.next), offset(it.goal)));
        partitions.truncate(MOST_BARS);
    }
    for it in partitions {
        let (next, goal) = (offset(it.next.min(it.goal)), offset(it.goal));
        let share = percent(next, goal);
        lines.push(format!("  {} {share:>3} %  {}/{}", bar(next, goal), it.topic, it.partition));
    }
    if more > 0 {
        lines.push(format!("  and {more} partitions that are further"));
    }
    lines
}

fn offset(it: i64) -> u64 {
    u64::try_from(it).unwrap_or(0)
}

fn percent(done: u64, total: u64) -> u64 {
    (done * 100).checked_div(total).unwrap_or(100).min(100)
}

fn bar(done: u64, total: u64) -> String {
    let filled = usize::try_from(percent(done, total)).unwrap_or(0) * WIDTH / 100;
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}

fn seconds(it: Duration) -> String {
    match it.as_secs() {
        short @ 0..120 => format!("{short} s"),
        long => format!("{} min", long.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use projectors::rebuild::{PartitionProgress, Phase, Progress};

    use super::{drawing, line, redraw};

    fn progress() -> Progress {
        let of = |partition, next| PartitionProgress {
            topic: "user-events".to_owned(),
            partition,
            next,
            goal: 100,
        };
        Progress {
            phase: Phase::CatchingUp,
            records: 120,
            rows_written: 0,
            rows_total: 0,
            partitions: vec![of(0, 50), of(1, 100)],
            per_second: 1_000.4,
            time_left: Some(Duration::from_secs(121)),
            trouble: None,
        }
    }

    #[test]
    fn a_line_tells_phase_share_pace_and_time_left() {
        assert_eq!(line("feed", &progress()), "feed: catching up 75 %, 120 events, 1000/s, 3 min left");
        let waiting = Progress { trouble: Some("no broker".to_owned()), time_left: None, ..progress() };
        assert!(line("feed", &waiting).ends_with("1000/s, waiting: no broker"));
    }

    #[test]
    fn a_drawing_has_a_bar_for_each_partition_as_far_as_they_fit() {
        let lines = drawing("feed", &progress());
        assert!(
            lines[1].contains(" 50 %  user-events/0") && lines[2].contains("100 %  user-events/1"),
            "{lines:?}"
        );
        let mut many = progress();
        many.partitions = (0..40)
            .map(|it| PartitionProgress { partition: it, next: i64::from(it), ..many.partitions[0].clone() })
            .collect();
        let lines = drawing("feed", &many);
        assert_eq!(lines.len(), 14);
        assert!(lines[1].contains("user-events/0") && lines[13].contains("28 partitions"), "{lines:?}");
    }

    #[test]
    fn a_line_takes_one_row_of_the_screen_however_long_it_is() {
        let long = "█".repeat(200);
        let text = redraw(2, std::slice::from_ref(&long));
        assert_eq!(text, format!("\u{1b}[?7l\u{1b}[2A\r\u{1b}[J{long}\n\u{1b}[?7h"));
        assert_eq!(redraw(0, &[]), "\u{1b}[?7l\r\u{1b}[J\u{1b}[?7h");
    }
}
