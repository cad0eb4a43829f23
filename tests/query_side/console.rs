//! The operators' console: who gets in, what may be asked, and that nothing on a page is taken for HTML.

use event_log::{NewRecord, TopicPartition};
use reqwest::{RequestBuilder, Response};
use uuid::Uuid;

use crate::fixture::World;

/// Every page that shows something.
const PAGES: [&str; 6] = [
    "/console/projections",
    "/console/projections/feed",
    "/console/orders",
    "/console/dead-letters",
    "/console/flow",
    "/console/flow?id=flow-1&minutes=15",
];

/// What an attacker would like to see on a page as it is.
const SCRIPT: &str = "<script>alert('x')</script>\"'><img src=x>";

impl World {
    /// A console with a projection, and an operator's cookie.
    async fn with_operator() -> (Self, String) {
        let world = Self::new().await;
        world.checkpoint("feed", "request-events", 0, 5).await;
        let cookie = format!("karmyq_console={}", world.operator_token(Uuid::now_v7()));
        (world, cookie)
    }

    /// A form of one of our own pages.
    fn own_form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.form(path, fields).header("cookie", cookie).header("origin", self.origin())
    }

    async fn page(&self, path: &str, cookie: &str) -> String {
        let response = self.raw(path).header("cookie", cookie).send().await.expect("query-api answers");
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.expect("it is text")
    }

    async fn orders(&self) -> i64 {
        let orders =
            sqlx::query_scalar("SELECT count(*) FROM projection.orders").fetch_one(&self.projector).await;
        orders.expect("projectors may count them")
    }
}

async fn sent(call: RequestBuilder) -> Response {
    call.send().await.expect("query-api answers")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn operators_alone_get_in_and_their_cookie_is_for_the_console_alone() {
    let (world, cookie) = World::with_operator().await;
    let (member, operator) = (world.token(Uuid::now_v7()), world.operator_token(Uuid::now_v7()));
    for path in
        PAGES.into_iter().chain(["/console/owners", "/console/orders/0199c7e2-0000-7000-8000-000000000000"])
    {
        let stranger = sent(world.raw(path)).await;
        assert_eq!(
            (stranger.status().as_u16(), &header(&stranger, "location")[..14]),
            (303, "/console/login"),
            "{path}"
        );
        let bearer = sent(world.raw(path).bearer_auth(&operator)).await;
        assert_eq!(bearer.status(), 303, "{path}: what a browser never sends by itself is no way in");
        let member = sent(world.raw(path).header("cookie", format!("karmyq_console={member}"))).await;
        assert_eq!(member.status(), 403, "{path}");
        let forged = sent(world.raw(path).header("cookie", "karmyq_console=abc.def.ghi")).await;
        assert_eq!(forged.status(), 303, "{path}");
    }
    for path in PAGES {
        world.page(path, &cookie).await;
    }

    let log_in = |token: &str, next: &str| {
        let form = world.form("/console/login", &[("token", token), ("next", next)]);
        sent(form.header("origin", world.origin()))
    };
    assert_eq!(log_in(&member, "").await.status(), 403);
    assert_eq!(log_in("nonsense", "").await.status(), 401);
    let expired = world.token_for(Uuid::now_v7(), -1);
    assert!(log_in(&expired, "").await.text().await.expect("text").contains("expired"));
    let entered = log_in(&format!("Bearer {operator}\n"), "/console/flow").await;
    assert_eq!((entered.status().as_u16(), header(&entered, "location")), (303, "/console/flow"));
    let set = header(&entered, "set-cookie");
    for part in ["karmyq_console=", "; Path=/console;", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
        assert!(set.contains(part), "{part} in {set}");
    }
    for elsewhere in ["https://evil.example/", "//evil.example/console/", "/console/../api", "/api/v1/x"] {
        let entered = log_in(&operator, elsewhere).await;
        let location = header(&entered, "location");
        assert_eq!(location, "/console/projections", "{elsewhere}");
    }
    let left = sent(world.own_form("/console/logout", &cookie, &[])).await;
    assert!(header(&left, "set-cookie").starts_with("karmyq_console=; Max-Age=0"), "{left:?}");
    // The API has a way in of its own.
    let api = sent(world.call("/admin/projections").header("cookie", &cookie)).await;
    assert_eq!(api.status(), 401);
    world.drop().await;
}

#[tokio::test]
async fn a_form_from_elsewhere_asks_for_nothing() {
    let (world, cookie) = World::with_operator().await;
    let path = "/console/projections/feed/rebuild";
    let silent = sent(world.form(path, &[]).header("cookie", &cookie)).await;
    assert_eq!(silent.status(), 403);
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let foreign = sent(world.form(path, &[]).header("cookie", &cookie).header(name, value)).await;
        assert_eq!(foreign.status(), 403, "{name}: {value}");
    }
    let stranger = sent(world.form(path, &[]).header("origin", world.origin())).await;
    assert_eq!(stranger.status(), 303);
    let member = format!("karmyq_console={}", world.token(Uuid::now_v7()));
    assert_eq!(sent(world.own_form(path, &member, &[])).await.status(), 403);
    let got = sent(world.raw(path).header("cookie", &cookie)).await;
    assert_eq!(got.status(), 405, "a link asks for nothing");
    assert_eq!(world.orders().await, 0);

    let asked = sent(world.own_form(path, &cookie, &[("throttle", "500")])).await;
    assert_eq!(asked.status(), 303);
    let page = world.page(header(&asked, "location"), &cookie).await;
    assert!(
        page.contains("waiting") && page.contains("karmyq projections rebuild feed --throttle 500"),
        "{page}"
    );
    for (path, fields) in [
        ("/console/projections/weather/rebuild", vec![]),
        ("/console/projections/feed/retire", vec![]),
        ("/console/dead-letters/forget", vec![("projection", "feed"), ("key", "k")]),
    ] {
        assert_eq!(sent(world.own_form(path, &cookie, &fields)).await.status(), 404, "{path}");
    }
    for (path, fields) in [
        (path, vec![("throttle", "0")]),
        (path, vec![("throttle", "fast")]),
        ("/console/dead-letters/redrive", vec![("projection", "feed")]),
        ("/console/dead-letters/discard", vec![("projection", "feed"), ("key", "k"), ("reason", " ")]),
    ] {
        assert_eq!(sent(world.own_form(path, &cookie, &fields)).await.status(), 400, "{path} {fields:?}");
    }
    assert_eq!(world.orders().await, 1);
    world.drop().await;
}

#[tokio::test]
async fn whatever_stands_in_rows_and_records_is_text_on_a_page() {
    let (mut world, cookie) = World::with_operator().await;
    world
        .project(format!(
            "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key, record_value,
                 header_names, header_values, recorded_at, kind, reason)
             VALUES ('feed', 1, 'request-events', 0, 3, convert_to({0}, 'UTF8'), '', '{{}}', '{{}}', now(), 'unreadable', {0});
             INSERT INTO projection.discarded (projection, topic, partition, record_offset, record_key, header_names,
                 header_values, recorded_at, kind, parked_reason, parked_at, discarded_by, reason)
             VALUES ('feed', 'request-events', 0, 2, convert_to({0}, 'UTF8'), '{{}}', '{{}}', now(), 'unreadable', {0}, now(), {0}, {0});
             INSERT INTO projection.orders (id, kind, projection, details, asked_by, taken_at, told_at, ended_at, outcome, error)
             VALUES ('0199c7e2-0000-7000-8000-000000000000', 'discard', 'feed', jsonb_build_object('key', {0}, 'reason', {0}), {0},
                 now(), now(), now(), 'failed', {0})",
            format_args!("$q${SCRIPT}$q$")
        ))
        .await;
    let now =
        i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis()).expect("it fits");
    let headers =
        [("ce_id", SCRIPT), ("ce_type", SCRIPT), ("ce_subject", SCRIPT), ("ce_correlationid", "flow-1")];
    let headers = headers.map(|(name, value)| (name.into(), value.as_bytes().to_vec())).into();
    let to = TopicPartition::new("request-events", 0);
    world
        .append(NewRecord { to, key: b"k".to_vec(), value: Some(vec![0]), headers, timestamp_ms: now })
        .await;

    let mut shown = 0;
    for path in PAGES.into_iter().chain(["/console/orders/0199c7e2-0000-7000-8000-000000000000"]) {
        let page = world.page(path, &cookie).await;
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{path}: {page}");
        shown += usize::from(page.contains("&#60;script&#62;alert("));
    }
    assert_eq!(shown, 5, "the project's page, orders, the order, dead letters and the flow show it");
    let echoed = sent(world.raw(&format!("/console/login?next={}", "/console/%22%3E%3Cscript%3E"))).await;
    assert!(!echoed.text().await.expect("text").contains("\"><script>"));
    world.drop().await;
}

#[tokio::test]
async fn no_page_takes_anything_from_elsewhere_or_may_be_framed_or_kept() {
    let (world, cookie) = World::with_operator().await;
    let others = [
        "/console",
        "/console/login",
        "/console/owners",
        "/console/style.css",
        "/console/console.js",
        "/console/projections/weather",
    ];
    for path in PAGES.into_iter().chain(others) {
        let response = sent(world.raw(path).header("cookie", &cookie)).await;
        let policy = header(&response, "content-security-policy").to_owned();
        for part in
            ["default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        let text = response.text().await.expect("it is text");
        for inline in ["style=", " onclick", "<style", "http://", "https://"] {
            assert!(!text.contains(inline), "{inline} in {path}");
        }
    }
    world.drop().await;
}

#[tokio::test]
async fn the_last_hour_is_drawn_and_what_nobody_has_seen_lately_is_unknown() {
    let (world, cookie) = World::with_operator().await;
    let page = world.page("/console/projections", &cookie).await;
    assert!(page.contains("no projectors have looked yet") && !page.contains("<polyline"), "{page}");
    let status = r#"{"state": "catching_up", "parkedKeys": 2, "partitions": [{"topic": "request-events", "partition": 0,
        "nextOffset": 5, "end": 1005, "lagEvents": 1000, "lagSeconds": 61.5, "state": "frozen", "reason": "no disk left",
        "parkedKeys": 2, "hanging": {"command": "kafka-transactions.sh abort"}}]}"#;
    world
        .project(format!(
            "INSERT INTO projection.whereabouts VALUES ('feed', now(), '{status}');
             INSERT INTO projection.samples SELECT 'feed', now() - s * interval '10 seconds', 'catching_up', 1000, 61.5
             FROM generate_series(0, 400) AS s"
        ))
        .await;
    let page = world.page("/console/projections", &cookie).await;
    for part in
        ["catching up", "61 s", "1\u{202f}000", "<polyline", "at most 61 s and 1\u{202f}000 events behind"]
    {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert_eq!(page.matches("<polyline").count(), 2, "without a gap a line each");
    let page = world.page("/console/projections/feed", &cookie).await;
    for part in ["frozen", "no disk left", "kafka-transactions.sh abort", "request-events/0"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    world
        .project("UPDATE projection.whereabouts SET seen_at = now() - interval '10 minutes'".to_owned())
        .await;
    let page = world.page("/console/projections", &cookie).await;
    assert!(page.contains("projectors looked 10 min ago") && page.contains("state unknown"), "{page}");
    assert_eq!(sent(world.raw("/console/projections/weather").header("cookie", &cookie)).await.status(), 404);
    world.drop().await;
}

#[tokio::test]
async fn an_order_says_whether_something_may_still_come_of_it() {
    let (world, cookie) = World::with_operator().await;
    let cases = [
        ("waiting", "asked_at = now()"),
        ("lapsed", "asked_at = now() - interval '2 minutes'"),
        ("at work", "taken_at = now(), told_at = now(), taken_by = 'somebody'"),
        ("cut off", "taken_at = now(), told_at = now() - interval '1 minute'"),
        ("failed", "outcome = 'failed', error = 'no version of feed is kept to go back to'"),
        ("done", "outcome = 'done', answer = '{\"version\": 3, \"records\": 4, \"sameCode\": false}'"),
    ];
    let asked = sent(world.own_form("/console/projections/feed/rollback", &cookie, &[])).await;
    let location = header(&asked, "location");
    for (state, change) in cases {
        world
            .project(format!(
                "UPDATE projection.orders SET asked_at = now(), taken_at = NULL, told_at = NULL, outcome = NULL, error = NULL;
                 UPDATE projection.orders SET {change}"
            ))
            .await;
        let page = world.page(location, &cookie).await;
        assert!(page.contains(&format!(">{state}</span>")), "{state} in {page}");
        let open = matches!(state, "waiting" | "at work");
        assert_eq!(page.contains("http-equiv=\"refresh\""), open, "{state}");
    }
    let page = world.page(location, &cookie).await;
    assert!(page.contains("version 3 is live again, after 4 records"), "{page}");
    assert!(page.contains("made by other code"), "{page}");
    world.drop().await;
}

#[tokio::test]
async fn the_flow_of_an_id_is_found_in_its_time_and_nothing_else() {
    let (mut world, cookie) = World::with_operator().await;
    let at = 1_700_000_000_000;
    let records = [
        ("request-events", "flow-1", "a", None, 0),
        ("notification-commands", "flow-1", "b", Some("a"), 0),
        ("notification-events", "flow-1", "c", Some("a"), 40),
        ("request-events", "flow-2", "other", None, 0),
        ("request-events", "flow-1", "hours-later", None, 7_200_000),
    ];
    for (topic, flow, id, cause, after) in records {
        let mut headers = vec![
            ("ce_id".into(), id.into()),
            ("ce_type".into(), format!("Type-{id}").into_bytes()),
            ("ce_subject".into(), topic.split('-').next().unwrap_or_default().into()),
            ("ce_correlationid".into(), flow.into()),
        ];
        headers.extend(cause.map(|it: &str| ("ce_causationid".into(), it.into())));
        let to = TopicPartition::new(topic, 0);
        world
            .append(NewRecord {
                to,
                key: b"k".to_vec(),
                value: Some(vec![0]),
                headers,
                timestamp_ms: at + after,
            })
            .await;
    }
    let page = world.page("/console/flow?id=flow-1&since=2023-11-14T22:10&minutes=15", &cookie).await;
    for part in [
        "HTTP call",
        "Type-a",
        "Type-b",
        "Type-c",
        "40 ms",
        "3 records of this flow",
        "feed: passed",
        "<svg class=\"flow\"",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("Type-other") && !page.contains("Type-hours-later"), "{page}");
    let page = world.page("/console/flow?id=flow-1", &cookie).await;
    assert!(page.contains("0 records of this flow"), "the last hour has none: {page}");
    let page = world.page("/console/flow?id=flow-1&since=yesterday", &cookie).await;
    assert!(page.contains("since must be a time"), "{page}");
    world.drop().await;
}
