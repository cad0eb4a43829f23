//! The picture of a flow: a box per line, indented below its cause and joined with it; to the right, when it happened.

use super::tree::Line;

/// Height of a line in units of the drawing.
const ROW: usize = 34;

/// Height of a box.
const BOX: usize = 26;

/// Width of a box.
const WIDE: usize = 330;

/// How much further right an effect stands than its cause.
const INDENT: usize = 28;

/// Width of the part that shows times.
const TIMES: usize = 300;

/// The drawing.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Where times begin.
    pub(super) times_x: usize,
    /// Where times end.
    pub(super) times_end: usize,
    pub(super) boxes: Vec<Drawn>,
}

/// A box.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) class: &'static str,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) wide: usize,
    pub(super) high: usize,
    pub(super) text_x: usize,
    pub(super) text_y: usize,
    pub(super) text: String,
    /// From its cause to it, in the form of SVG's `d`; empty at a root.
    pub(super) joint: String,
    /// Where its time lies.
    pub(super) dot_x: usize,
    pub(super) dot_y: usize,
    pub(super) time_x: usize,
    pub(super) time: String,
}

impl Picture {
    /// Of the lines of a flow.
    pub(super) fn of(lines: &[Line]) -> Self {
        let deepest = lines.iter().map(|it| it.depth).max().unwrap_or(0);
        let longest = lines.iter().map(|it| it.after_ms).max().unwrap_or(0).max(1);
        let times_x = 10 + deepest * INDENT + WIDE + 24;
        let boxes = lines.iter().enumerate().map(|(row, line)| drawn(row, line, lines, times_x, longest));
        Self {
            width: times_x + TIMES + 80,
            height: lines.len() * ROW + 10,
            times_x,
            times_end: times_x + TIMES,
            boxes: boxes.collect(),
        }
    }
}

fn drawn(row: usize, line: &Line, lines: &[Line], times_x: usize, longest: i64) -> Drawn {
    let (x, y) = (10 + line.depth * INDENT, 6 + row * ROW);
    let middle = y + BOX / 2;
    let joint = line.cause.map_or_else(String::new, |cause| {
        let (cause_x, cause_y) = (10 + lines[cause].depth * INDENT + 12, 6 + cause * ROW + BOX);
        format!("M {cause_x} {cause_y} V {middle} H {x}")
    });
    let after = usize::try_from(line.after_ms).unwrap_or(0);
    let dot_x = times_x + after * TIMES / usize::try_from(longest).unwrap_or(1).max(1);
    Drawn {
        class: line.kind.word(),
        x,
        y,
        wide: WIDE,
        high: BOX,
        text_x: x + 10,
        text_y: middle + 5,
        text: format!("{}: {}", line.kind.word(), line.title),
        joint,
        dot_x,
        dot_y: middle,
        time_x: dot_x + 9,
        time: format!("+{} ms", line.after_ms),
    }
}
