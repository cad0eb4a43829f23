//! What the console needs of projectors: orders that do what the command line does, and a look around every ten seconds.
//! `taking` is about who takes orders, and when.

mod taking;

use projectors::Limits;
use projectors::console::look_out;
use projectors::console::orders::{Hands, carry_out_next};
use projectors::{dead_letters, registry, status};
use serde_json::{Value, json};
use sqlx::types::Json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fixture::World;
use crate::story::Story;

/// What became of an order.
type Outcome = (Option<String>, Option<Json<Value>>, Option<String>);

impl World {
    fn hands(&self) -> Hands {
        let limits = Limits::default();
        Hands { source: self.source.clone(), pool: self.projector(), owner: Some(self.owner()), limits }
    }

    /// Leaves an order as query-api does.
    async fn order(&self, kind: &str, projection: &str, details: Value) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query("INSERT INTO projection.orders (id, kind, projection, details, asked_by) VALUES ($1, $2, $3, $4, 'ana')")
            .bind(id)
            .bind(kind)
            .bind(projection)
            .bind(Json(details))
            .execute(&self.reader())
            .await
            .expect("query-api may ask");
        id
    }

    /// Leaves an order and carries it out.
    async fn carried_out(&self, kind: &str, projection: &str, details: Value) -> Outcome {
        let id = self.order(kind, projection, details).await;
        let never = CancellationToken::new();
        assert!(carry_out_next(&self.hands(), &never).await.expect("it can be taken"), "{kind}");
        self.outcome(id).await
    }

    async fn outcome(&self, id: Uuid) -> Outcome {
        sqlx::query_as("SELECT outcome, answer, error FROM projection.orders WHERE id = $1")
            .bind(id)
            .fetch_one(&self.reader())
            .await
            .expect("query-api may see it")
    }
}

fn done(outcome: Outcome) -> Value {
    let (Some("done"), Some(Json(answer)), None) = (outcome.0.as_deref(), outcome.1, outcome.2.as_deref())
    else {
        panic!("{:?} {:?}", outcome.0, outcome.2)
    };
    answer
}

#[tokio::test]
async fn orders_do_what_the_command_line_does_and_say_what_came_of_it() {
    let mut world = World::new().await;
    let running = world.start();
    let story = Story::new();
    world.append(story.events()).await;
    world.folded().await;
    let nothing = json!({});
    let rebuilt = done(world.carried_out("rebuild", "requests", json!({ "throttle": 1_000_000 })).await);
    assert_eq!((&rebuilt["projection"], &rebuilt["version"]), (&json!("requests"), &json!(2)));
    let (by, throttle): (String, i32) =
        sqlx::query_as("SELECT started_by, throttle FROM projection.rebuilds")
            .fetch_one(&world.owner())
            .await
            .expect("one");
    assert!(by.starts_with("ana on the console (projectors@") && throttle == 1_000_000, "{by} {throttle}");
    // Somebody has rebuilt since the page was looked at.
    for kind in ["rollback", "drop"] {
        let (_, _, error) = world.carried_out(kind, "requests", json!({ "version": 7 })).await;
        assert!(error.is_some_and(|it| it.contains("version 7 of requests is not kept any more")), "{kind}");
    }
    let rolled_back = done(world.carried_out("rollback", "requests", json!({ "version": 1 })).await);
    assert_eq!(rolled_back["version"], 1);
    let verified = done(world.carried_out("verify", "requests", nothing.clone()).await);
    assert_eq!(verified["equal"], true);
    assert_eq!(done(world.carried_out("drop", "requests", nothing.clone()).await), json!({ "version": 2 }));
    let cut_off = world.order("verify", "requests", nothing.clone()).await;
    sqlx::query("UPDATE projection.orders SET taken_at = now(), told_at = now() - interval '31 seconds' WHERE id = $1")
        .bind(cut_off)
        .execute(&world.projector())
        .await
        .expect("projectors may");
    assert_eq!(
        done(world.carried_out("cancel", "requests", nothing.clone()).await),
        json!({ "became": "nothing_ran", "orders": 0 })
    );
    let (outcome, answer, error) = world.carried_out("rollback", "requests", nothing.clone()).await;
    assert_eq!((outcome.as_deref(), answer.is_none()), (Some("failed"), true));
    assert!(error.as_deref().is_some_and(|it| it.contains("no version of requests is kept")), "{error:?}");
    world.verify().await;

    // One row, and no other.
    sqlx::query("UPDATE requests.help_requests SET title = 'no'")
        .execute(&world.owner())
        .await
        .expect("spoilt");
    let healed = done(world.carried_out("heal", "requests", json!({ "id": story.request })).await);
    assert_eq!((&healed["id"], &healed["healed"]), (&json!(story.request), &json!(1)));
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn one_order_rebuilds_all_projections_or_those_that_are_outdated() {
    let mut world = World::new().await;
    let running = world.start();
    world.append(Story::new().events()).await;
    world.folded().await;
    let versions = async || -> Vec<(String, i32)> {
        sqlx::query_as(
            "SELECT projection, version FROM projection.active WHERE version > 1 ORDER BY projection",
        )
        .fetch_all(&world.owner())
        .await
        .expect("it can be told")
    };
    let outdated = json!({ "outdated": true });
    let nothing = done(world.carried_out("rebuild_all", "", outdated.clone()).await);
    assert_eq!((nothing, versions().await), (json!({ "rebuilt": [] }), Vec::new()));

    sqlx::query("UPDATE projection.active SET fingerprint = 'other code' WHERE projection = 'feed'")
        .execute(&world.owner())
        .await
        .expect("the owner may");
    let one = done(world.carried_out("rebuild_all", "", outdated).await);
    assert_eq!(one["rebuilt"][0]["projection"], "feed");
    assert_eq!(versions().await, [("feed".to_owned(), 2)]);

    let all = done(world.carried_out("rebuild_all", "", json!({})).await);
    assert_eq!(all["rebuilt"].as_array().map(Vec::len), Some(registry::PROJECTIONS.len()));
    assert_eq!(versions().await.len(), registry::PROJECTIONS.len());
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_order_retires_what_no_code_folds_and_nothing_else() {
    let world = World::new().await;
    for sql in [
        "CREATE TABLE feed.weather (id uuid PRIMARY KEY) PARTITION BY LIST (id)",
        "INSERT INTO projection.active (projection, version, fingerprint, tables) VALUES ('weather', 1, '', '{feed.weather}')",
    ] {
        sqlx::query(sql).execute(&world.owner()).await.expect("the owner may");
    }
    let retired = done(world.carried_out("retire", "weather", json!({})).await);
    assert_eq!(retired, json!({ "tables": ["feed.weather"] }));
    assert!(!world.tables().await.contains(&"feed.weather".to_owned()));
    let (outcome, _, error) = world.carried_out("retire", "feed", json!({})).await;
    assert_eq!(outcome.as_deref(), Some("failed"));
    assert!(error.as_deref().is_some_and(|it| it.contains("only what no code folds")), "{error:?}");
    assert!(world.tables().await.contains(&"feed.activities".to_owned()));
    world.drop().await;
}

#[tokio::test]
async fn a_parked_key_is_shown_and_redriven_by_order() {
    let mut world = World::new().await;
    let story = Story::new();
    let mut records = world.encode(story.events());
    let poison =
        records.iter_mut().find(|it| &*it.to.topic == "request-events").expect("somebody asks for help");
    let key = String::from_utf8(poison.key.clone()).expect("an id");
    let (good, value) = (poison.clone(), b"not in wire format".to_vec());
    poison.value = Some(value);
    world.append_records(records).await;
    let running = world.start();
    world.folded().await;

    let of = json!({ "topic": "request-events", "key": key });
    let shown = done(world.carried_out("show", "requests", of.clone()).await);
    let first = &shown["records"][0];
    assert_eq!(
        (&first["kind"], &first["headers"]["ce_type"]),
        (&json!("unreadable"), &json!("RequestCreated"))
    );
    assert!(first["bytes"]["beginning"].as_str().is_some_and(|it| it.contains("not in wire")), "{first}");
    let verified = done(world.carried_out("verify", "requests", json!({})).await);
    assert!(verified["equal"] == true && verified["parked"].as_i64() > Some(0), "{verified}");
    let redriven = done(world.carried_out("redrive", "requests", of.clone()).await);
    assert_eq!(redriven["redriven"]["folded"], 0);
    assert!(redriven["redriven"]["stoppedAt"]["offset"].is_number(), "{redriven}");

    // What is wrong is corrected in place, as a deploy would.
    sqlx::query("UPDATE projection.parked SET record_value = $1 WHERE record_value = convert_to('not in wire format', 'UTF8') AND projection = 'requests'")
        .bind(&good.value)
        .execute(&world.owner())
        .await
        .expect("the owner may");
    let healed = done(world.carried_out("redrive", "requests", of.clone()).await);
    assert_eq!(healed["redriven"]["stoppedAt"], Value::Null);
    let again = world.carried_out("redrive", "requests", of).await;
    assert!(again.2.is_some_and(|it| it.contains("nothing of requests is parked")));
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_discard_takes_out_the_record_that_was_looked_at_and_no_other() {
    let mut world = World::new().await;
    let mut records = world.encode(Story::new().events());
    let of_request = records.iter_mut().filter(|it| &*it.to.topic == "request-events");
    let mut key = Vec::new();
    // Two that nothing will ever fold, and others behind them.
    for poison in of_request.take(2) {
        poison.value = Some(b"not in wire format".to_vec());
        key = poison.key.clone();
    }
    world.append_records(records).await;
    let running = world.start();
    world.folded().await;
    let first: i64 = sqlx::query_scalar(
        "SELECT first_offset FROM projection.parked_keys WHERE projection = 'requests' AND record_key = $1",
    )
    .bind(&key)
    .fetch_one(&world.reader())
    .await
    .expect("it is parked");
    let key = String::from_utf8(key).expect("an id");
    let mut of = json!({ "topic": "request-events", "key": key, "firstOffset": first });
    let (outcome, _, error) = world.carried_out("discard", "requests", of.clone()).await;
    assert_eq!((outcome.as_deref(), error.as_deref()), (Some("failed"), Some("a reason must be given")));
    of["reason"] = json!("ticket 7");
    let discarded = done(world.carried_out("discard", "requests", of.clone()).await);
    assert_eq!(discarded["discarded"], 1);
    assert!(discarded["redriven"]["stoppedAt"]["offset"].as_i64() > Some(first), "{discarded}");
    // From another page, which shows what was.
    let (outcome, _, error) = world.carried_out("discard", "requests", of).await;
    assert_eq!(outcome.as_deref(), Some("failed"));
    assert!(error.as_deref().is_some_and(|it| it.contains("somebody has dealt with")), "{error:?}");
    let gone: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT record_offset, discarded_by, reason FROM projection.discarded")
            .fetch_all(&world.reader())
            .await
            .expect("query-api may see it");
    assert_eq!(gone, [(first, "ana".to_owned(), "ticket 7".to_owned())]);
    let told = dead_letters::discarded(&world.owner(), Some("requests"), 10).await.expect("it can be told");
    let told: Vec<_> = told.iter().map(|it| (it.offset, it.by.as_str(), it.reason.as_str())).collect();
    assert_eq!(told, [(first, "ana", "ticket 7")]);
    let none = dead_letters::discarded(&world.owner(), Some("feed"), 10).await.expect("it can be told");
    assert!(none.is_empty(), "{none:?}");

    let all = done(world.carried_out("redrive_all", "requests", json!({})).await);
    assert_eq!(
        (&all["keys"], &all["stoppedKeys"], &all["stopped"][0]["key"]["key"]),
        (&json!(1), &json!(1), &json!(key))
    );

    // A process that is told to stop says what it has done, and what not.
    let second = discarded["redriven"]["stoppedAt"]["offset"].clone();
    let of = json!({ "topic": "request-events", "key": key, "firstOffset": &second, "reason": "ticket 8" });
    let (stopping, id) = (CancellationToken::new(), world.order("discard", "requests", of).await);
    stopping.cancel();
    assert!(carry_out_next(&world.hands(), &stopping).await.expect("it can be taken"));
    let (outcome, _, error) = world.outcome(id).await;
    assert_eq!(outcome.as_deref(), Some("failed"));
    let told = "1 record(s) are discarded, the rest is not redriven yet: stopped before it had ended";
    assert_eq!(error.as_deref(), Some(told));
    let gone: i64 = sqlx::query_scalar("SELECT count(*) FROM projection.discarded")
        .fetch_one(&world.reader())
        .await
        .expect("counted");
    assert_eq!(gone, 2);
    let last = dead_letters::discarded(&world.owner(), Some("requests"), 1).await.expect("it can be told");
    let last: Vec<_> = last.iter().map(|it| json!(it.offset)).collect();
    assert_eq!(last, [second], "the last first, and no more than were asked for");
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_look_around_tells_what_status_tells_once_in_ten_seconds() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    let pool = world.projector();
    assert!(look_out::look_in_turn(&world.source, &pool).await.expect("looked"));
    assert!(
        !look_out::look_in_turn(&world.source, &pool).await.expect("looked"),
        "another one has just looked"
    );

    let seen: Vec<(String, Json<Value>)> =
        sqlx::query_as("SELECT projection, status FROM projection.whereabouts ORDER BY projection")
            .fetch_all(&world.reader())
            .await
            .expect("query-api may see it");
    assert_eq!(seen.len(), registry::PROJECTIONS.len());
    for it in status::look(&world.source, &pool, None).await.expect("status can be told") {
        let (_, Json(seen)) = seen.iter().find(|(name, _)| name == it.projection).expect("it was seen");
        let told = serde_json::to_value(&it).expect("JSON");
        for part in ["state", "version", "parkedKeys"] {
            assert_eq!(seen[part], told[part], "{part} of {}", it.projection);
        }
        assert_eq!(seen["partitions"].as_array().map(Vec::len), Some(it.partitions.len()));
    }

    // Ten seconds later, and an hour later: what is too old to be drawn goes.
    sqlx::query("UPDATE projection.look_out SET looked_at = now() - interval '10 seconds'")
        .execute(&pool)
        .await
        .expect("set");
    sqlx::query("UPDATE projection.samples SET seen_at = now() - interval '66 minutes'")
        .execute(&pool)
        .await
        .expect("set");
    for (age, answer) in [("59 minutes", 1), ("61 minutes", 2), ("91 days", 3)] {
        let id = world.order("show", "feed", json!({})).await;
        let aged = "UPDATE projection.orders SET asked_at = now() - $2::interval, answer = to_jsonb($3::integer) WHERE id = $1";
        sqlx::query(aged)
            .bind(id)
            .bind(age)
            .bind(answer)
            .execute(&world.owner())
            .await
            .expect("the owner may");
    }
    assert!(look_out::look_in_turn(&world.source, &pool).await.expect("looked"));
    let left: Vec<Option<Json<Value>>> =
        sqlx::query_scalar("SELECT answer FROM projection.orders ORDER BY asked_at")
            .fetch_all(&world.reader())
            .await
            .expect("query-api may see them");
    assert_eq!(
        left,
        [None, Some(Json(json!(1)))],
        "what was shown goes after an hour, and an order after ninety days"
    );
    let samples: i64 = sqlx::query_scalar("SELECT count(*) FROM projection.samples")
        .fetch_one(&world.reader())
        .await
        .expect("counted");
    assert_eq!(samples, i64::try_from(registry::PROJECTIONS.len()).expect("a few"));
    running.stop().await;
    world.drop().await;
}
