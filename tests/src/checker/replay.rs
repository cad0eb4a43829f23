//! The log folded again: the same states that owners had, and timers that fired when they were due.

use std::collections::HashMap;

use domain::{Meta, State};
use event_schemas::{Actor, AggregateType, Event, Timestamp};

use super::{Findings, History, Logged, Observed, Rule};

/// Kind and id of an aggregate.
type Key<'a> = (AggregateType, &'a str);

pub(super) fn check(history: &History, found: &mut Findings) {
    let mut observed: HashMap<(Key<'_>, i64), Vec<&Observed>> = HashMap::new();
    for it in &history.observed {
        observed.entry(((it.kind, &it.aggregate), it.version)).or_default().push(it);
    }
    let mut states: HashMap<Key<'_>, State> = HashMap::new();
    for event in &history.events {
        let envelope = &event.record.envelope;
        let key = (envelope.aggregate_type, envelope.aggregate_id.as_str());
        let state = fold(&mut states, event, |before| fired_on_time(event, before, found));
        for it in observed.remove(&(key, envelope.aggregate_version)).unwrap_or_default() {
            same(it, state, found);
            names_the_last_event(it, event, found);
        }
    }
    for it in observed.into_values().flatten() {
        if it.version == 0 {
            same(it, &State::initial(it.kind), found);
        } else {
            found.note(
                Rule::StateIsTheFold,
                &it.aggregate,
                format!("an owner had version {}, which the log has not", it.version),
            );
        }
    }
    nothing_is_due(history, &states, found);
}

/// Folds an event into the state of its aggregate, which `look` sees before; the state after it.
fn fold<'a, 's>(
    states: &'s mut HashMap<Key<'a>, State>,
    event: &'a Logged<Event>,
    look: impl FnOnce(&State),
) -> &'s State {
    let envelope = &event.record.envelope;
    let key = (envelope.aggregate_type, envelope.aggregate_id.as_str());
    let state = states.entry(key).or_insert_with(|| State::initial(key.0));
    look(state);
    state.evolve(&event.record.payload, Meta { event_id: envelope.event_id, at: envelope.timestamp });
    state
}

impl History {
    /// When timers are due that are armed now.
    #[must_use]
    pub fn timers(&self) -> Vec<(String, Timestamp)> {
        let mut states: HashMap<Key<'_>, State> = HashMap::new();
        for event in &self.events {
            fold(&mut states, event, |_| {});
        }
        let armed = |((_, id), state): (Key<'_>, State)| Some((id.to_owned(), state.timer()?.due));
        let mut timers: Vec<_> = states.into_iter().filter_map(armed).collect();
        timers.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        timers
    }
}

/// Whoever owned it had what the log tells. Accounts hold personal values, which stand sealed in the log.
fn same(observed: &Observed, state: &State, found: &mut Findings) {
    let same = match (&observed.state, state) {
        (State::User(_), State::User(_)) => true,
        (State::Community(owned), State::Community(told)) => owned == told,
        (State::HelpRequest(owned), State::HelpRequest(told)) => owned == told,
        (State::Standing(owned), State::Standing(told)) => owned == told,
        (State::Inbox(owned), State::Inbox(told)) => owned == told,
        _ => false,
    };
    if !same {
        found.note(
            Rule::StateIsTheFold,
            &observed.aggregate,
            format!(
                "at version {} an owner had {:?}, the log says {state:?}",
                observed.version, observed.state
            ),
        );
    }
}

/// Whoever reads with that position as `min_position` sees what the answer rests on.
fn names_the_last_event(observed: &Observed, last: &Logged<Event>, found: &mut Findings) {
    if observed.position.as_ref() != Some(&last.position) {
        let named = observed.position.as_ref().map_or_else(|| "no position".to_owned(), ToString::to_string);
        let what = format!("an answer at version {} named {named}: {last}", observed.version);
        found.note(Rule::NamesTheLastEvent, &observed.aggregate, what);
    }
}

/// A timer's event was due when it was decided.
fn fired_on_time(event: &Logged<Event>, before: &State, found: &mut Findings) {
    let envelope = &event.record.envelope;
    let Some(Actor::Timer(kind)) = &envelope.actor else { return };
    // The second and later events of one firing meet a state in which the timer has gone.
    let early = before.timer().filter(|it| it.kind == kind && it.due > envelope.timestamp);
    if let Some(timer) = early {
        found.note(
            Rule::TimersFireOnTime,
            &envelope.aggregate_id,
            format!("{kind} was due only at {}: {event}", timer.due),
        );
    }
}

/// What was due has fired.
fn nothing_is_due(history: &History, states: &HashMap<Key<'_>, State>, found: &mut Findings) {
    let Some(settled_at) = history.settled_at else { return };
    for ((_, id), state) in states {
        if let Some(timer) = state.timer().filter(|it| it.due <= settled_at) {
            found.note(
                Rule::TimersFireOnTime,
                id,
                format!("{} was due at {} and never fired", timer.kind, timer.due),
            );
        }
    }
}
