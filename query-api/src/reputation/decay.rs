//! Karma fades: half of it in every half-life of the community (reputation.md 5.2).

use chrono::{DateTime, TimeDelta, Utc};

const SECONDS_PER_DAY: f64 = 86_400.0;

/// How far back the trend looks.
const TREND_SPAN: TimeDelta = TimeDelta::days(7);
/// A larger difference than this is a trend.
const TREND_POINTS: f64 = 10.0;

/// Points of one award.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Award {
    /// May be negative.
    pub(crate) points: i32,
    /// When it was earned.
    pub(crate) earned_at: DateTime<Utc>,
}

/// Where current karma is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trend {
    Growing,
    Stable,
    Declining,
}

/// Points after `age_days` with this half-life in days; 0 means that nothing fades.
pub(crate) fn decayed(points: f64, age_days: f64, half_life_days: f64) -> f64 {
    if half_life_days == 0.0 { points } else { points * 0.5_f64.powf(age_days.max(0.0) / half_life_days) }
}

/// Days from `earlier` to `now`, never negative.
pub(crate) fn age_days(earlier: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    let micros = (now - earlier).num_microseconds().unwrap_or(i64::MAX);
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of centuries fit 53 bits well enough for a decay"
    )]
    let seconds = micros as f64 / 1e6;
    (seconds / SECONDS_PER_DAY).max(0.0)
}

/// What all awards are worth at `now`, unrounded. One of a clock ahead of ours counts in full.
pub(crate) fn current(awards: &[Award], half_life_days: f64, now: DateTime<Utc>) -> f64 {
    awards.iter().map(|it| decayed(it.points.into(), age_days(it.earned_at, now), half_life_days)).sum()
}

/// Current karma against that of seven days ago.
pub(crate) fn trend(awards: &[Award], half_life_days: f64, now: DateTime<Utc>) -> Trend {
    let then = now - TREND_SPAN;
    let earlier: Vec<_> = awards.iter().copied().filter(|it| it.earned_at <= then).collect();
    let difference = current(awards, half_life_days, now) - current(&earlier, half_life_days, then);
    if difference > TREND_POINTS {
        Trend::Growing
    } else if difference < -TREND_POINTS {
        Trend::Declining
    } else {
        Trend::Stable
    }
}

/// Two decimals, half away from zero.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::{Award, Trend, current, decayed, rounded, trend};

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn award(points: i32, age_days: i64) -> Award {
        Award { points, earned_at: now() - TimeDelta::days(age_days) }
    }

    #[test]
    fn karma_halves_every_half_life() {
        let vectors = [
            (0.0, 180.0, 100.0),
            (30.0, 180.0, 89.09),
            (90.0, 180.0, 70.71),
            (180.0, 180.0, 50.0),
            (360.0, 180.0, 25.0),
            (540.0, 180.0, 12.5),
            (180.0, 90.0, 25.0),
            (180.0, 0.0, 100.0),
            (180.0, 720.0, 84.09),
        ];
        for (age, half_life, expected) in vectors {
            assert_eq!(
                rounded(decayed(100.0, age, half_life)),
                expected,
                "{age} days, half-life {half_life}"
            );
        }
    }

    #[test]
    fn awards_are_summed_before_they_are_rounded() {
        let awards = [award(60, 0), award(15, 0), award(60, 180), award(40, 360)];
        assert_eq!(rounded(current(&awards, 180.0, now())), 115.0);
    }

    #[test]
    fn the_trend_looks_back_seven_days() {
        assert_eq!(trend(&[award(11, 1)], 180.0, now()), Trend::Growing);
        assert_eq!(trend(&[award(10, 1)], 180.0, now()), Trend::Stable);
        assert_eq!(trend(&[award(1_000, 10)], 180.0, now()), Trend::Declining);
        assert_eq!(trend(&[], 180.0, now()), Trend::Stable);
    }
}
