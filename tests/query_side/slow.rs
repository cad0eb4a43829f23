//! A query that takes too long is cancelled, and the rest goes on.

use std::time::Duration;

use futures::future::join_all;
use tests::eventually::eventually;

use crate::fixture::World;

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
            (waiting(&world).await >= 5).then_some(())
        })
        .await;
        let meanwhile = join_all((0..SLOW_CALLS).map(|_| world.get("/requests", ana))).await;
        let still = waiting(&world).await;
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

/// Statements of query-api that wait for a lock.
async fn waiting(world: &World) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks AS l
         WHERE NOT l.granted AND l.relation = 'auth.user_settings'::regclass
           AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())",
    )
    .fetch_one(&world.projector)
    .await
    .expect("everybody sees locks")
}
