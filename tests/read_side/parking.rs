//! Poison events hold back their own key and nothing else; nothing is skipped silently.

use event_log::NewRecord;
use uuid::Uuid;

use crate::fixture::World;
use crate::story::Story;

/// Value and header values of a parked record.
type Parked = (Option<Vec<u8>>, Vec<Vec<u8>>);

#[tokio::test]
async fn an_unreadable_record_holds_back_the_later_records_of_its_key_only() {
    let mut world = World::new().await;
    let (story, other) = (Story::new(), Story::new());
    world.append(story.beginning()).await;
    world.append(other.beginning()).await;
    let poison = NewRecord {
        to: world.partition_of("user-events", &story.helper.to_string()),
        key: story.helper.to_string().into_bytes(),
        value: Some(b"not in wire format".to_vec()),
        headers: vec![("x".into(), vec![0, 255])],
        timestamp_ms: 1_000,
    };
    world.append_records(vec![poison.clone()]).await;
    world
        .append(vec![story.renamed(story.helper, "Too late", 3), other.renamed(other.helper, "In time", 3)])
        .await;
    let running = world.start();
    world.folded().await;

    assert_eq!(name_of(&world, story.helper).await, "Benjamin");
    assert_eq!(name_of(&world, other.helper).await, "In time");
    let parked: Vec<Parked> = sqlx::query_as(
        "SELECT record_value, header_values FROM projection.parked WHERE projection = 'user_directory' ORDER BY record_offset",
    )
    .fetch_all(&world.owner())
    .await
    .expect("parked records are readable");
    assert_eq!(parked.len(), 2, "the record and the later one of its key: {parked:?}");
    assert_eq!(parked[0], (poison.value, vec![vec![0, 255]]));
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_value_that_the_database_refuses_is_parked_and_the_rest_of_its_batch_is_not() {
    let mut world = World::new().await;
    let (story, other) = (Story::new(), Story::new());
    // Text of PostgreSQL has no NUL.
    world.append(vec![story.asked("a\0b"), story.matched(2), other.asked("a ride"), other.matched(2)]).await;
    let running = world.start();
    world.folded().await;

    let requests: Vec<(Uuid, String)> = sqlx::query_as("SELECT id, status FROM requests.help_requests")
        .fetch_all(&world.owner())
        .await
        .expect("requests are readable");
    assert_eq!(requests, [(other.request, "matched".to_owned())]);
    let parked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projection.parked WHERE projection = 'requests'")
            .fetch_one(&world.owner())
            .await
            .expect("parked records are readable");
    assert_eq!(parked, 2, "the request and what came later about it");
    // A replay in memory refuses nothing by itself.
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

async fn name_of(world: &World, user: Uuid) -> String {
    sqlx::query_scalar("SELECT name FROM auth.users WHERE id = $1")
        .bind(user)
        .fetch_one(&world.owner())
        .await
        .expect("the user is in the directory")
}
