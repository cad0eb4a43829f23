//! What stands below what.

use chrono::DateTime;

use super::super::Passed;
use super::{Fact, Kind, Line, lines};

fn fact(id: &str, topic: &str, millis: i64, causation: Option<&str>, command: Option<&str>) -> Fact {
    Fact {
        id: id.to_owned(),
        name: id.to_owned(),
        subject: format!("of {topic}").replace("-commands", "").replace("-events", ""),
        at: DateTime::from_timestamp_millis(millis).expect("a time"),
        causation_id: causation.map(str::to_owned),
        command_id: command.map(str::to_owned),
        topic: topic.to_owned(),
        offset: 7,
        ..Fact::default()
    }
}

/// A call joins a community, which a policy tells an inbox.
fn joined(known: bool) -> Vec<Fact> {
    let command = |id: &'static str| known.then_some(id);
    vec![
        fact("raised", "notification-events", 30, Some("joined"), command("raise")),
        fact("raise", "notification-commands", 10, Some("joined"), None),
        fact("joined", "community-events", 10, None, command("join")),
    ]
}

fn drawn(lines: &[Line]) -> Vec<(usize, Kind, &str, i64)> {
    lines.iter().map(|it| (it.depth, it.kind, it.title.as_str(), it.after_ms)).collect()
}

#[test]
fn a_flow_leads_from_the_call_to_the_notification() {
    for known in [true, false] {
        let lines = lines(joined(known), &Passed::default());
        let expected = [
            (0, Kind::Call, "HTTP call", 0),
            (1, Kind::Command, "its command", 0),
            (2, Kind::Event, "joined", 0),
            (3, Kind::Command, "raise", 0),
            (4, Kind::Notification, "raised", 20),
        ];
        assert_eq!(drawn(&lines), expected, "known: {known}");
        assert_eq!(
            lines.iter().map(|it| it.cause).collect::<Vec<_>>(),
            [None, Some(0), Some(1), Some(2), Some(3)]
        );
    }
}

#[test]
fn events_of_one_command_hang_on_one_call_and_those_of_two_on_two() {
    let two = |second| {
        vec![
            fact("first", "user-events", 1, None, Some("a")),
            fact("second", "user-events", 1, None, Some(second)),
        ]
    };
    assert_eq!(lines(two("a"), &Passed::default()).len(), 4);
    assert_eq!(lines(two("b"), &Passed::default()).len(), 6);
}

#[test]
fn a_cause_that_is_not_at_hand_is_named() {
    let lines =
        lines(vec![fact("raised", "notification-events", 5, Some("elsewhere"), None)], &Passed::default());
    assert_eq!(
        (lines[0].title.as_str(), lines[0].about.as_str()),
        ("cause not among what was looked at", "event elsewhere")
    );
    assert_eq!(lines[2].title, "raised");
}

#[test]
fn records_that_name_each_other_as_causes_do_not_lead_in_a_circle() {
    let facts = vec![
        fact("a", "user-events", 1, Some("b"), None),
        fact("b", "user-events", 1, Some("a"), None),
        fact("c", "user-events", 1, None, None),
    ];
    assert_eq!(lines(facts, &Passed::default()).len(), 3);
}

#[test]
fn a_projection_has_passed_an_event_when_its_checkpoint_is_behind_it_and_it_is_not_set_aside() {
    let mut passed = Passed::default();
    passed.next.insert(
        ("community-events".to_owned(), 0),
        [("community", 8), ("feed", 7), ("parked by it", 9), ("discarded by it", 9)]
            .map(|(name, next)| (name.to_owned(), next))
            .into(),
    );
    for state in ["parked", "discarded"] {
        let record = (format!("{state} by it"), "community-events".to_owned(), 0, 7);
        passed.aside.insert(record, state);
    }
    let lines = lines(joined(true), &passed);
    let folds: Vec<_> = lines[2].folds.iter().map(|it| (it.projection.as_str(), it.state)).collect();
    let aside = [("parked by it", "parked"), ("discarded by it", "discarded")];
    assert_eq!(folds[..2], [("community", "passed"), ("feed", "not yet")]);
    assert_eq!(folds[2..], aside);
    assert_eq!(lines[3].folds, [], "nobody folds a command");
}
