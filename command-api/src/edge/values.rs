//! Readers of single values, see `fields`.

use std::str::FromStr;

use domain::text::{Fault, Text};
use serde_json::Value;

use super::fields::Place;

/// Text in NFC, trimmed, of `MIN` to `MAX` scalar values.
pub(crate) fn text<const MIN: usize, const MAX: usize>(place: Place<'_>) -> Option<Text<MIN, MAX>> {
    place.parse(|value| Text::parse(as_text(value)?))
}

/// Text as it is, for the domain to parse.
pub(crate) fn raw(place: Place<'_>) -> Option<String> {
    place.parse(|value| as_text(value).map(str::to_owned))
}

/// Text that the domain parses.
pub(crate) fn parsed<T>(parse: impl FnOnce(&str) -> Result<T, Fault>) -> impl FnOnce(Place<'_>) -> Option<T> {
    move |place| place.parse(|value| parse(as_text(value)?))
}

/// One of a closed set; `names` lists them for people.
pub(crate) fn one_of<T>(
    named: impl FnOnce(&str) -> Option<T>,
    names: &'static str,
) -> impl FnOnce(Place<'_>) -> Option<T> {
    move |place| place.parse(|value| named(as_text(value)?.trim()).ok_or(Fault::NotAllowed(names)))
}

/// Text exactly as it was typed, of `MIN` to `MAX` scalar values: a password.
pub(crate) fn verbatim<const MIN: usize, const MAX: usize>(place: Place<'_>) -> Option<String> {
    place.parse(|value| {
        let text = as_text(value)?;
        match text.chars().count() {
            0 if MIN > 0 => Err(Fault::Required),
            length if length < MIN => Err(Fault::TooShort { min: MIN }),
            length if length > MAX => Err(Fault::TooLong { max: MAX }),
            _ => Ok(text.to_owned()),
        }
    })
}

/// A truth value.
pub(crate) fn boolean(place: Place<'_>) -> Option<bool> {
    place.parse(|value| value.as_bool().ok_or(Fault::WrongType("true or false")))
}

/// A whole number, also when it is written with a point.
pub(crate) fn integer(min: i32, max: i32) -> impl Fn(Place<'_>) -> Option<i32> {
    move |place| {
        place.parse(|value| {
            let number = value.as_f64().ok_or(Fault::WrongType("a whole number"))?;
            if number.fract() != 0.0 {
                return Err(Fault::WrongType("a whole number"));
            }
            if !(f64::from(min)..=f64::from(max)).contains(&number) {
                return Err(Fault::OutOfRange { min: min.into(), max: max.into() });
            }
            #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of i32")]
            Ok(number as i32)
        })
    }
}

/// A number.
pub(crate) fn number(min: f64, max: f64) -> impl Fn(Place<'_>) -> Option<f64> {
    move |place| {
        place.parse(|value| {
            let number = value.as_f64().ok_or(Fault::WrongType("a number"))?;
            if (min..=max).contains(&number) { Ok(number) } else { Err(Fault::OutOfRange { min, max }) }
        })
    }
}

/// A UUID, as the id of something.
pub(crate) fn id<T: FromStr>(place: Place<'_>) -> Option<T> {
    place.parse(|value| as_text(value)?.trim().parse().map_err(|_| Fault::Malformed("a UUID")))
}

fn as_text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or(Fault::WrongType("a text"))
}
