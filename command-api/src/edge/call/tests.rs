//! A call's headers mean one thing or are refused.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::{Device, context, expected_version, prefix};

const A: &str = "018f7d5a-0000-7000-8000-00000000000a";
const B: &str = "018f7d5a-0000-7000-8000-00000000000b";

fn headers(named: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    named.iter().map(header).collect()
}

#[test]
fn if_match_is_a_version_in_quotes() {
    let table = [
        (None, Ok(None)),
        (Some("\"7\""), Ok(Some(7))),
        (Some("7"), Ok(Some(7))),
        (Some("*"), Ok(None)),
        (Some("\"seven\""), Err(())),
        (Some("W/\"7\""), Err(())),
        (Some("-1"), Err(())),
        (Some(""), Err(())),
    ];
    for (value, expected) in table {
        let headers = value.map_or_else(HeaderMap::new, |it| headers(&[("if-match", it)]));
        assert_eq!(expected_version(&headers).map_err(drop), expected, "{value:?}");
    }
}

#[test]
fn the_community_of_a_call_is_named_once_or_the_same_everywhere() {
    let query = |id: &str| HashMap::from([("community_id".to_owned(), id.to_owned())]);
    let none = HashMap::new();
    let header = headers(&[("x-community-context", A)]);
    let alias = headers(&[("x-community-id", A)]);
    let id = |text: &str| Some(text.parse().unwrap());
    assert_eq!(context(&HeaderMap::new(), &none, None), Ok(None));
    assert_eq!(context(&header, &none, None), Ok(id(A)));
    assert_eq!(context(&alias, &none, None), Ok(id(A)));
    assert_eq!(context(&HeaderMap::new(), &query(B), None), Ok(id(B)));
    assert_eq!(context(&header, &query(A), Some(&json!({ "communityId": A }))), Ok(id(A)));
    // A body alone is its route's business.
    assert_eq!(context(&HeaderMap::new(), &none, Some(&json!({ "communityId": A }))), Ok(None));
    assert!(context(&header, &query(B), None).is_err());
    assert!(context(&header, &none, Some(&json!({ "communityId": B }))).is_err());
    assert!(context(&headers(&[("x-community-context", "here")]), &none, None).is_err());
}

#[test]
fn a_device_is_known_by_its_network_only() {
    assert_eq!(prefix("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
    assert_eq!(prefix("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.0/24");
    assert_eq!(prefix("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    let device = Device::of(&headers(&[("x-forwarded-for", "198.51.100.9, 10.0.0.1")]), None);
    assert_eq!(device.ip_prefix.as_deref(), Some("198.51.100.0/24"));
}
