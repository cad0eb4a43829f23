//! The operators' console: who gets in, what its pages show, and that nothing on them is taken for HTML. `asking` is about
//! what may be asked for, `failing` about pages that say what went wrong.

mod asking;
mod failing;

use event_log::{NewRecord, TopicPartition};
use reqwest::{RequestBuilder, Response};
use uuid::Uuid;

use crate::fixture::{ALLOWED_ORIGIN, World};

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

    /// A form of one of our own pages, with an order of its own.
    fn own_form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let order = Uuid::now_v7().to_string();
        let fields: Vec<_> = fields.iter().copied().chain([("order", order.as_str())]).collect();
        self.form(path, &fields).header("cookie", cookie).header("origin", self.origin())
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
    let away = sent(world.raw("/console/flow?id=a&minutes=15")).await;
    assert_eq!(header(&away, "location"), "/console/login?next=/console/flow%3Fid%3Da%26minutes%3D15");
    let entered = log_in(&operator, "/console/flow?id=a&minutes=15").await;
    assert_eq!(header(&entered, "location"), "/console/flow?id=a&minutes=15");
    let left = sent(world.own_form("/console/logout", &cookie, &[])).await;
    assert!(header(&left, "set-cookie").starts_with("karmyq_console=; Max-Age=0"), "{left:?}");
    // The API has a way in of its own.
    let api = sent(world.call("/admin/projections").header("cookie", &cookie)).await;
    assert_eq!(api.status(), 401);
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
             VALUES ('feed', 'request-events', 0, 2, convert_to({0}, 'UTF8'), '{{}}', '{{}}', now(), 'unreadable', {0}, now(), {0}, {0})",
            format_args!("$q${SCRIPT}$q$")
        ))
        .await;
    sqlx::query(
        "INSERT INTO projection.orders (id, kind, projection, details, asked_by, taken_at, told_at, cancelled_by, ended_at,
             outcome, error)
         VALUES ('0199c7e2-0000-7000-8000-000000000000', 'discard', 'feed', jsonb_build_object('key', $1, 'reason', $1), $1,
             now(), now(), $1, now(), 'failed', $1)",
    )
    .bind(SCRIPT)
    .execute(&world.owner)
    .await
    .expect("the owner may");
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
        "/console/weather",
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
        let kept = if path.ends_with(".css") || path.ends_with(".js") { "max-age=300" } else { "no-store" };
        assert_eq!(header(&response, "cache-control"), kept, "{path}");
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
        "nextOffset": 5, "end": 1005, "lagEvents": 1000, "lagSeconds": 61.5, "perSecond": 250.0, "secondsLeft": 4.0, "state": "frozen", "reason": "no disk left",
        "parkedKeys": 2, "hanging": {"command": "kafka-transactions.sh abort"}}]}"#;
    world
        .project(format!(
            "INSERT INTO projection.whereabouts VALUES ('feed', now(), '{status}');
             INSERT INTO projection.samples SELECT 'feed', now() - s * interval '10 seconds', 'catching_up', 1000, 61.5
             FROM generate_series(0, 400) AS s"
        ))
        .await;
    let page = world.page("/console/projections", &cookie).await;
    for part in [
        "catching up",
        "61 s",
        "1\u{202f}000",
        "250/s",
        "4.0 s",
        "<polyline",
        "at most 61 s and 1\u{202f}000 events behind",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert_eq!(page.matches("<polyline").count(), 2, "without a gap a line each");
    let page = world.page("/console/projections/feed", &cookie).await;
    for part in ["frozen", "no disk left", "kafka-transactions.sh abort", "request-events/0", "2: see why"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    world
        .project("UPDATE projection.whereabouts SET seen_at = now() - interval '10 minutes'".to_owned())
        .await;
    let page = world.page("/console/projections", &cookie).await;
    assert!(page.contains("projectors looked 10 min ago") && page.contains("state unknown"), "{page}");
    // Projectors of another version.
    let odd = "UPDATE projection.whereabouts SET seen_at = now(), status = '{\"state\": 7}'";
    world.project(odd.to_owned()).await;
    let page = world.page("/console/projections", &cookie).await;
    assert!(page.contains("state unknown") && page.contains("<polyline"), "the rest is shown: {page}");
    assert_eq!(sent(world.raw("/console/projections/weather").header("cookie", &cookie)).await.status(), 404);
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
    let mut offsets = Vec::new();
    for (topic, flow, id, cause, after) in records {
        let mut headers = vec![
            ("ce_id".into(), id.into()),
            ("ce_type".into(), format!("Type-{id}").into_bytes()),
            ("ce_subject".into(), topic.split('-').next().unwrap_or_default().into()),
            ("ce_correlationid".into(), flow.into()),
        ];
        headers.extend(cause.map(|it: &str| ("ce_causationid".into(), it.into())));
        let to = TopicPartition::new(topic, 0);
        let (key, value) = (b"k".to_vec(), Some(vec![0]));
        offsets.push(world.append(NewRecord { to, key, value, headers, timestamp_ms: at + after }).await);
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
    assert!(page.contains("contents could not be read"), "no registry is configured: {page}");
    world
        .project(format!(
            "INSERT INTO projection.discarded (projection, topic, partition, record_offset, record_key, header_names,
                 header_values, recorded_at, kind, parked_reason, parked_at, discarded_by, reason)
             VALUES ('feed', 'request-events', 0, {}, 'k', '{{}}', '{{}}', now(), 'unreadable', 'x', now(), 'ana', 'y')",
            offsets[0]
        ))
        .await;
    let page = world.page("/console/flow?id=flow-1&since=2023-11-14T22:10&minutes=15", &cookie).await;
    assert!(page.contains("feed: discarded") && !page.contains("feed: passed"), "{page}");
    let page = world.page("/console/flow?id=flow-1", &cookie).await;
    assert!(page.contains("0 records of this flow"), "the last hour has none: {page}");
    let page = world.page("/console/flow?id=flow-1&since=yesterday", &cookie).await;
    assert!(page.contains("since must be a time"), "{page}");
    world.drop().await;
}

#[tokio::test]
async fn a_script_of_an_origin_that_may_call_the_api_reads_no_page() {
    let (world, cookie) = World::with_operator().await;
    let api = sent(world.call("/communities").header("origin", ALLOWED_ORIGIN)).await;
    assert_eq!(
        header(&api, "access-control-allow-origin"),
        ALLOWED_ORIGIN,
        "browsers show it what the API answers"
    );
    for path in PAGES.into_iter().chain(["/console/owners"]) {
        let page = || world.raw(path).header("cookie", &cookie);
        let foreign = sent(page().header("origin", ALLOWED_ORIGIN)).await;
        assert_eq!(foreign.status(), 403, "{path}");
        assert!(!foreign.text().await.expect("text").contains("<nav"), "{path}");
        let from = |mode| page().header("sec-fetch-site", "same-site").header("sec-fetch-mode", mode);
        assert_eq!(sent(from("cors")).await.status(), 403, "{path}");
        assert_ne!(sent(from("navigate")).await.status(), 403, "{path}: a link does no harm");
    }
    world.drop().await;
}

#[tokio::test]
async fn a_token_goes_over_tls_or_stays_on_this_machine() {
    let (world, _) = World::with_operator().await;
    let token = world.operator_token(Uuid::now_v7());
    let log_in = |origin: &str| {
        let form = world.form("/console/login", &[("token", &token)]).header("origin", origin);
        sent(form.header("host", origin.split_once("://").expect("an origin").1))
    };
    let secure = log_in("https://karmyq.example").await;
    assert_eq!(secure.status(), 303);
    assert!(header(&secure, "set-cookie").ends_with("; Secure"), "{secure:?}");
    for local in ["http://127.0.0.1:8081", "http://localhost", "http://[::1]:8081"] {
        let entered = log_in(local).await;
        assert_eq!(entered.status(), 303, "{local}");
        assert!(!header(&entered, "set-cookie").contains("Secure"), "{local}");
    }
    let plain = log_in("http://karmyq.example").await;
    assert_eq!((plain.status().as_u16(), header(&plain, "set-cookie")), (400, ""));
    assert!(plain.text().await.expect("text").contains("plain HTTP"));
    world.drop().await;
}

#[tokio::test]
async fn an_operator_who_looks_uses_up_nobodys_calls() {
    let (world, cookie) = World::with_operator().await;
    let member = format!("karmyq_console={}", world.token(Uuid::now_v7()));
    for (cookie, counted) in [(cookie, false), (member, true), (String::new(), true)] {
        let answer = sent(world.raw("/console/orders").header("cookie", cookie)).await;
        assert_eq!(answer.headers().contains_key("ratelimit-limit"), counted, "{answer:?}");
    }
    world.drop().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let (world, cookie) = World::with_operator().await;
    for path in ["/console/weather", "/console/orders/7", "/console/projections/weather"] {
        let answer = sent(world.raw(path).header("cookie", &cookie)).await;
        let kind = header(&answer, "content-type").to_owned();
        assert_eq!((answer.status().as_u16(), kind.as_str()), (404, "text/html; charset=utf-8"), "{path}");
    }
    assert_eq!(header(&sent(world.raw("/console/")).await, "location"), "/console/projections");
    world.drop().await;
}

#[tokio::test]
async fn a_flood_of_parked_keys_is_leafed_through_by_projection() {
    let (world, cookie) = World::with_operator().await;
    world.checkpoint("requests", "request-events", 0, 5).await;
    world
        .project(
            "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key, record_value,
                 header_names, header_values, recorded_at, kind, reason, parked_at)
             SELECT of, 1, 'request-events', 0, n, convert_to('key-' || n || '-of-' || of, 'UTF8'), '', '{}', '{}', now(),
                 'unreadable', 'flood', now() - n / 100 * interval '1 minute'
             FROM generate_series(1, 450) AS n, unnest(ARRAY['feed', 'requests']) AS of WHERE of = 'feed' OR n <= 3"
                .to_owned(),
        )
        .await;
    let mut path = "/console/dead-letters?projection=feed".to_owned();
    let (mut seen, mut pages) = (std::collections::BTreeSet::new(), 0);
    loop {
        let page = world.page(&path, &cookie).await;
        assert!(page.contains("All 453 key(s)") && page.contains("requests: 3"), "{page}");
        assert!(!page.contains("-of-requests"), "{path}");
        let rows = page.split("<th scope=\"row\"><code>").skip(1);
        for key in rows.filter_map(|it| it.split_once('<')).map(|it| it.0.to_owned()) {
            assert!(seen.insert(key.clone()), "{key} is on two pages");
        }
        pages += 1;
        let Some((_, next)) = page.split_once("id=\"next\" href=\"") else { break };
        path = next.split_once('"').expect("it ends").0.replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!((seen.len(), pages), (450, 3));
    let page = world.page("/console/dead-letters", &cookie).await;
    assert!(page.contains("key-450-of-feed") && page.contains("id=\"next\""), "{page}");
    let odd = sent(world.raw("/console/dead-letters?after=7").header("cookie", &cookie)).await;
    assert_eq!(odd.status(), 400);
    world.drop().await;
}
