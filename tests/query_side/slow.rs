//! A query that takes too long is cancelled, and the rest goes on.

use std::time::Duration;

use futures::future::join_all;
use sqlx::PgPool;
use tests::eventually::eventually;

use crate::fixture::{World, pool};

/// More than there are connections.
const SLOW_CALLS: usize = 30;

#[tokio::test]
async fn a_slow_route_is_cancelled_and_takes_no_other_with_it() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let slow = "/users/me/settings";
    assert_eq!(world.get(slow, ana).await.status, 200);

    // A table that this route alone reads, and that no reading locks at its beginning.
    let mut lock = world.projector.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE auth.user_settings").execute(&mut *lock).await.expect("nobody reads it");
    let hanging = join_all((0..SLOW_CALLS).map(|_| world.get(slow, ana)));
    let others = async {
        eventually("the slow route has all it can get", Duration::from_secs(5), || async {
            (world.waiting_for("auth.user_settings").await >= 5).then_some(())
        })
        .await;
        let meanwhile = join_all((0..SLOW_CALLS).map(|_| world.get("/requests", ana))).await;
        let still = world.waiting_for("auth.user_settings").await;
        (meanwhile, still)
    };
    let (cancelled, (meanwhile, still)) = tokio::join!(hanging, others);
    assert!(meanwhile.iter().all(|it| it.status == 200), "{meanwhile:?}");
    assert!(still > 0, "the slow calls hung all the while");
    for it in &cancelled {
        assert_eq!(it.refusal(), (503, "DEPENDENCY_UNAVAILABLE"));
    }

    lock.rollback().await.expect("the lock goes");
    assert_eq!(world.get(slow, ana).await.status, 200, "nothing of it stays");
    world.drop().await;
}

#[tokio::test]
async fn a_reading_that_does_not_begin_keeps_nothing() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let path = "/requests";
    assert_eq!(world.get(path, ana).await.status, 200);

    // A table that every reading locks at its beginning.
    let mut lock = world.projector.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE requests.help_requests").execute(&mut *lock).await.expect("nobody reads it");
    let cancelled = join_all((0..3).map(|_| world.get(path, ana)));
    let impatient = join_all((0..2).map(|_| {
        let call = world.call(path).bearer_auth(world.token(ana));
        call.timeout(Duration::from_millis(300)).send()
    }));
    let (cancelled, gone) = tokio::join!(cancelled, impatient);
    assert!(gone.iter().all(Result::is_err), "they do not wait");
    for it in &cancelled {
        assert_eq!(it.refusal(), (503, "DEPENDENCY_UNAVAILABLE"));
    }

    lock.rollback().await.expect("the lock goes");
    let later = join_all((0..SLOW_CALLS).map(|_| world.get(path, ana))).await;
    assert!(later.iter().all(|it| it.status == 200), "{later:?}");
    let database: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&world.owner).await.expect("its name");
    let superuser = pool("DATABASE_URL_SUPERUSER", &database);
    eventually("no connection is left in a transaction", Duration::from_secs(5), || async {
        (in_a_transaction(&superuser).await == 0).then_some(())
    })
    .await;
    superuser.close().await;
    world.drop().await;
}

/// Connections of query-api that wait for the next statement of a transaction; only a superuser sees what others do.
async fn in_a_transaction(superuser: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'karmyq_query' AND state LIKE 'idle in transaction%'",
    )
    .fetch_one(superuser)
    .await
    .expect("it may look")
}
