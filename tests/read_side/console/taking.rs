//! Who takes orders, and when: each once, by whoever may, and a cancel also where everybody is at work. What waits for them
//! does not lapse.

use std::time::Duration;

use projectors::console::orders::{Hands, carry_out_next, keep_taking};
use serde_json::{Value, json};
use tests::eventually::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Outcome, done};
use crate::fixture::World;
use crate::jobs::folded;

/// How long somebody may take to take an order, or to end one that is short.
const SOON: Duration = Duration::from_secs(20);

impl World {
    /// What became of an order, once something has.
    async fn ended(&self, id: Uuid) -> Outcome {
        let look = async || Some(self.outcome(id).await).filter(|it| it.0.is_some());
        eventually("the order ends", SOON, look).await
    }

    /// Projectors that take orders.
    fn keep_taking(&self, hands: Hands, shutdown: &CancellationToken) -> JoinHandle<()> {
        let shutdown = shutdown.clone();
        tokio::spawn(async move { keep_taking(hands, &shutdown).await })
    }

    /// The orders that somebody is at work on who holds this one; none while nobody holds it.
    async fn held(&self, id: Uuid) -> Option<Vec<Uuid>> {
        let held: Vec<Uuid> = sqlx::query_scalar("SELECT waits_for FROM projection.orders WHERE id = $1")
            .bind(id)
            .fetch_one(&self.reader())
            .await
            .expect("query-api may see it");
        Some(held).filter(|it| !it.is_empty())
    }

    async fn lapses_in(&self, id: Uuid, time: &str) {
        sqlx::query("UPDATE projection.orders SET lapses_at = now() + $2::interval WHERE id = $1")
            .bind(id)
            .bind(time)
            .execute(&self.owner())
            .await
            .expect("the owner may");
    }

    async fn seconds_left(&self, id: Uuid) -> f64 {
        let left = "SELECT extract(epoch FROM lapses_at - now())::double precision FROM projection.orders WHERE id = $1";
        sqlx::query_scalar(left).bind(id).fetch_one(&self.reader()).await.expect("query-api may see it")
    }

    async fn is_taken(&self, id: Uuid) -> bool {
        sqlx::query_scalar("SELECT taken_at IS NOT NULL FROM projection.orders WHERE id = $1")
            .bind(id)
            .fetch_one(&self.reader())
            .await
            .expect("query-api may see it")
    }
}

#[tokio::test]
async fn an_order_is_for_whoever_may_carry_it_out_and_for_a_minute() {
    let world = World::new().await;
    let never = CancellationToken::new();
    let rebuild = world.order("rebuild", "feed", json!({})).await;
    let without_owner = Hands { owner: None, ..world.hands() };
    assert!(!carry_out_next(&without_owner, &never).await.expect("looked"));
    sqlx::query("UPDATE projection.orders SET lapses_at = now()")
        .execute(&world.owner())
        .await
        .expect("the owner may");
    assert!(!carry_out_next(&world.hands(), &never).await.expect("looked"), "nobody expects it any more");
    assert_eq!(world.outcome(rebuild).await, (None, None, None));

    let show = world.order("show", "feed", json!({ "key": "nobody" })).await;
    assert!(carry_out_next(&without_owner, &never).await.expect("looked"));
    assert_eq!(world.outcome(show).await.0.as_deref(), Some("failed"));
    assert!(!carry_out_next(&world.hands(), &never).await.expect("looked"), "each is taken once");

    for forbidden in [
        "INSERT INTO projection.orders (id, kind, projection, asked_by, outcome) VALUES (gen_random_uuid(), 'drop', 'feed', 'x', 'done')",
        "UPDATE projection.orders SET outcome = 'done'",
        "DELETE FROM projection.orders",
        "SELECT record_value FROM projection.parked",
        "SELECT record_value FROM projection.discarded",
        "INSERT INTO projection.samples VALUES ('feed', now(), 'live', 0, 0)",
    ] {
        let refused = sqlx::query(forbidden).execute(&world.reader()).await.expect_err("query-api may not");
        assert!(refused.to_string().contains("permission denied"), "{forbidden}: {refused}");
    }
    for forbidden in [
        "INSERT INTO projection.orders (id, kind, projection, asked_by) VALUES (gen_random_uuid(), 'drop', 'feed', 'x')",
        "UPDATE projection.discarded SET record_value = NULL",
        "DELETE FROM projection.discarded",
        "DELETE FROM projection.look_out",
    ] {
        let refused =
            sqlx::query(forbidden).execute(&world.projector()).await.expect_err("projectors may not");
        assert!(refused.to_string().contains("permission denied"), "{forbidden}: {refused}");
    }
    let dance = "INSERT INTO projection.orders (id, kind, projection, asked_by) VALUES (gen_random_uuid(), 'dance', 'feed', 'x')";
    let refused = sqlx::query(dance).execute(&world.owner()).await.expect_err("nobody knows how");
    assert!(refused.to_string().contains("orders_kind_check"), "{refused}");
    world.drop().await;
}

#[tokio::test]
async fn two_who_look_at_once_take_an_order_each() {
    let world = World::new().await;
    let never = CancellationToken::new();
    let first = world.order("show", "feed", json!({ "key": "a" })).await;
    let second = world.order("show", "feed", json!({ "key": "b" })).await;
    // Somebody is about to take the first.
    let pool = world.projector();
    let mut taking = pool.begin().await.expect("it begins");
    sqlx::query("SELECT FROM projection.orders WHERE id = $1 FOR UPDATE")
        .bind(first)
        .execute(&mut *taking)
        .await
        .expect("it is locked");
    let hands = world.hands();
    let other = tokio::time::timeout(SOON, carry_out_next(&hands, &never)).await;
    assert!(other.expect("nobody waits for another one's order").expect("taken"));
    assert!(!world.is_taken(first).await && world.is_taken(second).await);
    taking.rollback().await.expect("it ends");

    let orders: Vec<Uuid> = {
        let mut orders = vec![first];
        for number in 0..7 {
            orders.push(world.order("show", "feed", json!({ "key": number.to_string() })).await);
        }
        orders
    };
    let take_all = async || {
        let mut taken = 0;
        while carry_out_next(&hands, &never).await.expect("looked") {
            taken += 1;
        }
        taken
    };
    let (one, another, third) = tokio::join!(take_all(), take_all(), take_all());
    assert_eq!(one + another + third, orders.len());
    world.drop().await;
}

#[tokio::test]
async fn a_cancel_is_carried_out_while_everything_else_waits_for_a_place() {
    let (world, running) = folded(3).await;
    let shutdown = CancellationToken::new();
    let taking = world.keep_taking(world.hands(), &shutdown);
    let rebuild = world.order("rebuild", "requests", json!({ "throttle": 1 })).await;
    let at_work = async || world.is_taken(rebuild).await.then_some(());
    eventually("somebody is at it", SOON, at_work).await;
    let verify = world.order("verify", "feed", json!({})).await;
    let waiting = world.order("heal", "requests", json!({ "id": Uuid::now_v7() })).await;
    // What is short has places of its own.
    let show = world.order("show", "feed", json!({ "key": "nobody" })).await;
    assert_eq!(world.ended(show).await.0.as_deref(), Some("failed"));
    assert!(!world.is_taken(verify).await, "one fold at a time");
    let job = async || {
        let job = projectors::rebuild::latest(&world.owner(), "requests").await.expect("it can be told");
        job.map(|_| ())
    };
    eventually("the rebuild has begun", SOON, job).await;

    let cancel = world.order("cancel", "requests", json!({})).await;
    let cancelled = done(world.ended(cancel).await);
    assert_eq!(cancelled["became"], json!({ "ended": "cancelled" }), "{cancelled}");
    assert_eq!(world.ended(rebuild).await.2.as_deref(), Some("cancelled"));
    let (outcome, _, error) = world.ended(waiting).await;
    assert_eq!(
        (outcome.as_deref(), error.as_deref()),
        (Some("failed"), Some("cancelled before anybody took it"))
    );
    assert_eq!(done(world.ended(verify).await)["equal"], true);
    shutdown.cancel();
    taking.await.expect("it ends in order");
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_order_that_stands_in_line_does_not_lapse_and_says_behind_which() {
    let (world, running) = folded(3).await;
    let shutdown = CancellationToken::new();
    let taking = world.keep_taking(world.hands(), &shutdown);
    let rebuild = world.order("rebuild", "requests", json!({ "throttle": 1 })).await;
    eventually("somebody is at it", SOON, async || world.is_taken(rebuild).await.then_some(())).await;
    let verify = world.order("verify", "feed", json!({})).await;
    eventually("it is held", SOON, async || world.held(verify).await.filter(|it| *it == [rebuild])).await;
    // As if it had waited for most of its minute.
    world.lapses_in(verify, "5 seconds").await;
    eventually("it does not lapse", SOON, async || (world.seconds_left(verify).await > 45.0).then_some(()))
        .await;

    world.order("cancel", "requests", json!({})).await;
    assert_eq!(done(world.ended(verify).await)["equal"], true);
    shutdown.cancel();
    taking.await.expect("it ends in order");
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn nobody_holds_an_order_that_they_could_not_carry_out() {
    let world = World::new().await;
    let shutdown = CancellationToken::new();
    let without_owner = Hands { owner: None, ..world.hands() };
    let taking = world.keep_taking(without_owner, &shutdown);
    // Whoever wants to show a record waits.
    let pool = world.owner();
    let mut lock = pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE projection.parked").execute(&mut *lock).await.expect("nobody reads it");
    let mut shows = Vec::new();
    for number in 0..4 {
        shows.push(world.order("show", "feed", json!({ "key": number.to_string() })).await);
    }
    let all_taken = async || {
        let mut taken = 0;
        for show in &shows {
            taken += usize::from(world.is_taken(*show).await);
        }
        (taken == shows.len()).then_some(())
    };
    eventually("every place is taken", SOON, all_taken).await;
    let of_owner = world.order("drop", "feed", json!({ "version": 1 })).await;
    let fifth = world.order("show", "feed", json!({ "key": "4" })).await;
    for id in [of_owner, fifth] {
        world.lapses_in(id, "40 seconds").await;
    }
    let mut behind = eventually("what they can do is held", SOON, async || world.held(fifth).await).await;
    behind.sort_unstable();
    shows.sort_unstable();
    assert_eq!(behind, shows);
    assert!(world.seconds_left(fifth).await > 45.0);
    assert_eq!(world.held(of_owner).await, None);
    assert!(world.seconds_left(of_owner).await <= 40.0);

    lock.rollback().await.expect("the lock goes");
    assert_eq!(world.ended(fifth).await.0.as_deref(), Some("failed"));
    shutdown.cancel();
    taking.await.expect("it ends in order");
    world.drop().await;
}

#[tokio::test]
async fn a_cancel_is_about_what_was_asked_for_before() {
    let (world, running) = folded(1).await;
    let never = CancellationToken::new();
    let before = world.order("rebuild", "requests", json!({})).await;
    let cancel = world.order("cancel", "requests", json!({})).await;
    let after = world.order("rebuild", "requests", json!({})).await;
    sqlx::query("UPDATE projection.orders SET asked_at = now() - interval '1 second' WHERE id = $1")
        .bind(before)
        .execute(&world.owner())
        .await
        .expect("the owner may");
    // Whoever is free for nothing else is free for a cancel.
    sqlx::query("UPDATE projection.orders SET taken_at = now(), told_at = now() WHERE kind = 'rebuild'")
        .execute(&world.projector())
        .await
        .expect("projectors may");
    assert!(carry_out_next(&world.hands(), &never).await.expect("looked"));
    assert_eq!(done(world.outcome(cancel).await), json!({ "became": "nothing_ran", "orders": 1 }));
    let told: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM projection.orders WHERE cancelled_by IS NOT NULL")
            .fetch_all(&world.reader())
            .await
            .expect("query-api may see it");
    assert_eq!(told, [before], "and not {after}");

    // Those that rebuild several belong to no projection, and have a cancel of their own.
    let several = world.order("rebuild_all", "", json!({})).await;
    sqlx::query("UPDATE projection.orders SET taken_at = now(), told_at = now() WHERE id = $1")
        .bind(several)
        .execute(&world.projector())
        .await
        .expect("projectors may");
    let cancel = world.carried_out("cancel", "", json!({})).await;
    assert_eq!(done(cancel), json!({ "became": "nothing_ran", "orders": 1 }));
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_is_at_work_stops_when_somebody_cancels_its_order() {
    let (world, running) = folded(3).await;
    let never = CancellationToken::new();
    let rebuild = world.order("rebuild", "requests", json!({ "throttle": 1 })).await;
    let hands = world.hands();
    let carrying = tokio::spawn(async move { carry_out_next(&hands, &never).await });
    eventually("somebody is at it", SOON, async || world.is_taken(rebuild).await.then_some(())).await;
    sqlx::query("UPDATE projection.orders SET cancelled_by = 'bo'")
        .execute(&world.projector())
        .await
        .expect("told");
    assert_eq!(world.ended(rebuild).await.2.as_deref(), Some("cancelled"));
    carrying.await.expect("it ends").expect("it was taken");
    assert_eq!(world.leftovers().await, Vec::<String>::new());
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_came_of_an_order_is_written_down_although_postgresql_refuses_once() {
    let world = World::new().await;
    sqlx::raw_sql(
        "CREATE SEQUENCE projection.refusals;
         GRANT USAGE ON SEQUENCE projection.refusals TO karmyq_projector;
         CREATE FUNCTION projection.refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF NEW.outcome IS NOT NULL AND nextval('projection.refusals') = 1 THEN
                 RAISE 'refused once';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER refuse_once BEFORE UPDATE ON projection.orders
             FOR EACH ROW EXECUTE FUNCTION projection.refuse_once()",
    )
    .execute(&world.owner())
    .await
    .expect("the owner may");
    let (outcome, _, error) = world.carried_out("show", "feed", json!({ "key": "nobody" })).await;
    assert_eq!(outcome.as_deref(), Some("failed"));
    assert!(error.is_some_and(|it| it.contains("nothing of feed is parked")));
    let asked: i64 = sqlx::query_scalar("SELECT last_value FROM projection.refusals")
        .fetch_one(&world.owner())
        .await
        .expect("counted");
    assert_eq!(asked, 2, "it was refused and written down again");
    let told: Value = sqlx::query_scalar("SELECT to_jsonb(ended_at) FROM projection.orders")
        .fetch_one(&world.reader())
        .await
        .expect("one");
    assert!(told.is_string());
    world.drop().await;
}
