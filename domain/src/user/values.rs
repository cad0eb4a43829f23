//! What a profile is made of; each value is parsed at the edge and trusted from then on.

use std::fmt;
use std::str::FromStr as _;

use crate::text::{Fault, Text, fold};

/// What a person is called.
pub type DisplayName = Text<1, 100>;
/// What a person writes about themselves.
pub type Bio = Text<0, 2000>;
/// A phone number as the person writes it.
pub type Phone = Text<0, 32>;
/// A skill as the person writes it.
pub type SkillName = Text<1, 100>;
/// A home place as the person writes it.
pub type HomeLabel = Text<0, 200>;
/// A kind of vehicle, as in `sedan`.
pub type VehicleKind = Text<1, 50>;

/// A normalized e-mail address: at most 254 characters, one `@`, a dotted domain, no white space.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Normalizes (NFC, trimmed, case-folded as a whole; no dot or plus folding) and checks what a client sent.
    ///
    /// # Errors
    /// The [`Fault`] that it has.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        let text = Text::<1, 254>::parse(raw)?;
        if text.as_str().contains(char::is_whitespace) {
            return Err(Self::MALFORMED);
        }
        let address = fold(text.as_str());
        let (local, domain) = address.split_once('@').ok_or(Self::MALFORMED)?;
        let dotted = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        if local.is_empty() || domain.contains('@') || !dotted {
            return Err(Self::MALFORMED);
        }
        if address.chars().count() > 254 {
            return Err(Fault::TooLong { max: 254 });
        }
        Ok(Self(address))
    }

    /// The normalized address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    const MALFORMED: Fault = Fault::Malformed("an e-mail address");
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

/// An https address of a picture, at most 500 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct AvatarUrl(String);

impl AvatarUrl {
    /// Checks what a client sent.
    ///
    /// # Errors
    /// The [`Fault`] that it has.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        let text = Text::<1, 500>::parse(raw)?;
        let host = text.as_str().strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        let named =
            host.is_some_and(|host| !host.is_empty() && !host.starts_with(':') && !host.ends_with('@'));
        if named && !text.as_str().contains(char::is_whitespace) {
            Ok(Self(text.into()))
        } else {
            Err(Fault::Malformed("an https address"))
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AvatarUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AvatarUrl(…)")
    }
}

/// Where a person lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Home {
    label: HomeLabel,
    lat: f64,
    lng: f64,
}

impl Home {
    /// A place with a label of 1-200 characters at these degrees.
    ///
    /// # Errors
    /// The [`Fault`] of a coordinate outside -90 to 90 or -180 to 180.
    pub fn new(label: HomeLabel, lat: f64, lng: f64) -> Result<Self, Fault> {
        Ok(Self { label, lat: degrees(lat, 90.0)?, lng: degrees(lng, 180.0)? })
    }
}

impl From<&Home> for event_schemas::user::Home {
    fn from(home: &Home) -> Self {
        Self { label: home.label.as_str().to_owned(), lat: home.lat, lng: home.lng }
    }
}

/// A vehicle that a person can help with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vehicle {
    kind: VehicleKind,
    seats: i32,
}

impl Vehicle {
    /// A vehicle with 1-10 seats.
    ///
    /// # Errors
    /// The [`Fault`] of a number of seats beyond that.
    pub fn new(kind: VehicleKind, seats: i32) -> Result<Self, Fault> {
        if (1..=10).contains(&seats) {
            Ok(Self { kind, seats })
        } else {
            Err(Fault::OutOfRange { min: 1.0, max: 10.0 })
        }
    }
}

impl From<&Vehicle> for event_schemas::user::Vehicle {
    fn from(vehicle: &Vehicle) -> Self {
        Self { kind: vehicle.kind.as_str().to_owned(), seats: vehicle.seats }
    }
}

/// The IANA name of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timezone(chrono_tz::Tz);

impl Timezone {
    /// The zone with this name.
    ///
    /// # Errors
    /// The [`Fault`] when no zone has the name.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        let zone = chrono_tz::Tz::from_str(raw.trim());
        zone.map(Self).map_err(|_| Fault::Malformed("an IANA time zone, as in Europe/Berlin"))
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// A BCP 47 language tag, as in `de-AT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// Checks the form of what a client sent: subtags of 1-8 letters and digits, the first of 2-8 letters.
    ///
    /// # Errors
    /// The [`Fault`] when it has another form or more than 35 characters.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        let tag = raw.trim();
        let mut subtags = tag.split('-');
        let language = subtags.next().unwrap_or_default();
        let valid = (2..=8).contains(&language.len())
            && language.bytes().all(|it| it.is_ascii_alphabetic())
            && subtags
                .all(|it| (1..=8).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric()));
        if valid && tag.len() <= 35 {
            Ok(Self(tag.to_owned()))
        } else {
            Err(Fault::Malformed("a language tag, as in de-AT"))
        }
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn degrees(value: f64, most: f64) -> Result<f64, Fault> {
    if (-most..=most).contains(&value) { Ok(value) } else { Err(Fault::OutOfRange { min: -most, max: most }) }
}
