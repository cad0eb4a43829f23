//! Calls of every GET route: without parameters, and with each value of each parameter that OpenAPI describes.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use crate::fixture::{World, answer};

/// Who asks, and about what.
#[derive(Debug)]
pub(super) struct Subjects {
    pub(super) caller: Uuid,
    /// That the caller is admin of.
    pub(super) community: Uuid,
    /// Somebody else there.
    pub(super) neighbour: Uuid,
    /// An open one, there.
    pub(super) request: Uuid,
    /// Of the caller's.
    pub(super) meeting: Uuid,
}

/// A GET.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// As OpenAPI has it.
    pub(super) route: String,
    /// After `/api/v1`, with the query.
    path: String,
    /// Goes on after the first page.
    by_cursor: bool,
    /// Somebody else's things may be refused.
    may_be_refused: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cursor = if self.by_cursor { ", next page" } else { "" };
        write!(f, "GET {}{cursor}", self.path)
    }
}

/// What a parameter needs beside it.
const TOGETHER: [(&str, &str); 4] = [
    ("mode=geography", "&lat=52.5&lng=13.4"),
    ("lat=", "&mode=geography&lng=13.4"),
    ("lng=", "&mode=geography&lat=52.5"),
    ("tags=", "&mode=interests"),
];

/// All calls.
pub(super) fn of_every_route(subjects: &Subjects) -> Vec<Call> {
    let document = query_api::openapi_document();
    let mut calls = Vec::new();
    for (route, item) in document["paths"].as_object().expect("paths") {
        let operation = &item["get"];
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        // Health and the description have no envelope, streams no end.
        let is_read = parameters.iter().any(|it| it["name"] == "min_position");
        if is_read && operation["responses"]["200"]["content"].get("text/event-stream").is_none() {
            calls.extend(of_route(&document, route, parameters, subjects));
        }
    }
    assert!(calls.len() > query_api::ROUTES.len(), "routes are found");
    calls
}

fn of_route(document: &Value, route: &str, parameters: &[Value], subjects: &Subjects) -> Vec<Call> {
    let mut people = vec![subjects.caller];
    if ["{userId}", "{id}"].iter().any(|it| route.contains(it)) {
        people.push(subjects.neighbour);
    }
    let needed = operation_needs_community(route);
    let mut calls = Vec::new();
    for person in people {
        let path = filled(route, person, subjects);
        let mut queries = vec![String::new()];
        for it in parameters.iter().filter(|it| it["in"] == "query") {
            queries.extend(values(document, it, subjects).map(|value| with_others(&value)));
        }
        for query in queries {
            let community =
                if needed { format!("community_id={}", subjects.community) } else { String::new() };
            let query =
                [community, query].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("&");
            let path = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
            let may_be_refused = person != subjects.caller;
            calls.push(Call { route: route.to_owned(), path, by_cursor: false, may_be_refused });
        }
    }
    if parameters.iter().any(|it| it["name"] == "cursor") {
        let following = calls.clone().into_iter().filter(|it| !it.path.contains("limit="));
        calls.extend(following.map(|it| Call { by_cursor: true, ..it }).collect::<Vec<_>>());
    }
    calls
}

fn operation_needs_community(route: &str) -> bool {
    ["/reputation/me/karma", "/reputation/me/community-summary", "/feed/community-health"].contains(&route)
}

fn filled(route: &str, person: Uuid, subjects: &Subjects) -> String {
    let names = [
        ("{userId}", person),
        ("{id}", person),
        ("{communityId}", subjects.community),
        ("{requestId}", subjects.request),
        ("{matchId}", subjects.meeting),
    ];
    let path = names.iter().fold(route.to_owned(), |path, (name, id)| path.replace(name, &id.to_string()));
    assert!(!path.contains('{'), "what stands for a part of {path}?");
    path
}

/// `name=value` for values that lead to different statements.
fn values(document: &Value, parameter: &Value, subjects: &Subjects) -> impl Iterator<Item = String> {
    let name = parameter["name"].as_str().expect("a name");
    let mut schema = &parameter["schema"];
    if let Some(reference) = schema["$ref"].as_str() {
        schema = document.pointer(reference.trim_start_matches('#')).expect("the reference leads somewhere");
    }
    let texts = |values: &[&str]| values.iter().map(|it| (*it).to_owned()).collect();
    let values: Vec<String> = match (name, schema["type"].as_str()) {
        // They name no rows, or are made by the server.
        ("min_position" | "wait_ms" | "cursor", _) => Vec::new(),
        ("page", _) => texts(&["3"]),
        ("limit", _) => vec![schema["maximum"].to_string()],
        ("community_id", _) => vec![subjects.community.to_string()],
        ("request_id" | "offer_id", _) => vec![subjects.request.to_string()],
        ("requester_id", _) => vec!["me".to_owned(), subjects.neighbour.to_string()],
        ("search", _) => texts(&["Street 77", "nobody has this"]),
        ("location", _) => texts(&["Berlin"]),
        ("category", _) => texts(&["moving"]),
        ("tags", _) => texts(&["bikes,x"]),
        ("lat", _) => texts(&["52.5"]),
        ("lng", _) => texts(&["13.4"]),
        ("half_life_months", _) => texts(&["6"]),
        ("type", Some("string")) if schema.get("enum").is_none() => texts(&["match_created"]),
        (_, Some("boolean")) => texts(&["true", "false"]),
        (_, Some("string")) if schema.get("enum").is_some() => {
            let values = schema["enum"].as_array().expect("values");
            values.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        _ => panic!("which values of {name} ({schema}) lead to different statements?"),
    };
    values.into_iter().map(move |value| format!("{name}={}", value.replace(' ', "+")))
}

fn with_others(query: &str) -> String {
    let others = TOGETHER.iter().find(|(begin, _)| query.starts_with(begin)).map_or("", |(_, others)| others);
    format!("{query}{others}")
}

/// Makes the call; whether there was an answer that needed rows.
pub(super) async fn answered(world: &World, subjects: &Subjects, call: &Call) -> bool {
    let token = world.operator_token(subjects.caller);
    let mut path = call.path.clone();
    if call.by_cursor {
        let limited = format!("{path}{}limit=2", if path.contains('?') { '&' } else { '?' });
        let first = answer(world.call(&limited).bearer_auth(&token)).await;
        let Some(cursor) = first.body["pagination"]["next_cursor"].as_str() else { return false };
        path = format!("{limited}&cursor={cursor}");
        super::explained::drain();
    }
    let answered = answer(world.call(&path).bearer_auth(&token)).await;
    match answered.status.as_u16() {
        200 => true,
        403 if call.may_be_refused => false,
        status => panic!("{call} was answered {status}: {:?}", answered.body),
    }
}
