//! Commands between aggregates: sent once with their cause, carried out once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::policies::{REGISTRY, react};
use domain::views::{CommunityFacts, Member, RequestFacts, UserFacts, Views};
use domain::{Meta, State};
use event_schemas::community::CommunityEvent;
use event_schemas::notification::{NotificationCommand, NotificationEvent};
use event_schemas::reputation::ReputationEvent;
use event_schemas::request::RequestEvent;
use event_schemas::{
    Actor, Command, CommandId, CommunityId, Envelope, Event, EventId, MatchId, Payload, RequestId, UserId,
};
use uuid::Uuid;

use super::{Findings, History, Logged, Rule};

pub(super) fn check(history: &History, found: &mut Findings) {
    sent(history, found);
    reached(history, found);
    once(history, found);
    causes(history, found);
}

/// Each event has sent what its policies ask for, each command once, and nothing else has sent any.
fn sent(history: &History, found: &mut Findings) {
    let mut logged: HashMap<CommandId, &Logged<Command>> = HashMap::new();
    for command in &history.commands {
        let envelope = &command.record.envelope;
        if logged.insert(envelope.command_id, command).is_some() {
            found.note(Rule::PoliciesSendOnce, &envelope.aggregate_id, format!("sent twice: {command}"));
        }
    }
    let (mut states, mut explained) = (HashMap::<_, State>::new(), HashSet::new());
    for event in &history.events {
        let envelope = &event.record.envelope;
        let state = states
            .entry((envelope.aggregate_type, &envelope.aggregate_id))
            .or_insert_with(|| State::initial(envelope.aggregate_type));
        state.evolve(&event.record.payload, Meta { event_id: envelope.event_id, at: envelope.timestamp });
        for reaction in react(&event.record, state, &Nothing) {
            let id = command_id(envelope.event_id, reaction.policy, reaction.index);
            explained.insert(id);
            if logged.get(&id).is_none_or(|it| it.record.envelope.aggregate_id != reaction.target) {
                found.note(
                    Rule::PoliciesSendOnce,
                    &envelope.aggregate_id,
                    format!("{} did not send to {}: {event}", reaction.policy, reaction.target),
                );
            }
        }
        if asks_views(&event.record.payload) {
            // How many there are depends on what the views knew then; that they are numbered from 0 does not.
            for policy in REGISTRY {
                let ids = (0..).map(|index| command_id(envelope.event_id, policy.name, index));
                explained.extend(ids.take_while(|it| logged.contains_key(it)));
            }
        }
    }
    for (_, command) in logged.iter().filter(|(id, _)| !explained.contains(*id)) {
        let aggregate = &command.record.envelope.aggregate_id;
        found.note(Rule::PoliciesSendOnce, aggregate, format!("no event sent this: {command}"));
    }
}

/// Whether policies look at views for this event.
fn asks_views(event: &Event) -> bool {
    matches!(
        event,
        Event::Request(RequestEvent::RequestCreated(_))
            | Event::Community(CommunityEvent::UserLeftCommunity(_) | CommunityEvent::CommunityArchived(_))
    )
}

/// Each command has brought about its events, unless what it asks for was so already.
fn reached(history: &History, found: &mut Findings) {
    let done: HashSet<CommandId> = history.events.iter().map(|it| it.record.envelope.command_id).collect();
    let told: HashSet<Notice> = history.events.iter().filter_map(|it| told(&it.record.payload)).collect();
    for command in &history.commands {
        let envelope = &command.record.envelope;
        let is_so = match &command.record.payload {
            // A request that is not open any more has nothing to be taken out of.
            Command::Request(_) => true,
            Command::Notification(NotificationCommand::RaiseNotification(it)) => {
                let part = it.part.clone();
                told.contains(&(it.user_id, it.r#type.clone(), it.subject_id.clone(), part))
            }
            Command::User(_) | Command::Community(_) | Command::Reputation(_) => false,
        };
        if !is_so && !done.contains(&envelope.command_id) {
            found.note(
                Rule::PoliciesReachTheirTarget,
                &envelope.aggregate_id,
                format!("had no effect: {command}"),
            );
        }
    }
}

/// Whoever follows a flow finds all of it: a command names the event that sent it, its effects and what a timer does name
/// what they come from, and all of them the call with which it began.
fn causes(history: &History, found: &mut Findings) {
    let events: HashMap<EventId, _> =
        history.events.iter().map(|it| (it.record.envelope.event_id, &it.record.envelope)).collect();
    let commands: HashMap<CommandId, _> =
        history.commands.iter().map(|it| (it.record.envelope.command_id, &it.record.envelope)).collect();
    for it in &history.commands {
        let (envelope, cause) = (&it.record.envelope, it.record.envelope.causation_id);
        let cause = cause.and_then(|it| events.get(&it));
        if cause.is_none_or(|cause| cause.correlation_id != envelope.correlation_id) {
            found.note(Rule::CausesAreNamed, &envelope.aggregate_id, format!("not the event before: {it}"));
        }
    }
    for it in &history.events {
        let envelope = &it.record.envelope;
        let names = match (&envelope.actor, commands.get(&envelope.command_id)) {
            (_, Some(command)) => {
                let of = |it: &Envelope| (it.correlation_id.clone(), it.causation_id, it.actor.clone());
                of(envelope) == of(command)
            }
            (Some(Actor::Timer(_)), None) => {
                let armed_by = envelope.causation_id.and_then(|it| events.get(&it));
                armed_by.is_some_and(|it| it.aggregate_id == envelope.aggregate_id)
            }
            (_, None) => envelope.causation_id.is_none(),
        };
        if !names {
            found.note(Rule::CausesAreNamed, &envelope.aggregate_id, format!("not its cause: {it}"));
        }
    }
}

/// No command has had its effect a second time. Its events carry its id again then, and may stand right behind the first.
fn once(history: &History, found: &mut Findings) {
    let commands: HashSet<_> = history.commands.iter().map(|it| it.record.envelope.command_id).collect();
    let mut effects = HashSet::new();
    for event in history.events.iter().filter(|it| commands.contains(&it.record.envelope.command_id)) {
        let (envelope, payload) = (&event.record.envelope, &event.record.payload);
        let is_new = effects.insert((envelope.command_id, payload.entry().name));
        if !is_new && !may_recur(payload) {
            let found_again = format!("had its effect twice: {event}");
            found.note(Rule::PoliciesReachTheirTarget, &envelope.aggregate_id, found_again);
        }
    }
}

/// Whether one command may bring about several of these: an exchange awards points in each community that honours it, and
/// a request that is detached lets go of everybody who would have helped.
const fn may_recur(event: &Event) -> bool {
    matches!(
        event,
        Event::Reputation(
            ReputationEvent::KarmaAwarded(_)
                | ReputationEvent::BadgeEarned(_)
                | ReputationEvent::KarmaMilestoneReached(_)
        ) | Event::Request(RequestEvent::MatchRejected(_) | RequestEvent::MatchCancelled(_))
    )
}

/// Recipient, type, subject and what tells it apart.
type Notice = (UserId, String, String, Option<String>);

fn told(event: &Event) -> Option<Notice> {
    let Event::Notification(NotificationEvent::NotificationRaised(it)) = event else { return None };
    Some((it.user_id, it.r#type.clone(), it.subject_id.clone(), it.params.get("causeId").cloned()))
}

fn command_id(cause: EventId, policy: &str, index: usize) -> CommandId {
    CommandId::new(Uuid::new_v5(&cause.uuid(), format!("{policy}:{index}").as_bytes()))
}

/// Views that know nothing: what a policy asks for all the same depends on its event alone.
struct Nothing;

impl Views for Nothing {
    fn members(&self, _community: CommunityId) -> Vec<Member> {
        Vec::new()
    }

    fn member(&self, _community: CommunityId, _user: UserId) -> Option<Member> {
        None
    }

    fn communities_of(&self, _user: UserId) -> Vec<CommunityId> {
        Vec::new()
    }

    fn community(&self, _community: CommunityId) -> Option<Arc<CommunityFacts>> {
        None
    }

    fn user(&self, _user: UserId) -> Option<UserFacts> {
        None
    }

    fn request(&self, _request: RequestId) -> Option<Arc<RequestFacts>> {
        None
    }

    fn request_of(&self, _of: MatchId) -> Option<RequestId> {
        None
    }

    fn open_requests(&self, _user: UserId, _community: CommunityId) -> Vec<RequestId> {
        Vec::new()
    }

    fn open_requests_in(&self, _community: CommunityId) -> Vec<RequestId> {
        Vec::new()
    }
}
