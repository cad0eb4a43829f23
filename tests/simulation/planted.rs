//! The checker is checked: into a history in which nothing is wrong, one violation of each kind is planted, and found.

use std::sync::OnceLock;
use std::time::Duration;

use domain::State;
use event_log::TopicPartition;
use event_schemas::community::CommunityEvent;
use event_schemas::notification::NotificationEvent;
use event_schemas::reputation::ReputationEvent;
use event_schemas::request::RequestEvent;
use event_schemas::{
    Actor, AggregateType, Command, CommandId, CorrelationId, Event, EventId, MatchId, NotificationId,
    Timestamp, UserId,
};
use tests::checker::Rule::{self, *};
use tests::checker::{Answer, History, Logged, violations};
use uuid::Uuid;

use super::run::run;

/// The history of the first run in which there is enough to spoil.
fn sound() -> History {
    static SOUND: OnceLock<History> = OnceLock::new();
    let enough = |history: &History| {
        let names: Vec<_> = history.events.iter().map(|it| name(&it.record.payload)).collect();
        ["MatchAccepted", "ExchangeReceived", "NotificationRaised", "RequestExpired"]
            .iter()
            .all(|it| names.contains(it))
            && history.attempts.iter().any(|it| matches!(it.answer, Answer::Appended { .. }))
    };
    let first = || (0..).map(|seed| run(seed, None).history).find(enough).expect("there is one");
    SOUND.get_or_init(first).clone()
}

fn name(event: &Event) -> &'static str {
    event_schemas::Payload::entry(event).name
}

/// Plants something, and sees that the rule notices.
#[track_caller]
fn finds(rule: Rule, plant: impl FnOnce(&mut History)) {
    let mut history = sound();
    assert_eq!(violations(&history), [], "before");
    plant(&mut history);
    let found = violations(&history);
    assert!(found.iter().any(|it| it.rule == rule), "{rule:?} is not among {found:?}");
}

/// Index of the first event of this name.
fn first(history: &History, of: &str) -> usize {
    history.events.iter().position(|it| name(&it.record.payload) == of).expect("there is one")
}

fn event<'a>(history: &'a mut History, of: &str) -> &'a mut Logged<Event> {
    let index = first(history, of);
    &mut history.events[index]
}

/// Copies the first event of this name behind all events of its aggregate, as another application would write it.
fn repeat<'a>(history: &'a mut History, of: &str) -> &'a mut Logged<Event> {
    let mut copy = event(history, of).clone();
    let same = |it: &Logged<Event>| it.record.envelope.aggregate_id == copy.record.envelope.aggregate_id;
    let last = history
        .events
        .iter()
        .rposition(|it| same(it) && it.record.envelope.aggregate_type == copy.record.envelope.aggregate_type);
    let last = last.expect("at least that one");
    let before = &history.events[last];
    copy.position.offset = before.position.offset + 100;
    copy.record.envelope.aggregate_version = before.record.envelope.aggregate_version + 1;
    copy.record.envelope.timestamp = before.record.envelope.timestamp;
    copy.record.envelope.event_id = EventId::new(Uuid::from_u128(1));
    history.events.insert(last + 1, copy);
    &mut history.events[last + 1]
}

#[test]
fn a_lost_command_is_found() {
    finds(AcknowledgedIsKept, |history| {
        let told = |it: &&_| matches!(&it, tests::checker::Attempt { answer: Answer::Appended { .. }, .. });
        let lost = history.attempts.iter().find(told).expect("there is one").command;
        history.events.retain(|it| it.record.envelope.command_id != lost);
    });
}

#[test]
fn an_answer_with_another_position_is_found() {
    finds(AcknowledgedIsKept, |history| {
        let answer = history.attempts.iter_mut().find_map(|it| match &mut it.answer {
            Answer::Appended { position, .. } => Some(position),
            Answer::Unchanged | Answer::Refused(_) | Answer::NotTaken(_) | Answer::Unknown(_) => None,
        });
        answer.expect("there is one").offset += 1;
    });
}

#[test]
fn a_command_that_is_applied_twice_is_found() {
    finds(AppliedOnce, |history| _ = repeat(history, "UserJoinedCommunity"));
    finds(AppliedOnce, |history| _ = repeat(history, "ExchangeReceived"));
}

#[test]
fn different_answers_to_one_key_are_found() {
    let told = |history: &History| {
        let told = history.attempts.iter().find(|it| matches!(it.answer, Answer::Appended { .. }));
        told.expect("there is one").clone()
    };
    finds(SameKeySameAnswer, |history| {
        let mut other = told(history);
        if let Answer::Appended { version, .. } = &mut other.answer {
            *version += 1;
        }
        history.attempts.push(other);
    });
    finds(SameKeySameAnswer, |history| {
        let mut other = told(history);
        other.answer = Answer::Refused("NO".to_owned());
        other.sent = other.at + Duration::from_millis(1);
        history.attempts.push(other);
    });
    finds(SameKeySameAnswer, |history| {
        let mut twin = told(history);
        twin.answer = Answer::Unchanged;
        twin.at += Duration::from_millis(1);
        history.attempts.push(twin);
    });
}

#[test]
fn a_command_that_was_taken_after_all_is_found() {
    finds(NotTakenIsTrue, |history| {
        let told = history.attempts.iter().find(|it| matches!(it.answer, Answer::Appended { .. }));
        let command = told.expect("there is one").command;
        for attempt in history.attempts.iter_mut().filter(|it| it.command == command) {
            attempt.answer = Answer::NotTaken("ABORTED".to_owned());
        }
    });
}

#[test]
fn versions_with_a_gap_are_found() {
    finds(VersionsCount, |history| event(history, "MatchAccepted").record.envelope.aggregate_version += 1);
}

#[test]
fn a_time_that_goes_back_is_found() {
    finds(TimesNeverDecrease, |history| {
        repeat(history, "MatchAccepted").record.envelope.timestamp = Timestamp::from_micros(0);
    });
}

#[test]
fn an_id_of_two_events_is_found() {
    finds(IdsAreUnique, |history| {
        let id = history.events[0].record.envelope.event_id;
        history.events[1].record.envelope.event_id = id;
    });
}

#[test]
fn a_data_key_that_is_drawn_again_is_found() {
    finds(KeysAreDrawnOnce, |history| history.drawn_again.push("user/1".to_owned()));
}

#[test]
fn a_cause_that_is_not_named_is_found() {
    finds(CausesAreNamed, |history| {
        let other = history.events[0].record.envelope.command_id;
        event(history, "ExchangeReceived").record.envelope.correlation_id = CorrelationId::from(other);
    });
    finds(CausesAreNamed, |history| event(history, "RequestExpired").record.envelope.causation_id = None);
    finds(CausesAreNamed, |history| history.commands[0].record.envelope.causation_id = None);
}

#[test]
fn a_policys_command_that_is_missing_doubled_or_without_cause_is_found() {
    finds(PoliciesSendOnce, |history| {
        let credit = |it: &Logged<Command>| matches!(it.record.payload, Command::Reputation(_));
        let index = history.commands.iter().position(credit).expect("there is one");
        history.commands.remove(index);
    });
    finds(PoliciesSendOnce, |history| history.commands.push(history.commands[0].clone()));
    finds(PoliciesSendOnce, |history| {
        history.commands[0].record.envelope.command_id = CommandId::new(Uuid::from_u128(2));
    });
}

#[test]
fn a_policys_command_without_effect_is_found() {
    for lost in ["ExchangeReceived", "ExchangeCounted", "NotificationRaised"] {
        finds(PoliciesReachTheirTarget, |history| {
            let command = event(history, lost).record.envelope.command_id;
            history.events.retain(|it| it.record.envelope.command_id != command);
        });
    }
}

#[test]
fn a_policys_command_that_has_its_effect_twice_is_found() {
    finds(PoliciesReachTheirTarget, |history| {
        let first = event(history, "ExchangeCounted").position.offset;
        // Right behind the first, as by an owner who gets the command twice into one window.
        repeat(history, "ExchangeCounted").position.offset = first + 1;
    });
}

#[test]
fn what_was_given_up_hangs_or_failed_is_found() {
    finds(NothingIsBuried, |history| history.buried.push("dead-letters/0@0: LAGGING".to_owned()));
    finds(NothingHangs, |history| history.hanging.push(TopicPartition::new("user-events", 0)));
    finds(NoFault, |history| history.faults.push("KEY_REUSED".to_owned()));
}

#[test]
fn a_second_accepted_match_is_found() {
    finds(OneAcceptedMatch, |history| {
        let accepted = repeat(history, "MatchAccepted");
        if let Event::Request(RequestEvent::MatchAccepted(it)) = &mut accepted.record.payload {
            it.match_id = MatchId::new(Uuid::from_u128(3));
        }
        // Before the first one is completed or cancelled.
        let first = first(history, "MatchAccepted");
        let second = history.events.iter().rposition(|it| name(&it.record.payload) == "MatchAccepted");
        let second = history.events.remove(second.expect("just planted"));
        history.events.insert(first + 1, second);
    });
}

#[test]
fn a_member_too_many_is_found() {
    finds(MembersWithinCap, |history| {
        for n in 0..3 {
            let joined = repeat(history, "UserJoinedCommunity");
            if let Event::Community(CommunityEvent::UserJoinedCommunity(it)) = &mut joined.record.payload {
                it.user_id = UserId::new(Uuid::from_u128(n));
            }
        }
    });
}

#[test]
fn karma_that_does_not_add_up_is_found() {
    finds(KarmaAddsUp, |history| {
        let awarded = event(history, "KarmaAwarded");
        if let Event::Reputation(ReputationEvent::KarmaAwarded(it)) = &mut awarded.record.payload {
            it.points += 1;
        }
    });
    finds(KarmaAddsUp, |history| _ = repeat(history, "ExchangeCredited"));
}

#[test]
fn a_notice_that_is_told_twice_is_found() {
    finds(ToldOnce, |history| {
        let raised = event(history, "NotificationRaised").clone();
        let index = first(history, "NotificationRaised");
        let mut again = raised;
        if let Event::Notification(NotificationEvent::NotificationRaised(it)) = &mut again.record.payload {
            it.notification_id = NotificationId::new(Uuid::from_u128(4));
        }
        history.events.insert(index + 1, again);
    });
}

#[test]
fn a_state_that_is_not_the_fold_is_found() {
    finds(StateIsTheFold, |history| {
        // Of others an event may leave nothing behind.
        let mut requests = history.observed.iter_mut().filter(|it| it.kind == AggregateType::HelpRequest);
        let observed = requests.find(|it| it.version > 0).expect("there is one");
        observed.state = State::initial(observed.kind);
    });
    finds(StateIsTheFold, |history| {
        history.observed.iter_mut().for_each(|it| it.version += 100);
    });
}

#[test]
fn an_answer_that_names_another_event_is_found() {
    finds(NamesTheLastEvent, |history| {
        let observed = history.observed.iter_mut().find(|it| it.version > 0).expect("there is one");
        observed.position = None;
    });
    finds(NamesTheLastEvent, |history| {
        let named = history.observed.iter_mut().find_map(|it| it.position.as_mut());
        named.expect("there is one").offset -= 1;
    });
}

#[test]
fn a_timer_that_fires_early_or_never_is_found() {
    let of_timer = |it: &Logged<Event>| matches!(it.record.envelope.actor, Some(Actor::Timer(_)));
    finds(TimersFireOnTime, |history| {
        let fired = history.events.iter_mut().find(|it| of_timer(it)).expect("there is one");
        fired.record.envelope.timestamp = Timestamp::from_micros(0);
    });
    finds(TimersFireOnTime, |history| history.events.retain(|it| !of_timer(it)));
}
