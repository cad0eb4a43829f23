//! How alive a community is (community.md 6.5).

use serde::Serialize;

/// What happened in the period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Facts {
    /// Exchanges credited there.
    pub(crate) matches: u32,
    /// Distinct people in them.
    pub(crate) participants: u32,
    /// Active members now.
    pub(crate) members: u32,
    /// Mean quality of the feedback, 1-5; none without feedback.
    pub(crate) mean_quality: Option<f64>,
}

/// Where exchanges are going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    Growing,
    Stable,
    Declining,
}

/// Activity, quality and density, each 0-100. A missing divisor gives 0.
pub(crate) fn parts(facts: &Facts) -> [f64; 3] {
    let per = |divisor: u32| if divisor == 0 { 0.0 } else { f64::from(facts.matches) / f64::from(divisor) };
    let activity = (per(facts.participants) * 20.0).min(100.0);
    let quality = facts.mean_quality.unwrap_or(0.0) / 5.0 * 100.0;
    let density = (per(facts.members) * 100.0).min(100.0);
    [activity, quality, density]
}

/// 0-100.
pub(crate) fn strength(facts: &Facts) -> f64 {
    let [activity, quality, density] = parts(facts);
    (0.4 * activity + 0.4 * quality + 0.2 * density).round()
}

/// The strength in a word.
pub(crate) fn label(strength: f64) -> &'static str {
    match strength {
        80.0.. => "Thriving",
        60.0.. => "Strong",
        40.0.. => "Growing",
        20.0.. => "Developing",
        _ => "Building",
    }
}

/// Exchanges of the last seven days against the seven before, in percent.
pub(crate) fn growth(before: u32, now: u32) -> f64 {
    match (before, now) {
        (0, 0) => 0.0,
        (0, _) => 100.0,
        (before, now) => ((f64::from(now) - f64::from(before)) / f64::from(before) * 100.0).round(),
    }
}

/// The growth in a word.
pub(crate) fn direction(growth: f64) -> Direction {
    if growth > 5.0 {
        Direction::Growing
    } else if growth < -5.0 {
        Direction::Declining
    } else {
        Direction::Stable
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Facts, direction, growth, label, parts, strength};

    #[test]
    fn strength_follows_activity_quality_and_density() {
        let vectors = [
            ((30, 20, 40, Some(4.0)), [30.0, 80.0, 75.0], 59.0, "Growing"),
            ((100, 20, 40, Some(4.8)), [100.0, 96.0, 100.0], 98.0, "Thriving"),
            ((3, 6, 6, Some(4.5)), [10.0, 90.0, 50.0], 50.0, "Growing"),
            ((0, 0, 10, None), [0.0, 0.0, 0.0], 0.0, "Building"),
        ];
        for ((matches, participants, members, mean_quality), expected, score, word) in vectors {
            let facts = Facts { matches, participants, members, mean_quality };
            assert_eq!(parts(&facts), expected, "{facts:?}");
            assert_eq!((strength(&facts), label(strength(&facts))), (score, word), "{facts:?}");
        }
    }

    #[test]
    fn growth_from_nothing_is_a_hundred_percent() {
        assert_eq!([growth(0, 0), growth(0, 3), growth(4, 5), growth(4, 2)], [0.0, 100.0, 25.0, -50.0]);
        assert_eq!(
            [6.0, 5.0, -5.0, -6.0].map(direction),
            [Direction::Growing, Direction::Stable, Direction::Stable, Direction::Declining]
        );
    }
}
