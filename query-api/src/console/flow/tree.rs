//! Cause and effect: the records of a flow as a tree, from the call down.
//!
//! An event names the event that caused it and the command that decided it; a policy's command stands on a topic of its own
//! between the two. The command of a call stands on no topic: it is told by the events that it led to.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use event_log::Record;

use super::Passed;

/// What a record tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Fact {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) subject: String,
    pub(super) at: DateTime<Utc>,
    pub(super) causation_id: Option<String>,
    /// Of events; none where content cannot be read.
    pub(super) command_id: Option<String>,
    /// Who asked for it; none where content cannot be read, or nobody is signed in.
    pub(super) actor: Option<String>,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// What stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody called, or a timer fired.
    Call,
    /// Something was asked of an aggregate.
    Command,
    /// It happened.
    Event,
    /// It happened in an inbox: somebody is told.
    Notification,
}

/// A line of the tree.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) title: String,
    /// What it is about, or who did it.
    pub(super) about: String,
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    /// Milliseconds after the first.
    pub(super) after_ms: i64,
    /// Where it stands on the log; empty where it does not.
    pub(super) position: String,
    pub(super) depth: usize,
    /// The line of its cause.
    pub(super) cause: Option<usize>,
    /// The projections that fold it.
    pub(super) folds: Vec<Fold>,
}

/// A projection that folds an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    pub(super) projection: String,
    /// `passed`, `not yet`, `parked` or `discarded`.
    pub(super) state: &'static str,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Command => "command",
            Self::Event => "event",
            Self::Notification => "notification",
        }
    }
}

impl Fold {
    /// The state as `style.css` names it.
    pub(super) fn class(&self) -> String {
        self.state.replace(' ', "_")
    }
}

impl Fact {
    /// What its headers and its place tell.
    pub(super) fn of(record: &Record) -> Self {
        let header = |name: &str| record.header(name).map(str::to_owned);
        let at =
            header("ce_time").and_then(|it| DateTime::parse_from_rfc3339(&it).ok()).map(|it| it.to_utc());
        let at = at.or_else(|| DateTime::from_timestamp_millis(record.timestamp_ms)).unwrap_or_default();
        Self {
            id: header("ce_id").unwrap_or_default(),
            name: header("ce_type").unwrap_or_default(),
            subject: header("ce_subject").unwrap_or_default(),
            at,
            causation_id: header("ce_causationid"),
            command_id: None,
            actor: None,
            topic: record.position.of.topic.to_string(),
            partition: record.position.of.partition,
            offset: record.position.offset,
        }
    }

    fn is_command(&self) -> bool {
        self.topic.ends_with("-commands")
    }

    fn kind(&self) -> Kind {
        match self.topic.as_str() {
            "notification-events" => Kind::Notification,
            _ if self.is_command() => Kind::Command,
            _ => Kind::Event,
        }
    }
}

/// The lines of a flow, each below its cause.
pub(super) fn lines(mut facts: Vec<Fact>, passed: &Passed) -> Vec<Line> {
    // Among equals the order of the log: a transaction's events have one time.
    facts.sort_by(|a, b| {
        (a.at, &a.topic, a.partition, a.offset).cmp(&(b.at, &b.topic, b.partition, b.offset))
    });
    let causes: Vec<Option<usize>> = facts.iter().map(|it| cause(it, &facts)).collect();
    let mut effects: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, cause) in causes.iter().enumerate() {
        match cause {
            Some(cause) => effects.entry(*cause).or_default().push(index),
            None => roots.entry(first_of_call(&facts, &causes, index)).or_default().push(index),
        }
    }
    let mut writer =
        Writer { facts: &facts, effects: &effects, passed, lines: Vec::new(), seen: HashSet::new() };
    for (first, events) in &roots {
        let command = writer.call(*first);
        events.iter().for_each(|it| writer.write(*it, 2, command));
    }
    let mut lines = writer.lines;
    let first = lines.iter().map(|it| it.at).min();
    for line in &mut lines {
        line.after_ms = first.map_or(0, |first| (line.at - first).num_milliseconds());
    }
    lines
}

/// The record that led to this one: a policy's command, else the event that it names; none of what a call led to, and of
/// what is not at hand.
fn cause(of: &Fact, facts: &[Fact]) -> Option<usize> {
    let named = of.causation_id.as_ref()?;
    let is_its_command = |it: &Fact| match &of.command_id {
        Some(id) => it.id == *id,
        // Without its content: what the same event has asked of the same aggregate.
        None => it.causation_id.as_ref() == Some(named) && it.subject == of.subject,
    };
    let command = || facts.iter().position(|it| it.is_command() && is_its_command(it));
    let event = || facts.iter().position(|it| !it.is_command() && it.id == *named);
    if of.is_command() { event() } else { command().or_else(event) }
}

/// The first of the records that the same call led to.
fn first_of_call(facts: &[Fact], causes: &[Option<usize>], of: usize) -> usize {
    let same = |it: &Fact| it.command_id == facts[of].command_id && it.causation_id == facts[of].causation_id;
    (0..of).find(|it| causes[*it].is_none() && same(&facts[*it])).unwrap_or(of)
}

struct Writer<'a> {
    facts: &'a [Fact],
    effects: &'a HashMap<usize, Vec<usize>>,
    passed: &'a Passed,
    lines: Vec<Line>,
    seen: HashSet<usize>,
}

impl Writer<'_> {
    /// Lines for what stands on no topic: who began, and the command; the line of the latter.
    fn call(&mut self, first: usize) -> usize {
        let fact = &self.facts[first];
        let actor = fact.actor.clone().unwrap_or_default();
        let (title, about) = match (&fact.causation_id, actor.split_once(':')) {
            (Some(id), _) => ("cause not among what was looked at".to_owned(), format!("event {id}")),
            (None, Some((what, name))) => (format!("{what} {name}"), String::new()),
            (None, None) if actor.is_empty() => {
                ("HTTP call".to_owned(), "by somebody not signed in, or not told".to_owned())
            }
            (None, None) => ("HTTP call".to_owned(), format!("by {actor}")),
        };
        let at = fact.at;
        let cause = self.lines.len();
        let line = |kind, title, about, id, depth, cause| {
            let (position, folds) = (String::new(), Vec::new());
            Line { kind, title, about, id, at, after_ms: 0, position, depth, cause, folds }
        };
        let id = fact.command_id.clone().unwrap_or_default();
        let subject = fact.subject.clone();
        self.lines.push(line(Kind::Call, title, about, String::new(), 0, None));
        self.lines.push(line(Kind::Command, "its command".to_owned(), subject, id, 1, Some(cause)));
        cause + 1
    }

    fn write(&mut self, index: usize, depth: usize, cause: usize) {
        // Ids are unique; a record that says otherwise must not lead in a circle.
        if !self.seen.insert(index) {
            return;
        }
        let fact = &self.facts[index];
        let by = fact
            .actor
            .as_ref()
            .filter(|_| fact.is_command())
            .map_or_else(String::new, |it| format!(" by {it}"));
        let folds = if fact.is_command() { Vec::new() } else { self.passed.of(fact) };
        let here = self.lines.len();
        self.lines.push(Line {
            kind: fact.kind(),
            title: fact.name.clone(),
            about: format!("{}{by}", fact.subject),
            id: fact.id.clone(),
            at: fact.at,
            after_ms: 0,
            position: format!("{}/{}@{}", fact.topic, fact.partition, fact.offset),
            depth,
            cause: Some(cause),
            folds,
        });
        for effect in self.effects.get(&index).into_iter().flatten() {
            self.write(*effect, depth + 1, here);
        }
    }
}

impl Passed {
    fn of(&self, fact: &Fact) -> Vec<Fold> {
        let folding = self.next.get(&(fact.topic.clone(), fact.partition)).into_iter().flatten();
        folding
            .map(|(projection, next)| {
                let record = (projection.clone(), fact.topic.clone(), fact.partition, fact.offset);
                let state = match self.aside.get(&record).copied() {
                    Some(aside) => aside,
                    None if *next > fact.offset => "passed",
                    None => "not yet",
                };
                Fold { projection: projection.clone(), state }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
