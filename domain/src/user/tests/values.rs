//! What is a value, and what is none.

use super::*;
use crate::text::{Fault, Text};
use crate::user::{AvatarUrl, Home, HomeLabel, Vehicle, VehicleKind};

#[test]
fn spellings_of_one_address_are_one_address() {
    let address = EmailAddress::parse("\" Ana.B+x@Example.ORG \"".trim_matches('"')).expect("an address");
    assert_eq!(address.as_str(), "ana.b+x@example.org");
    assert_eq!(EmailAddress::parse("ana.b+x@example.org"), Ok(address));
    assert_eq!(EmailAddress::parse("STRASSE@x.de"), EmailAddress::parse("stra\u{df}e@x.de"));
}

#[test]
fn an_address_has_one_at_sign_a_dotted_domain_and_no_spaces() {
    for text in ["ana", "ana@", "@x.org", "a@b@x.org", "ana@localhost", "ana@x..org", "ana@x.", "a na@x.org"]
    {
        assert!(matches!(EmailAddress::parse(text), Err(Fault::Malformed(_))), "{text}");
    }
    assert_eq!(EmailAddress::parse("  "), Err(Fault::Required));
    let long = format!("{}@example.org", "a".repeat(250));
    assert_eq!(EmailAddress::parse(&long), Err(Fault::TooLong { max: 254 }));
}

#[test]
fn text_is_trimmed_composed_and_counted_in_characters() {
    assert_eq!(Text::<1, 4>::parse(" Zoe\u{308} ").map(String::from), Ok("Zo\u{eb}".to_owned()));
    assert_eq!(Text::<1, 2>::parse("\u{1F600}\u{1F600}\u{1F600}"), Err(Fault::TooLong { max: 2 }));
    assert_eq!(Text::<3, 5>::parse("ab"), Err(Fault::TooShort { min: 3 }));
    assert_eq!(Text::<1, 5>::parse(" \u{3000}"), Err(Fault::Required));
    assert_eq!(Text::<0, 5>::parse("").map(String::from), Ok(String::new()));
}

#[test]
fn control_characters_are_refused_but_for_newline_and_tab() {
    assert!(Text::<1, 9>::parse("a\tb\nc").is_ok());
    for text in ["a\u{0}b", "a\r\nb", "\u{1b}[31m", "a\u{85}b", "a\u{7f}"] {
        assert_eq!(Text::<1, 9>::parse(text), Err(Fault::ControlCharacter), "{text:?}");
    }
}

#[test]
fn a_picture_has_an_https_address() {
    assert!(AvatarUrl::parse("https://pics.example/a?b#c").is_ok());
    for text in ["http://pics.example/a", "https://", "https:///a", "https://a b", "javascript:alert(1)"] {
        assert!(AvatarUrl::parse(text).is_err(), "{text}");
    }
    let long = format!("https://x.example/{}", "a".repeat(500));
    assert_eq!(AvatarUrl::parse(&long), Err(Fault::TooLong { max: 500 }));
}

#[test]
fn places_are_on_earth_and_vehicles_have_seats() {
    let label = || HomeLabel::parse("home").expect("a label");
    assert!(Home::new(label(), -90.0, 180.0).is_ok());
    assert!(Home::new(label(), 90.1, 0.0).is_err());
    assert!(Home::new(label(), 0.0, f64::NAN).is_err());
    let kind = || VehicleKind::parse("sedan").expect("a kind");
    assert!(Vehicle::new(kind(), 10).is_ok());
    assert!(Vehicle::new(kind(), 0).is_err());
}

#[test]
fn zones_and_languages_have_known_forms() {
    assert_eq!(Timezone::parse(" Europe/Berlin ").map(Timezone::name), Ok("Europe/Berlin"));
    assert!(Timezone::parse("Mars/Olympus").is_err());
    assert!(Locale::parse("de-AT").is_ok() && Locale::parse("zh-Hant-TW").is_ok());
    for text in ["", "d", "de_AT", "de-", "12-AT", "de-waytoolongsubtag"] {
        assert!(Locale::parse(text).is_err(), "{text}");
    }
}
