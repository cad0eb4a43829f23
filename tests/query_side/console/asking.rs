//! What may be asked for on the console, from where, and how often.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{header, sent};
use crate::fixture::World;

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
        ("/console/projections/feed/dance", vec![]),
        ("/console/dead-letters/forget", vec![("projection", "feed"), ("key", "k")]),
    ] {
        assert_eq!(sent(world.own_form(path, &cookie, &fields)).await.status(), 404, "{path}");
    }
    for (path, fields) in [
        (path, vec![("throttle", "0")]),
        (path, vec![("throttle", "fast")]),
        ("/console/dead-letters/redrive", vec![("projection", "feed")]),
        (
            "/console/dead-letters/discard",
            vec![("projection", "feed"), ("key", "k"), ("offset", "7"), ("reason", " ")],
        ),
        ("/console/dead-letters/discard", vec![("projection", "feed"), ("key", "k"), ("reason", "because")]),
        ("/console/projections/feed/rollback", vec![]),
        ("/console/projections/feed/heal", vec![("id", "everything")]),
    ] {
        assert_eq!(sent(world.own_form(path, &cookie, &fields)).await.status(), 400, "{path} {fields:?}");
    }
    let without = world.form(path, &[]).header("cookie", &cookie).header("origin", world.origin());
    assert_eq!(sent(without).await.status(), 400, "nobody could tell that it is sent twice");
    assert_eq!(world.orders().await, 1);
    world.drop().await;
}

#[tokio::test]
async fn an_order_says_whether_something_may_still_come_of_it() {
    let (world, cookie) = World::with_operator().await;
    let cases = [
        ("waiting", "asked_at = now()"),
        ("lapsed", "lapses_at = now() - interval '1 second'"),
        ("at work", "taken_at = now(), told_at = now(), taken_by = 'somebody'"),
        ("cut off", "taken_at = now(), told_at = now() - interval '1 minute'"),
        ("failed", "outcome = 'failed', error = 'no version of feed is kept to go back to'"),
        ("done", "outcome = 'done', answer = '{\"version\": 3, \"records\": 4, \"sameCode\": false}'"),
    ];
    let asked =
        sent(world.own_form("/console/projections/feed/rollback", &cookie, &[("version", "1")])).await;
    let location = header(&asked, "location");
    for (state, change) in cases {
        world
            .project(format!(
                "UPDATE projection.orders SET lapses_at = now() + interval '1 minute', taken_at = NULL, told_at = NULL, outcome = NULL, error = NULL;
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
async fn an_order_in_line_names_what_it_waits_for_and_shows_nobody_elses_progress() {
    let (world, cookie) = World::with_operator().await;
    let ask = async |kind: &str| {
        let asked = sent(world.own_form(&format!("/console/projections/feed/{kind}"), &cookie, &[])).await;
        header(&asked, "location").to_owned()
    };
    let link = |it: &str| format!("<a href=\"{it}\">");
    let (rebuild, verify) = (ask("rebuild").await, ask("verify").await);
    let heal = [("id", "0199c7e2-0000-7000-8000-000000000000")];
    let heal = sent(world.own_form("/console/projections/feed/heal", &cookie, &heal)).await;
    let heal = header(&heal, "location");
    let page = world.page(&verify, &cookie).await;
    assert!(page.contains("within a minute somebody takes it") && !page.contains("waits behind"), "{page}");

    // The rebuild is at work, and its projectors hold what waits for them.
    let pool = world.owner.clone();
    let mut rebuilding = pool.acquire().await.expect("a connection");
    sqlx::query("SELECT pg_advisory_lock(projection.rebuild_lock('feed'))")
        .execute(&mut *rebuilding)
        .await
        .expect("nobody has it");
    world
        .project(
            "UPDATE projection.orders SET taken_at = now(), told_at = now(), taken_by = 'p' WHERE kind = 'rebuild';
             UPDATE projection.orders SET waits_for = ARRAY(SELECT id FROM projection.orders WHERE kind = 'rebuild')
             WHERE taken_at IS NULL"
                .to_owned(),
        )
        .await;
    sqlx::query(
        "INSERT INTO projection.rebuilds (projection, kind, version, tables, phase, started_by)
         VALUES ('feed', 'rebuild', 2, '{}', 'folding', 'ana')",
    )
    .execute(&pool)
    .await
    .expect("the owner may");
    let progress = "rebuild of version 2";
    let page = world.page(&rebuild, &cookie).await;
    assert!(page.contains(progress) && !page.contains("waits behind"), "{page}");
    let page = world.page(&verify, &cookie).await;
    assert!(page.contains(">waiting</span>") && page.contains("It has not begun: it waits behind"), "{page}");
    assert!(page.contains(&link(&rebuild)) && !page.contains(&link(heal)), "{page}");
    assert!(!page.contains(progress) && !page.contains("or it lapses"), "{page}");
    let page = world.page(heal, &cookie).await;
    assert!(page.contains(&link(&rebuild)) && page.contains(&link(&verify)), "{page}");
    assert!(!page.contains(progress), "{page}");

    // By other projectors, at the same time.
    world
        .project(
            "UPDATE projection.orders SET taken_at = now(), told_at = now() WHERE kind = 'verify'".to_owned(),
        )
        .await;
    let page = world.page(&verify, &cookie).await;
    assert!(page.contains(">at work</span>") && !page.contains(progress), "{page}");
    // Whoever was at it is gone.
    world
        .project(
            "UPDATE projection.orders SET told_at = now() - interval '31 seconds' WHERE taken_at IS NOT NULL"
                .to_owned(),
        )
        .await;
    let page = world.page(heal, &cookie).await;
    assert!(!page.contains("waits behind") && page.contains("or it lapses"), "{page}");
    drop(rebuilding);
    world.drop().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_order() {
    let (world, cookie) = World::with_operator().await;
    let order = Uuid::now_v7().to_string();
    // As the page shows it, whatever stands at its ends and however long it is.
    let key = format!("  {} ", "k".repeat(2_000));
    let fields = [
        ("order", order.as_str()),
        ("projection", "feed"),
        ("topic", "request-events"),
        ("key", &key),
        ("offset", "7"),
        ("reason", "twice"),
    ];
    for _ in 0..2 {
        let form = world.form("/console/dead-letters/discard", &fields).header("cookie", &cookie);
        let asked = sent(form.header("origin", world.origin())).await;
        assert_eq!(
            (asked.status().as_u16(), header(&asked, "location")),
            (303, &*format!("/console/orders/{order}"))
        );
    }
    let details: Vec<Value> = sqlx::query_scalar("SELECT details FROM projection.orders")
        .fetch_all(&world.projector)
        .await
        .expect("read");
    let expected = json!({
        "topic": "request-events", "key": key, "firstOffset": 7, "reason": "twice", "wholeKey": false
    });
    assert_eq!(details, [expected]);
    world.drop().await;
}

#[tokio::test]
async fn what_folds_a_whole_log_is_not_repeated_while_one_is_open() {
    let (world, cookie) = World::with_operator().await;
    for (path, fields) in [
        ("/console/projections/feed/verify", vec![]),
        // The second would take the place of the version that the first keeps.
        ("/console/projections/feed/rebuild", vec![]),
        ("/console/projections", vec![("kind", "rebuild_all")]),
    ] {
        let ask = async || {
            let asked = sent(world.own_form(path, &cookie, &fields)).await;
            header(&asked, "location").to_owned()
        };
        let change = async |to: &str| {
            world.project(format!("UPDATE projection.orders SET {to} WHERE outcome IS NULL")).await;
        };
        let first = ask().await;
        assert_eq!(ask().await, first, "{path}");
        change("taken_at = now(), told_at = now()").await;
        assert_eq!(ask().await, first, "{path}");
        change("cancelled_by = 'bo'").await;
        let second = ask().await;
        assert_ne!(second, first, "{path}: nothing will come of the first");
        change("ended_at = now(), outcome = 'done', answer = '{}'").await;
        assert_ne!(ask().await, second, "{path}");
    }
    world.drop().await;
}

#[tokio::test]
async fn several_are_rebuilt_by_one_order() {
    let (world, cookie) = World::with_operator().await;
    let ask =
        async |fields: &[(&str, &str)]| sent(world.own_form("/console/projections", &cookie, fields)).await;
    assert_eq!(ask(&[("kind", "drop")]).await.status(), 404);
    assert_eq!(ask(&[("kind", "rebuild_all"), ("throttle", "fast")]).await.status(), 400);
    let asked = ask(&[("kind", "rebuild_all"), ("outdated", "yes"), ("throttle", "500")]).await;
    let page = world.page(header(&asked, "location"), &cookie).await;
    for part in ["rebuild what is outdated", "karmyq projections rebuild --auto --throttle 500", "waiting"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let answer =
        r#"{"rebuilt": [{"projection": "feed", "version": 3, "records": 9, "rows": 2, "parked": 1}]}"#;
    world.project(format!("UPDATE projection.orders SET outcome = 'done', answer = '{answer}'")).await;
    let page = world.page(header(&asked, "location"), &cookie).await;
    let told = "feed: version 3 is live: 9 records, 2 rows, 0 s, but for 1 record(s) that are parked";
    assert!(page.contains(told), "{page}");
    let cancelled = ask(&[("kind", "cancel")]).await;
    let page = world.page(header(&cancelled, "location"), &cookie).await;
    assert!(page.contains("cancel the rebuild of several"), "{page}");
    world.drop().await;
}

#[tokio::test]
async fn what_no_code_folds_any_more_can_be_retired_and_nothing_else() {
    let (world, cookie) = World::with_operator().await;
    let path = "/console/projections/feed";
    let (form, offer) = ("action=\"/console/projections/feed/retire\"", "it can be retired");
    let ask = async || sent(world.own_form(&format!("{path}/retire"), &cookie, &[])).await;
    world
        .project("UPDATE projection.active SET tables = '{feed.activities, feed.dismissals}'".to_owned())
        .await;
    let looked = |projection: &str, age: &str| {
        format!(
            "INSERT INTO projection.whereabouts VALUES ('{projection}', now() - interval '{age}', '{{}}')
             ON CONFLICT (projection) DO UPDATE SET seen_at = excluded.seen_at"
        )
    };
    for look in [
        // Nobody has ever looked.
        "SELECT".to_owned(),
        // Nobody looks any more.
        looked("requests", "1 minute"),
        // They have it.
        looked("requests", "1 second") + "; " + &looked("feed", "1 second"),
        // They have it, and the last look was a while ago.
        looked("feed", "1 minute"),
    ] {
        world.project(look.clone()).await;
        assert!(!world.page(path, &cookie).await.contains(form), "{look}");
        assert!(!world.page("/console/projections", &cookie).await.contains(offer), "{look}");
        assert_eq!(ask().await.status(), 409, "{look}");
    }
    assert_eq!(world.orders().await, 0);

    world.project("DELETE FROM projection.whereabouts WHERE projection = 'feed'".to_owned()).await;
    let page = world.page("/console/projections", &cookie).await;
    assert!(page.contains(offer) && !page.contains("Nobody knows how it is"), "{page}");
    let page = world.page(path, &cookie).await;
    let retire = page.split_once(form).expect("it is offered").1.split_once("</form>").expect("it ends").0;
    for part in
        ["feed.activities, feed.dismissals", "<details><summary>", "Yes, retire feed", "name=\"order\""]
    {
        assert!(retire.contains(part), "{part} in {retire}");
    }
    assert!(!page.contains("/feed/rebuild\""), "there is no code to rebuild it with: {page}");
    let asked = ask().await;
    let page = world.page(header(&asked, "location"), &cookie).await;
    assert!(page.contains("karmyq projections retire feed") && page.contains("waiting"), "{page}");
    world
        .project(
            "UPDATE projection.orders SET outcome = 'done', answer = '{\"tables\": [\"feed.activities\"]}'"
                .to_owned(),
        )
        .await;
    let page = world.page(header(&asked, "location"), &cookie).await;
    assert!(page.contains("gone with its consumer group and its tables feed.activities"), "{page}");
    assert!(!page.contains("href=\"/console/projections/feed\""), "nothing is there: {page}");
    world.drop().await;
}

#[tokio::test]
async fn nobody_takes_for_healed_what_is_still_held_back() {
    let (world, cookie) = World::with_operator().await;
    let stopped =
        r#"{"redriven": {"folded": 0, "stoppedAt": {"offset": 7, "reason": "no schema"}}, "discarded": 1}"#;
    let healed = r#"{"redriven": {"folded": 2, "stoppedAt": null}, "discarded": 1}"#;
    for (kind, answer, state) in [
        ("redrive", stopped, "still parked"),
        ("redrive", healed, "done"),
        ("discard", stopped, "still parked"),
        ("discard", healed, "done"),
        ("redrive_all", r#"{"keys": 2, "folded": 1, "stoppedKeys": 1, "stopped": []}"#, "still parked"),
        ("redrive_all", r#"{"keys": 2, "folded": 2, "stoppedKeys": 0, "stopped": []}"#, "done"),
        ("verify", r#"{"equal": false, "tables": []}"#, "different"),
        ("verify", r#"{"equal": true, "parked": 2, "tables": []}"#, "done"),
    ] {
        let id = Uuid::now_v7();
        let order = "INSERT INTO projection.orders (id, kind, projection, details, asked_by, ended_at, outcome, answer)
             VALUES ($1, $2, 'feed', '{\"key\": \"k-1\"}', 'ana', now(), 'done', $3::jsonb)";
        let left = sqlx::query(order).bind(id).bind(kind).bind(answer).execute(&world.owner).await;
        left.expect("the owner may");
        let page = world.page(&format!("/console/orders/{id}"), &cookie).await;
        assert!(page.contains(&format!(">{state}</span>")), "{kind} {state}: {page}");
        let way_out =
            page.contains("Correct the cause") && page.contains("/console/dead-letters?projection=feed");
        assert_eq!(way_out, state == "still parked", "{kind} {state}: {page}");
        let open = page.contains("data-often");
        assert!(!open, "{kind}: nothing more comes of it");
        let equal_but = page.contains("the rows are what the log says, but for 2 record(s) that are parked");
        assert_eq!(equal_but, answer.contains("parked"), "{kind}: {page}");
    }
    let list = world.page("/console/orders", &cookie).await;
    assert_eq!(list.matches(">still parked</span>").count(), 3, "{list}");
    assert!(list.contains("<code>k-1</code>"), "the list tells which key: {list}");
    world.drop().await;
}

#[tokio::test]
async fn whoever_is_signed_out_meanwhile_is_told_that_nothing_was_done() {
    let (world, cookie) = World::with_operator().await;
    let from = format!("{}/console/dead-letters?projection=feed", world.origin());
    let asked = world.form("/console/dead-letters/redrive_all", &[("projection", "feed")]);
    let asked = sent(asked.header("origin", world.origin()).header("referer", from)).await;
    let location = header(&asked, "location").to_owned();
    assert_eq!(location, "/console/login?next=/console/dead-letters%3Fprojection%3Dfeed&lost=form");
    let page = sent(world.raw(&location)).await.text().await.expect("it is text");
    assert!(page.contains("what you asked for was not done"), "{page}");
    assert!(page.contains("value=\"/console/dead-letters?projection=feed\""), "{page}");
    let elsewhere = world.form("/console/projections/feed/rebuild", &[]).header("origin", world.origin());
    let elsewhere = sent(elsewhere.header("referer", "https://evil.example/trap")).await;
    let page = sent(world.raw(header(&elsewhere, "location"))).await.text().await.expect("it is text");
    assert!(page.contains("value=\"/console/projections\""), "{page}");
    let looked = sent(world.raw("/console/orders")).await;
    let page = sent(world.raw(header(&looked, "location"))).await.text().await.expect("it is text");
    assert!(!page.contains("was not done"), "{page}");
    assert!(!world.page("/console/login", &cookie).await.contains("was not done"));
    assert_eq!(world.orders().await, 0);
    world.drop().await;
}

#[tokio::test]
async fn what_was_shown_of_records_goes_and_the_order_says_so() {
    let (world, cookie) = World::with_operator().await;
    let fields = [("projection", "feed"), ("topic", "request-events"), ("key", "k")];
    let asked = sent(world.own_form("/console/dead-letters/show", &cookie, &fields)).await;
    let answer =
        r#"{"key": {"records": 1}, "records": [{"position": "request-events/0@7", "kind": "unreadable"}]}"#;
    world
        .project(format!(
            "UPDATE projection.orders SET outcome = 'done', ended_at = now(), answer = '{answer}'"
        ))
        .await;
    let page = world.page(header(&asked, "location"), &cookie).await;
    assert!(page.contains("request-events/0@7") && !page.contains("kept for an hour"), "{page}");
    world.project("UPDATE projection.orders SET answer = NULL".to_owned()).await;
    let page = world.page(header(&asked, "location"), &cookie).await;
    assert!(page.contains("kept for an hour"), "{page}");
    world.drop().await;
}
