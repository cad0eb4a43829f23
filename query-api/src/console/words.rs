//! Figures and times as pages say them.

use chrono::{DateTime, TimeDelta, Utc};

/// How long ago, in the largest unit that fits: `12 s`, `3 min`, `5 h`, `9 d`.
pub(super) fn ago(at: DateTime<Utc>) -> String {
    duration(Utc::now() - at)
}

/// A duration in the largest unit that fits; nothing is shorter than none.
pub(super) fn duration(it: TimeDelta) -> String {
    let seconds = it.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Seconds: `0 s`, `0.4 s`, `12 s`, `3 min`.
pub(super) fn seconds(it: f64) -> String {
    if it <= 0.0 {
        "0 s".to_owned()
    } else if it < 10.0 {
        format!("{it:.1} s")
    } else {
        let whole = std::time::Duration::try_from_secs_f64(it).unwrap_or(std::time::Duration::MAX);
        duration(TimeDelta::from_std(whole).unwrap_or(TimeDelta::MAX))
    }
}

/// A figure that is not counted, as the nearest count; nothing is less than none.
pub(super) fn whole(it: f64) -> String {
    count(it.round().max(0.0) as i64)
}

/// A count with its thousands apart: `1 234 567`.
pub(super) fn count(it: i64) -> String {
    let digits = it.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if it < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// An instant to the second.
pub(super) fn at(it: DateTime<Utc>) -> String {
    it.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Time of day to the millisecond.
pub(super) fn time(it: DateTime<Utc>) -> String {
    it.format("%H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests {
    use super::{count, duration, seconds};
    use chrono::TimeDelta;

    #[test]
    fn figures_are_said_in_the_unit_that_fits() {
        assert_eq!(count(0), "0");
        assert_eq!(count(-1_234), "-1\u{202f}234");
        assert_eq!(count(123_456_789), "123\u{202f}456\u{202f}789");
        assert_eq!(duration(TimeDelta::seconds(-5)), "0 s");
        assert_eq!(duration(TimeDelta::seconds(119)), "119 s");
        assert_eq!(duration(TimeDelta::seconds(7_199)), "119 min");
        assert_eq!(duration(TimeDelta::hours(47)), "47 h");
        assert_eq!(duration(TimeDelta::days(3)), "3 d");
        assert_eq!(
            (seconds(-1.0), seconds(0.44), seconds(61.0)),
            ("0 s".to_owned(), "0.4 s".to_owned(), "61 s".to_owned())
        );
    }
}
