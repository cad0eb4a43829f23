//! What stands still on the read side, and what of it comes back: a transaction that nobody ends, a projector that was
//! paused for longer than its session.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually::eventually;
use tests::people::{Person, Thing};
use tests::python;
use tests::services::{System, karmyq, said};

use crate::rebuild::{all_rows_are_what_the_log_says_after_all_of_this, folded};

/// A transaction counts as hanging after twenty seconds of silence.
const NAMED: Duration = Duration::from_secs(60);
/// Longest wait of a query, in milliseconds; a session of a projector ends after ten seconds.
const WAIT_MS: &str = "10000";
/// How often the projector is paused.
const PAUSES: usize = 2;
/// Commands while it is, and after.
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
    let community = system.api.found(&mut founder).await;
    let other = system.another_projectors().await;
    for pause in 0..PAUSES {
        let mut position = String::new();
        for number in 0..COMMANDS {
            if number == COMMANDS / 2 {
                system.pause_projectors().await;
            }
            position = tag(system, &founder, &community, &format!("pause-{pause}-{number}")).await;
        }
        // The other takes over when the session has ended; the paused one knows nothing of it.
        let path = format!("/communities/{}", community.id);
        let seen = async |position: &str| {
            let call = system.api.get(&path).by(&founder).seeing(position).query("wait_ms", WAIT_MS);
            call.send().await.status == 200
        };
        eventually("the other has taken over", Duration::from_secs(60), || async {
            seen(&position).await.then_some(())
        })
        .await;
        system.resume_projectors().await;
        for number in 0..COMMANDS {
            position = tag(system, &founder, &community, &format!("after-{pause}-{number}")).await;
        }
        eventually("both go on", Duration::from_secs(60), || async { seen(&position).await.then_some(()) })
            .await;
    }
    drop(other);
    all_rows_are_what_the_log_says_after_all_of_this(system).await;
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
