//! Poison events hold back their own key and nothing else; nothing is skipped silently.

use event_log::NewRecord;
use projectors::{Kind, dead_letters};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::fixture::{Schemas, World};
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

#[tokio::test]
async fn poison_of_every_kind_holds_back_its_key_and_no_other() {
    let mut world = World::new().await;
    let (kinds, other) = (poisons(), Story::new());
    let stories: Vec<_> = kinds.iter().map(|_| Story::new()).collect();
    for ((_, _, spoil), story) in kinds.iter().zip(&stories) {
        world.append(story.beginning()).await;
        let mut poison = world.encode(vec![story.renamed(story.helper, NEVER, 3)]);
        spoil(&world, poison.last_mut().expect("an event"));
        world.append_records(poison).await;
    }
    world.append(other.beginning()).await;
    let no_such_name = format!("ALTER TABLE auth.users ADD CONSTRAINT never CHECK (name <> '{NEVER}')");
    sqlx::query(AssertSqlSafe(no_such_name)).execute(&world.owner()).await.expect("a migration may do it");
    let running = world.start();
    world.folded().await;
    // With what comes later in one batch, a name that is not the last would be in no row.
    world.append(stories.iter().map(|it| it.renamed(it.helper, "Too late", 4)).collect()).await;
    world.append(vec![other.renamed(other.helper, "In time", 3)]).await;
    world.folded().await;

    assert_eq!(name_of(&world, other.helper).await, "In time");
    let parked = dead_letters::list(&world.owner(), Some("user_directory")).await.expect("it can be listed");
    for ((kind, expected, _), story) in kinds.iter().zip(&stories) {
        let key = story.helper.to_string();
        let found = parked
            .iter()
            .find(|it| dead_letters::text_of(&it.key) == key)
            .unwrap_or_else(|| panic!("{kind} was folded"));
        assert_eq!((found.kind, found.records), (*expected, 2), "{kind}: {found:?}");
        assert_eq!(name_of(&world, story.helper).await, "Benjamin", "{kind}");
    }
    assert_eq!(parked.len(), kinds.len(), "{parked:?}");
    // What a replay would park, too, is no difference.
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

/// What is wrong, where that shows, and how a good record comes to it.
type Poison = (&'static str, Kind, fn(&World, &mut NewRecord));

/// A name that a constraint refuses.
const NEVER: &str = "Nobody";

fn poisons() -> Vec<Poison> {
    vec![
        ("no wire format", Kind::Unreadable, |_, it| it.value = Some(b"not in wire format".to_vec())),
        ("nothing at all", Kind::Unreadable, |_, it| it.value = None),
        ("a schema that nobody has registered", Kind::Unreadable, |_, it| Schemas::obscure(it, 1)),
        ("half a record", Kind::Unreadable, |_, it| {
            it.value.as_mut().expect("events have values").truncate(20);
        }),
        ("more than a record", Kind::Unreadable, |_, it| {
            it.value.as_mut().expect("events have values").push(0);
        }),
        ("a type that nobody knows", Kind::Unreadable, |world, it| {
            world.schemas.write_as(it, "UserUpdated", "UserVanished");
        }),
        ("a major that nobody knows", Kind::Unreadable, |world, it| world.schemas.write_as(it, ".v1", ".v2")),
        ("a row that breaks a constraint", Kind::Refused, |_, _| {}),
    ]
}

async fn name_of(world: &World, user: Uuid) -> String {
    sqlx::query_scalar("SELECT name FROM auth.users WHERE id = $1")
        .bind(user)
        .fetch_one(&world.owner())
        .await
        .expect("the user is in the directory")
}
