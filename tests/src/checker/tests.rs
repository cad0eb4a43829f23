//! What only the harness on real servers sees is found, too. `tests/simulation/planted.rs` plants all the rest.

use std::time::Duration;

use event_schemas::CommandId;
use uuid::Uuid;

use super::Rule::{self, *};
use super::{Answer, Attempt, History, Read, Shown, Table, violations};

fn found(plant: impl FnOnce(&mut History)) -> Vec<Rule> {
    let mut history = History::default();
    plant(&mut history);
    violations(&history).into_iter().map(|it| it.rule).collect()
}

fn read(acknowledged: i64, seen: Option<i64>) -> Read {
    Read { aggregate: "a".to_owned(), at: Duration::ZERO, via: "q".to_owned(), acknowledged, seen }
}

#[test]
fn a_read_that_went_back_is_found() {
    assert_eq!(found(|it| it.reads = vec![read(3, Some(3)), read(3, Some(4))]), []);
    assert_eq!(found(|it| it.reads = vec![read(3, Some(2))]), [ReadsNeverGoBack]);
    assert_eq!(found(|it| it.reads = vec![read(1, None)]), [ReadsNeverGoBack]);
}

#[test]
fn a_read_model_that_differs_from_a_replay_is_found() {
    let table = |replayed: &str| Table {
        name: "feed.items".to_owned(),
        live: "2 rows".to_owned(),
        replayed: replayed.to_owned(),
    };
    assert_eq!(found(|it| it.tables = vec![table("2 rows")]), []);
    assert_eq!(found(|it| it.tables = vec![table("3 rows")]), [ReadModelsAreTheFold]);
}

#[test]
fn a_repeat_that_shows_something_else_is_found() {
    let shown =
        |digest| Shown { command: CommandId::new(Uuid::from_u128(1)), aggregate: "a".to_owned(), digest };
    assert_eq!(found(|it| it.shown = vec![shown(7), shown(7)]), []);
    assert_eq!(found(|it| it.shown = vec![shown(7), shown(8)]), [SameKeySameAnswer]);
}

#[test]
fn a_command_that_nobody_answers_is_found() {
    let attempt = Attempt {
        command: CommandId::new(Uuid::from_u128(1)),
        aggregate: "a".to_owned(),
        what: "join".to_owned(),
        sent: Duration::ZERO,
        at: Duration::ZERO,
        via: "c".to_owned(),
        answer: Answer::NotTaken("PARTITION_MOVING".to_owned()),
    };
    assert_eq!(found(|it| it.unanswered = vec![attempt]), [EverythingIsAnswered]);
}
