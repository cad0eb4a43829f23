//! The last hour of a projection as a drawing: lag in seconds, lag in events, and its state, above one another.
//!
//! Where nobody looked there is a gap, and no line across it. States differ by height as well as by colour.

use std::fmt::Write as _;

use sqlx::FromRow;

use super::words;

/// What is drawn, in seconds.
const SPAN: f64 = 3_600.0;

/// Width of a panel in units of the drawing.
const WIDTH: f64 = 600.0;

/// Height of a panel.
const HEIGHT: f64 = 60.0;

/// Samples further apart than this, in seconds, have a gap between them. They come every ten.
const GAP: f64 = 35.0;

/// What projectors saw when they looked around once.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Sample {
    pub(super) projection: String,
    /// Seconds ago.
    pub(super) age: f64,
    pub(super) state: String,
    pub(super) lag_events: i64,
    pub(super) lag_seconds: f64,
}

/// The drawing.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// What it shows, in a sentence.
    pub(super) says: String,
    pub(super) panels: [Panel; 2],
    /// Stretches of one state.
    pub(super) states: Vec<Stretch>,
}

/// One figure over time.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// The highest value that the panel reaches.
    pub(super) top: String,
    /// Lines between gaps, in the form of SVG's `points`.
    pub(super) lines: Vec<String>,
}

/// A time in one state, as a bar.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) state: String,
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Chart {
    /// Of samples of one projection, the oldest first; none without any.
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        let last = samples.last()?;
        let worst = samples.iter().map(|it| it.lag_seconds).fold(0.0, f64::max);
        let most = samples.iter().map(|it| it.lag_events).max().unwrap_or(0);
        let says = format!(
            "over the last hour: at most {} and {} events behind; last seen {} and {} events behind",
            words::seconds(worst),
            words::count(most),
            words::seconds(last.lag_seconds),
            words::count(last.lag_events),
        );
        // A line that never leaves the bottom says "live"; a scale of its own would make mountains of milliseconds.
        let (of_seconds, of_events) = (worst.max(5.0), most.max(10));
        let seconds = Panel {
            title: "seconds behind",
            top: words::seconds(of_seconds),
            lines: lines(samples, |it| it.lag_seconds / of_seconds),
        };
        let events = Panel {
            title: "events behind",
            top: words::count(of_events),
            lines: lines(samples, |it| it.lag_events as f64 / of_events as f64),
        };
        Some(Self { says, panels: [seconds, events], states: stretches(samples) })
    }
}

fn x(age: f64) -> f64 {
    WIDTH * (1.0 - age.clamp(0.0, SPAN) / SPAN)
}

/// Lines through the values, which are shares of the height.
fn lines(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Vec<String> {
    let mut lines = Vec::new();
    for run in samples.chunk_by(|a, b| a.age - b.age <= GAP) {
        let mut line = String::new();
        for it in run {
            let y = HEIGHT * (1.0 - value(it).clamp(0.0, 1.0));
            let _ = write!(line, "{:.1},{y:.1} ", x(it.age));
        }
        // One sample alone would be invisible.
        if let [it] = run {
            let y = HEIGHT * (1.0 - value(it).clamp(0.0, 1.0));
            let _ = write!(line, "{:.1},{y:.1}", x(it.age) + 1.5);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

fn stretches(samples: &[Sample]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut before: Option<&Sample> = None;
    for it in samples {
        let joined = before.filter(|before| before.age - it.age <= GAP && before.state == it.state);
        let end = x(it.age);
        match (joined, stretches.last_mut()) {
            (Some(_), Some(last)) => last.width = end - last.x,
            _ => {
                let begin =
                    before.filter(|before| before.age - it.age <= GAP).map_or(end, |before| x(before.age));
                let (width, height) = ((end - begin).max(1.5), height(&it.state));
                stretches.push(Stretch { state: it.state.clone(), x: begin, width, height });
            }
        }
        before = Some(it);
    }
    stretches
}

/// The worse, the higher.
fn height(state: &str) -> f64 {
    match state {
        "live" | "rebuilding" => 2.0,
        "parked_keys" => 5.0,
        "catching_up" => 8.0,
        "frozen" => 11.0,
        _ => 14.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Chart, Sample};

    fn sample(age: f64, state: &str, lag_seconds: f64) -> Sample {
        Sample { projection: "feed".to_owned(), age, state: state.to_owned(), lag_events: 4, lag_seconds }
    }

    #[test]
    fn nothing_is_drawn_where_nobody_looked() {
        assert!(Chart::of(&[]).is_none());
        let samples =
            [sample(3_600.0, "live", 0.0), sample(3_590.0, "live", 5.0), sample(900.0, "live", 10.0)];
        let chart = Chart::of(&samples).expect("there is something to draw");
        assert_eq!(chart.panels[0].lines, ["0.0,60.0 1.7,30.0", "450.0,0.0 451.5,0.0"]);
        assert_eq!(chart.states.len(), 2, "{:?}", chart.states);
        assert!(chart.says.contains("at most 10 s"), "{}", chart.says);
    }

    #[test]
    fn a_state_lasts_until_another_is_seen_and_is_told_by_its_height() {
        let samples = [
            sample(40.0, "live", 0.0),
            sample(30.0, "live", 0.0),
            sample(20.0, "frozen", 40.0),
            sample(10.0, "frozen", 50.0),
        ];
        let states = Chart::of(&samples).expect("there is something to draw").states;
        assert_eq!(states.len(), 2, "{states:?}");
        assert!(states[1].height > states[0].height);
        let rounded = |it: f64| (it * 10.0).round();
        assert_eq!(rounded(states[0].x + states[0].width), rounded(states[1].x));
    }
}
