//! What stands still on the read side, and what of it comes back: a transaction that nobody ends, a projector that was
//! paused for longer than its session.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Executor as _;
use tests::eventually::eventually;
use tests::people::{Person, Thing};
use tests::python;
use tests::services::{Service, System, karmyq, said};

use crate::rebuild::folded;

/// A transaction counts as hanging after twenty seconds of silence; a session of a projector ends after ten.
const NAMED: Duration = Duration::from_secs(60);
/// Longest wait of a query, in milliseconds.
const WAIT_MS: &str = "10000";
/// The projections that fold communities.
const FOLDING: [&str; 2] = ["community", "feed"];
/// Communities of which one should be of a partition that the first of two projectors has.
const COMMUNITIES: usize = 20;
/// Commands while it stands still, and after.
const COMMANDS: usize = 30;

pub(crate) async fn a_transaction_that_nobody_ends_is_named_and_ended_by_the_command_that_is_told(
    system: &System,
) {
    let mut founder = system.api.register("Hana").await;
    let community = system.api.found(&mut founder).await;
    folded(system).await;
    let (topic, rest) = community.position.split_once('/').expect("a position");
    let partition = rest.split('@').next().expect("a position");
    let arguments = vec![topic.to_owned(), partition.to_owned()];
    let output = python::run("hanging.py", arguments, String::new()).await;
    assert!(output.status.success(), "{}", said(&output));
    let position = tag(system, &founder, &community, "behind-it").await;
    let path = format!("/communities/{}", community.id);
    let seen = || system.api.get(&path).by(&founder).seeing(&position);
    seen().query("wait_ms", "500").refused(503, "NOT_YET_VISIBLE").await;

    let named = eventually("the transaction is named", NAMED, || async {
        let community = status(system);
        assert!(community["parkedKeys"] == 0, "{community}");
        let partitions = community["partitions"].as_array().expect("a list").clone();
        partitions.into_iter().find(|it| it["hanging"].is_object())
    })
    .await;
    assert_eq!(
        (&named["topic"], named["partition"].to_string().as_str()),
        (&topic.into(), partition),
        "{named}"
    );
    assert_eq!(named["state"], "frozen", "{named}");
    let hanging = &named["hanging"];
    let producers =
        kafka(&["transactions", "describe-producers", "--topic", topic, "--partition", partition]);
    let open = |line: &&str| line.split_whitespace().next() == Some(&hanging["producerId"].to_string());
    assert!(producers.lines().any(|line| open(&line)), "{hanging} is none of\n{producers}");

    let command = hanging["command"].as_str().expect("a command");
    let of = "kafka-transactions.sh --bootstrap-server $KAFKA_BOOTSTRAP_SERVERS ";
    let arguments = command.strip_prefix(of).unwrap_or_else(|| panic!("{command}"));
    let arguments: Vec<_> = ["transactions"].into_iter().chain(arguments.split(' ')).collect();
    kafka(&arguments);
    let shown = seen().query("wait_ms", WAIT_MS).expect(200).await;
    assert_eq!(shown.data()["tags"], json!(["behind-it"]), "{shown}");
    eventually("nothing hangs any more", NAMED, || async {
        let community = status(system);
        let still =
            community["partitions"].as_array().expect("a list").iter().any(|it| it["hanging"].is_object());
        (!still && community["state"] == "live").then_some(())
    })
    .await;
}

pub(crate) async fn a_projector_that_stands_still_past_its_session_and_goes_on_changes_no_row(
    system: &System,
) {
    let mut founder = system.api.register("Zoe").await;
    let other = another_beside_the_first(system).await;
    let (community, of_the_first) = folded_by_the_first(system, &mut founder).await;
    let path = format!("/communities/{}", community.id);
    let seen = async |position: &str| {
        let call = system.api.get(&path).by(&founder).seeing(position);
        (call.send().await.status == 200).then_some(())
    };
    let epochs = async || -> Vec<i64> {
        let checkpoints = checkpoints(system, &community.position).await;
        of_the_first.iter().map(|it| checkpoints[it].owner_epoch).collect()
    };

    // To move a checkpoint a worker asks whether others are in trouble. So the first has sent what it is to be refused, and
    // PostgreSQL carries it out when the other has claimed the partition.
    let mut lock = system.postgres.begin().await.expect("a transaction");
    lock.execute("LOCK TABLE projection.troubles").await.expect("the superuser may do it");
    let before = epochs().await;
    tag(system, &founder, &community, "refused").await;
    eventually("all checkpoints of it are about to move", NAMED, || async {
        (about_to_move(system).await == FOLDING.len() as i64).then_some(())
    })
    .await;
    system.pause_projectors().await;
    eventually("the other has claimed what the first had", NAMED, || async {
        before.iter().zip(epochs().await).all(|(before, now)| *before < now).then_some(())
    })
    .await;
    lock.rollback().await.expect("the lock goes");
    let position = tag_often(system, &founder, &community, "meanwhile").await;
    eventually("the other has taken over", NAMED, || async { seen(&position).await }).await;

    let said_before = system.projectors_said().await.len();
    system.resume_projectors().await;
    eventually("the first is refused", NAMED, || async {
        system.projectors_said().await[said_before..].contains("lost the claim").then_some(())
    })
    .await;
    let position = tag_often(system, &founder, &community, "after").await;
    eventually("both go on", NAMED, || async { seen(&position).await }).await;
    drop(other);
    assert_rows_are_what_the_log_says(system).await;
}

/// Waits until everything is folded, and compares the rows of communities with the log.
async fn assert_rows_are_what_the_log_says(system: &System) {
    folded(system).await;
    for projection in FOLDING {
        let output = karmyq(&system.environment, &["projections", "verify", projection, "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        let verified: Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
        let it = &verified[0];
        assert!(it["equal"] == true && it["rows"].as_i64().is_some_and(|rows| rows > 0), "{it}");
    }
}

/// Other projectors, which have taken their share of the partitions of communities.
async fn another_beside_the_first(system: &System) -> Service {
    let claims = async || -> Vec<i64> {
        let sums = "SELECT sum(owner_epoch)::bigint
             FROM projection.active JOIN projection.checkpoints USING (projection, version)
             WHERE topic = 'community-events' AND projection = ANY ($1) GROUP BY projection ORDER BY projection";
        let sums = sqlx::query_scalar(sums).bind(&FOLDING[..]);
        sums.fetch_all(&system.postgres).await.expect("the checkpoints")
    };
    folded(system).await;
    let before = claims().await;
    let other = system.another_projectors().await;
    eventually("they have their share", NAMED, || async {
        before.iter().zip(claims().await).all(|(before, now)| *before < now).then_some(())
    })
    .await;
    other
}

/// A community, and the projections that the first projectors fold it into: while these stand still, it is not.
async fn folded_by_the_first(system: &System, founder: &mut Person) -> (Thing, Vec<String>) {
    for _ in 0..COMMUNITIES {
        let community = system.api.found(founder).await;
        let path = format!("/communities/{}", community.id);
        let seen = |position: &str, wait_ms: &str| {
            let call = system.api.get(&path).by(founder).query("min_position", position);
            call.query("wait_ms", wait_ms)
        };
        seen(&community.position, WAIT_MS).expect(200).await;
        system.pause_projectors().await;
        let position = tag(system, founder, &community, "whose").await;
        let answer = seen(&position, "2000").send().await;
        let offset: i64 = position.split_once('@').and_then(|(_, it)| it.parse().ok()).expect("a position");
        let checkpoints = checkpoints(system, &position).await;
        let of_the_first = checkpoints.into_iter().filter(|(_, it)| it.next_offset <= offset);
        let of_the_first: Vec<_> = of_the_first.map(|(projection, _)| projection).collect();
        system.resume_projectors().await;
        seen(&position, WAIT_MS).expect(200).await;
        if answer.status == 503 && !of_the_first.is_empty() {
            return (community, of_the_first);
        }
    }
    panic!("the first projectors fold none of {COMMUNITIES} communities");
}

/// How far a projection is in a partition, and how often that was claimed.
#[derive(Debug, sqlx::FromRow)]
struct Checkpoint {
    projection: String,
    next_offset: i64,
    owner_epoch: i64,
}

/// The checkpoints of the partition of a position, by projection.
async fn checkpoints(system: &System, position: &str) -> BTreeMap<String, Checkpoint> {
    let (of, _offset) = position.split_once('@').expect("a position");
    let rows: Vec<Checkpoint> = sqlx::query_as(
        "SELECT projection, next_offset, owner_epoch
         FROM projection.active JOIN projection.checkpoints USING (projection, version)
         WHERE topic || '/' || partition = $1 AND projection = ANY ($2)",
    )
    .bind(of)
    .bind(&FOLDING[..])
    .fetch_all(&system.postgres)
    .await
    .expect("the checkpoints");
    rows.into_iter().map(|it| (it.projection.clone(), it)).collect()
}

/// Workers whose attempt to move a checkpoint waits.
async fn about_to_move(system: &System) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE projection.checkpoints SET next_offset%'",
    )
    .fetch_one(&system.postgres)
    .await
    .expect("the superuser sees them")
}

/// Changes the tags of a community many times; the position of the last one.
async fn tag_often(system: &System, founder: &Person, community: &Thing, word: &str) -> String {
    let mut position = String::new();
    for number in 0..COMMANDS {
        position = tag(system, founder, community, &format!("{word}-{number}")).await;
    }
    position
}

/// Changes the tags of a community; the position of that.
async fn tag(system: &System, founder: &Person, community: &Thing, tag: &str) -> String {
    let path = format!("/communities/{}/tags", community.id);
    system.api.put(&path, &json!({"tags": [tag]})).by(founder).expect(200).await.position()
}

/// What `karmyq projections status` says of the projection of communities.
fn status(system: &System) -> Value {
    let output = karmyq(&system.environment, &["projections", "status", "community", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let all: Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    all["projections"][0].clone()
}

/// What a tool of Kafka's says.
fn kafka(arguments: &[&str]) -> String {
    let dev = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev");
    let output = Command::new(dev).arg("kafka").args(arguments).output().expect("./dev runs");
    assert!(output.status.success(), "kafka {arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("it speaks UTF-8")
}
