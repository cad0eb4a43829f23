//! Pages that say what went wrong: a page for people whoever has refused, with a way on; JSON for everybody else.

use std::num::NonZeroUsize;
use std::time::Duration;

use query_api::MAX_CONCURRENT_CALLS;
use reqwest::{RequestBuilder, Response};
use tests::eventually::eventually;
use uuid::Uuid;

use super::{header, sent};
use crate::fixture::World;

/// What Chromium accepts where it is going to show what comes.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// As a browser that shows what comes.
async fn shown(call: RequestBuilder) -> Response {
    sent(call.header("accept", BROWSER)).await
}

/// The text of a page that says what went wrong, and nothing else.
async fn failure(response: Response, status: u16) -> String {
    let at = response.url().clone();
    assert_eq!(
        (response.status().as_u16(), header(&response, "content-type")),
        (status, "text/html; charset=utf-8"),
        "{at}"
    );
    assert!(header(&response, "content-security-policy").contains("default-src 'none'"), "{response:?}");
    let text = response.text().await.expect("it is text");
    assert!(text.contains("That did not work") && text.contains(&format!("HTTP {status}")), "{at}: {text}");
    text
}

/// Where a link of this id leads.
fn link<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("<a id=\"{id}\" href=\""))?;
    rest.split_once('"').map(|it| it.0)
}

#[tokio::test]
async fn every_failure_leads_back_to_where_one_came_from() {
    let (world, cookie) = World::with_operator().await;
    let from = |path: &str| format!("{}{path}", world.origin());
    let (feed, letters) = ("/console/projections/feed", "/console/dead-letters?projection=feed");
    for (path, fields, came_from, status) in [
        ("/console/projections/feed/rebuild", vec![("throttle", "fast")], feed, 400),
        ("/console/projections/feed/dance", vec![], feed, 404),
        ("/console/dead-letters/redrive", vec![("projection", "feed")], letters, 400),
        ("/console/projections/feed", vec![], feed, 405),
        ("/console/weather", vec![], feed, 405),
    ] {
        let asked = world.own_form(path, &cookie, &fields).header("referer", from(came_from));
        let page = failure(shown(asked).await, status).await;
        assert_eq!((link(&page, "back"), link(&page, "again")), (Some(came_from), None), "{path}");
    }
    let large = world.form("/console/dead-letters/show", &[("key", &"k".repeat(350_000))]);
    let large =
        large.header("cookie", &cookie).header("origin", world.origin()).header("referer", from(letters));
    assert_eq!(link(&failure(shown(large).await, 413).await, "back"), Some(letters));

    let home = "/console/projections";
    for (path, status) in [
        ("/console/weather", 404),
        ("/console/orders/7", 404),
        ("/console/orders/%ff", 400),
        ("/console/projections/weather", 404),
        ("/console/projections/feed/rebuild", 405),
        ("/console/dead-letters?after=7", 400),
        ("/console/owners", 503),
    ] {
        let get = || world.raw(path).header("cookie", &cookie);
        let page = failure(shown(get().header("referer", from(letters))).await, status).await;
        assert_eq!(link(&page, "back"), Some(letters), "{path}");
        assert_eq!(link(&page, "again"), (status == 503).then_some(path), "{path}");
        // From nowhere, from elsewhere, from the entrance, and from itself.
        let others = ["https://evil.example/console/../x", "https://evil.example/", "7"].map(str::to_owned);
        for other in others.into_iter().chain([from("/console/login?next=/console/flow"), from(path)]) {
            let page = failure(shown(get().header("referer", &other)).await, status).await;
            assert_eq!(link(&page, "back"), Some(home), "{path} from {other}");
        }
        assert_eq!(link(&failure(shown(get()).await, status).await, "back"), Some(home), "{path}");
    }
    let quoted = world.raw("/console/weather").header("referer", from("/console/\"onclick=x"));
    let page = failure(shown(quoted).await, 404).await;
    assert!(page.contains("onclick") && !page.contains("\"onclick"), "{page}");
    world.drop().await;
}

#[tokio::test]
async fn people_are_refused_by_a_page_and_programs_as_ever() {
    let (mut world, cookie) = World::with_operator().await;
    world.another_instance_for(NonZeroUsize::MIN, 1_000_000.0).await;
    let (caller, far) = (world.token(Uuid::now_v7()), "min_position=request-events/0@1000000&wait_ms=10000");
    let waiting = world.call_at(1, &format!("/requests?{far}")).bearer_auth(caller);
    let waiting = tokio::spawn(waiting.send());
    let orders = || world.raw_at(1, "/console/orders").header("cookie", &cookie);
    let refused = eventually("the only place is taken", Duration::from_secs(5), || async {
        Some(shown(orders()).await).filter(|it| it.status() == 503)
    })
    .await;
    assert_eq!(header(&refused, "retry-after"), "1");
    let page = failure(refused, 503).await;
    assert!(page.contains("too many calls at once") && page.contains("in 1 s"), "{page}");
    assert_eq!(link(&page, "again"), Some("/console/orders"));
    for program in [orders(), orders().header("accept", "application/json"), world.call_at(1, "/communities")]
    {
        is_json(sent(program).await, 503, "OVERLOADED").await;
    }
    is_json(shown(world.call_at(1, "/communities")).await, 503, "OVERLOADED").await;
    waiting.abort();

    // Two calls a minute.
    world.another_instance_for(MAX_CONCURRENT_CALLS, 0.01).await;
    let entrance = || world.raw_at(2, "/console/login");
    for _ in 0..2 {
        assert_eq!(shown(entrance()).await.status(), 200);
    }
    let refused = shown(entrance()).await;
    let seconds = header(&refused, "retry-after").to_owned();
    assert!(seconds.parse::<u32>().is_ok() && !header(&refused, "ratelimit-reset").is_empty(), "{refused:?}");
    let page = failure(refused, 429).await;
    assert!(page.contains("too many calls") && page.contains(&format!("in {seconds} s")), "{page}");
    is_json(sent(entrance()).await, 429, "RATE_LIMITED").await;
    is_json(shown(world.call_at(2, "/communities")).await, 429, "RATE_LIMITED").await;
    is_json(shown(world.raw("/consoles")).await, 404, "NOT_FOUND").await;
    world.drop().await;
}

#[tokio::test]
async fn a_page_that_postgresql_does_not_give_says_so_and_when_to_come_back() {
    let (world, cookie) = World::with_operator().await;
    let mut lock = world.owner.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE projection.orders").execute(&mut *lock).await.expect("nobody reads it");
    // Of a script, too: it shows what comes.
    let refused = sent(world.raw("/console/orders").header("cookie", &cookie)).await;
    assert_eq!(header(&refused, "retry-after"), "1");
    let page = failure(refused, 503).await;
    assert_eq!(link(&page, "again"), Some("/console/orders"), "{page}");
    lock.rollback().await.expect("the lock goes");
    world.page("/console/orders", &cookie).await;
    world.drop().await;
}

async fn is_json(response: Response, status: u16, code: &str) {
    let at = response.url().clone();
    assert_eq!(response.status(), status, "{at}");
    let body: serde_json::Value = response.json().await.expect("answers are JSON");
    assert_eq!(body["error"]["code"], code, "{at}");
}
