//! What clients were told against what stands in the log (invariant W2).

use std::collections::{HashMap, HashSet};

use event_schemas::{CommandId, Event};

use super::{Answer, Attempt, Findings, History, Logged, Rule};

/// Events of each command in log order.
type Applied<'a> = HashMap<CommandId, Vec<&'a Logged<Event>>>;

pub(super) fn check(history: &History, found: &mut Findings) {
    let mut applied = Applied::new();
    for event in &history.events {
        applied.entry(event.record.envelope.command_id).or_default().push(event);
    }
    for attempt in &history.attempts {
        acknowledged(attempt, &applied, found);
    }
    same_answer(history, found);
    not_taken(history, &applied, found);
    shown_again(history, found);
    for attempt in &history.unanswered {
        found.note(Rule::EverythingIsAnswered, &attempt.aggregate, attempt.to_string());
    }
    for events in applied.values() {
        applied_once(events, found);
    }
}

/// An acknowledged command's events are in the log, where the answer said and as it said.
fn acknowledged(attempt: &Attempt, applied: &Applied<'_>, found: &mut Findings) {
    let Answer::Appended { version, position, events, .. } = &attempt.answer else { return };
    let rule = Rule::AcknowledgedIsKept;
    let Some(logged) = applied.get(&attempt.command) else {
        return found.note(rule, &attempt.aggregate, format!("nothing of it is in the log: {attempt}"));
    };
    let last = logged.iter().find(|it| it.position == *position);
    if last.is_none_or(|it| it.record.envelope.aggregate_version != *version) {
        found.note(rule, &attempt.aggregate, format!("something else stands there: {attempt}"));
    }
    let ids: Vec<_> = logged.iter().map(|it| it.record.envelope.event_id).collect();
    if events.as_ref().is_some_and(|it| *it != ids) {
        found.note(rule, &attempt.aggregate, format!("the log has other events: {attempt}"));
    }
}

/// Whoever was told once that a command was carried out is never told anything else; and one caller at most carried it
/// out.
fn same_answer(history: &History, found: &mut Findings) {
    let mut by_command: HashMap<CommandId, Vec<&Attempt>> = HashMap::new();
    for attempt in &history.attempts {
        by_command.entry(attempt.command).or_default().push(attempt);
    }
    for attempts in by_command.values() {
        let told = attempts.iter().filter_map(|it| match &it.answer {
            Answer::Appended { version, position, events, .. } => Some((version, position, events)),
            Answer::Unchanged | Answer::Refused(_) | Answer::NotTaken(_) | Answer::Unknown(_) => None,
        });
        let told: Vec<_> = told.collect();
        let Some((first, others)) = told.split_first() else { continue };
        let (rule, aggregate) = (Rule::SameKeySameAnswer, &attempts[0].aggregate);
        if others.iter().any(|it| it != first) {
            found.note(rule, aggregate, format!("different answers to {}", attempts[0].command));
        }
        let known = attempts.iter().find(|it| matches!(it.answer, Answer::Appended { .. }));
        // Of two that were under way at the same time either may have come first, unless their answers tell which.
        let is_later = |it: &Attempt, known: &Attempt| {
            it.sent > known.at || history.answers_come_in_order && it.at > known.at
        };
        let afterwards = attempts.iter().filter(|it| known.is_some_and(|known| is_later(it, known)));
        for other in afterwards.filter(|it| matches!(it.answer, Answer::Unchanged | Answer::Refused(_))) {
            found.note(rule, aggregate, format!("it had been carried out before: {other}"));
        }
        let firsts = attempts
            .iter()
            .filter(|it| matches!(it.answer, Answer::Appended { replayed: Some(false), .. }))
            .count();
        if firsts > 1 {
            found.note(
                rule,
                aggregate,
                format!("{firsts} callers are said to have been first: {}", attempts[0].command),
            );
        }
    }
}

/// A command is on the log only if some attempt was told so for the first time, or that nobody knows.
fn not_taken(history: &History, applied: &Applied<'_>, found: &mut Findings) {
    let mut may_have_been = HashSet::new();
    for attempt in history.attempts.iter().chain(&history.unanswered) {
        match &attempt.answer {
            Answer::Appended { replayed: Some(true), .. }
            | Answer::NotTaken(_)
            | Answer::Refused(_)
            | Answer::Unchanged => {}
            Answer::Appended { .. } | Answer::Unknown(_) => _ = may_have_been.insert(attempt.command),
        }
    }
    let denied = |it: &&Attempt| {
        matches!(it.answer, Answer::NotTaken(_))
            && applied.contains_key(&it.command)
            && !may_have_been.contains(&it.command)
    };
    for attempt in history.attempts.iter().filter(denied) {
        found.note(Rule::NotTakenIsTrue, &attempt.aggregate, format!("it stands in the log: {attempt}"));
    }
}

/// A repeat shows what the first answer showed.
fn shown_again(history: &History, found: &mut Findings) {
    let mut first = HashMap::new();
    for shown in &history.shown {
        if *first.entry(shown.command).or_insert(shown.digest) != shown.digest {
            let what = format!("answers to {} show different things", shown.command);
            found.note(Rule::SameKeySameAnswer, &shown.aggregate, what);
        }
    }
}

/// Events of one command stand together in one place, and only the first of them is marked.
fn applied_once(events: &[&Logged<Event>], found: &mut Findings) {
    let [first, others @ ..] = events else { return };
    let envelope = &first.record.envelope;
    let marked = events.iter().filter(|it| it.marked).count();
    if marked > 1 || (marked == 1 && !first.marked) {
        found.note(
            Rule::AppliedOnce,
            &envelope.aggregate_id,
            format!("{} begins {marked} times", envelope.command_id),
        );
    }
    let scattered = (first.position.offset + 1..).zip(others).any(|(offset, it)| {
        it.position.of != first.position.of
            || it.position.offset != offset
            || it.record.envelope.aggregate_id != envelope.aggregate_id
    });
    if scattered {
        found.note(
            Rule::AppliedOnce,
            &envelope.aggregate_id,
            format!("{} is scattered over the log", envelope.command_id),
        );
    }
}
