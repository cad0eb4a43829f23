//! Sums, caps and uniqueness that the domain promises, counted from the events alone.

use std::collections::{HashMap, HashSet};

use domain::inbox::Kind;
use event_schemas::community::CommunityEvent;
use event_schemas::notification::{NotificationEvent, NotificationRaised};
use event_schemas::reputation::{ExchangeCredited, ReputationEvent};
use event_schemas::request::RequestEvent;
use event_schemas::{CommandId, CommunityId, Event, MatchId, NotificationId, RequestId, UserId};

use super::{Findings, History, Logged, Rule};

pub(super) fn check(history: &History, found: &mut Findings) {
    let mut counts = Counts::default();
    for event in &history.events {
        match &event.record.payload {
            Event::Community(it) => counts.community(it, event, found),
            Event::Request(it) => counts.request(it, event, found),
            Event::Reputation(it) => counts.reputation(it, event, found),
            Event::Notification(it) => counts.notification(it, event, found),
            Event::User(_) => {}
        }
    }
    counts.exchanges_add_up(found);
}

/// What has been counted so far.
#[derive(Debug, Default)]
struct Counts {
    caps: HashMap<CommunityId, usize>,
    members: HashMap<CommunityId, HashSet<UserId>>,
    accepted: HashMap<RequestId, MatchId>,
    karma: HashMap<UserId, i32>,
    karma_in: HashMap<(UserId, CommunityId), i32>,
    /// Points per command that awarded them.
    awarded: HashMap<CommandId, i32>,
    /// Points that an exchange's command has announced.
    announced: HashMap<CommandId, (UserId, i32)>,
    once: HashSet<(UserId, String)>,
    told: HashMap<Notice, NotificationId>,
}

/// Recipient, type, subject and what tells it apart.
type Notice = (UserId, String, String, Option<String>);

impl Counts {
    fn community(&mut self, event: &CommunityEvent, logged: &Logged<Event>, found: &mut Findings) {
        match event {
            CommunityEvent::CommunityCreated(it) => {
                let cap = usize::try_from(it.max_members).unwrap_or_default();
                self.caps.insert(it.community_id, cap);
            }
            CommunityEvent::CommunityUpdated(it) => {
                let cap = it.max_members.and_then(|it| usize::try_from(it).ok());
                self.caps.extend(cap.map(|cap| (it.community_id, cap)));
            }
            CommunityEvent::UserJoinedCommunity(it) => {
                let members = self.members.entry(it.community_id).or_default();
                if !members.insert(it.user_id) {
                    found.note(Rule::MembersWithinCap, it.community_id, format!("joined twice: {logged}"));
                }
                if self.caps.get(&it.community_id).is_some_and(|cap| members.len() > *cap) {
                    found.note(Rule::MembersWithinCap, it.community_id, format!("one too many: {logged}"));
                }
            }
            CommunityEvent::UserLeftCommunity(it) => {
                if !self.members.entry(it.community_id).or_default().remove(&it.user_id) {
                    found.note(Rule::MembersWithinCap, it.community_id, format!("was no member: {logged}"));
                }
            }
            CommunityEvent::CommunityArchived(_)
            | CommunityEvent::MemberRoleChanged(_)
            | CommunityEvent::JoinRequestCreated(_)
            | CommunityEvent::JoinRequestApproved(_)
            | CommunityEvent::JoinRequestRejected(_)
            | CommunityEvent::JoinRequestWithdrawn(_)
            | CommunityEvent::JoinMessageForgotten(_)
            | CommunityEvent::CommunitySettingsChanged(_)
            | CommunityEvent::CommunityConfigChanged(_)
            | CommunityEvent::ExchangeCounted(_)
            | CommunityEvent::QualityCounted(_) => {}
        }
    }

    fn request(&mut self, event: &RequestEvent, logged: &Logged<Event>, found: &mut Findings) {
        match event {
            RequestEvent::MatchAccepted(it) => {
                if self.accepted.insert(it.request_id, it.match_id).is_some() {
                    found.note(Rule::OneAcceptedMatch, it.request_id, format!("a second one: {logged}"));
                }
            }
            RequestEvent::MatchCancelled(it) if self.accepted.get(&it.request_id) == Some(&it.match_id) => {
                self.accepted.remove(&it.request_id);
            }
            RequestEvent::MatchCompleted(it) if self.accepted.get(&it.request_id) != Some(&it.match_id) => {
                found.note(Rule::OneAcceptedMatch, it.request_id, format!("was not accepted: {logged}"));
            }
            RequestEvent::RequestCreated(_)
            | RequestEvent::RequestUpdated(_)
            | RequestEvent::RequestDetached(_)
            | RequestEvent::RequestCompleted(_)
            | RequestEvent::RequestCancelled(_)
            | RequestEvent::RequestExpired(_)
            | RequestEvent::RequestTextForgotten(_)
            | RequestEvent::PrivacySettingsUpdated(_)
            | RequestEvent::MatchCreated(_)
            | RequestEvent::MatchRejected(_)
            | RequestEvent::MatchCancelled(_)
            | RequestEvent::MatchReminderDue(_)
            | RequestEvent::MatchDoneMarked(_)
            | RequestEvent::MatchCompleted(_)
            | RequestEvent::FeedbackGiven(_) => {}
        }
    }

    fn reputation(&mut self, event: &ReputationEvent, logged: &Logged<Event>, found: &mut Findings) {
        let command = logged.record.envelope.command_id;
        match event {
            ReputationEvent::KarmaAwarded(it) => {
                *self.awarded.entry(command).or_default() += it.points;
                let total = self.karma.entry(it.user_id).or_default();
                *total += it.points;
                let here = self.karma_in.entry((it.user_id, it.community_id)).or_default();
                *here += it.points;
                if (*total, *here) != (it.total_karma, it.community_karma) {
                    found.note(Rule::KarmaAddsUp, it.user_id, format!("sums {total} and {here}: {logged}"));
                }
            }
            ReputationEvent::ExchangeCredited(it) => {
                self.once(it.helper_id, format!("credited {}", it.match_id), logged, found);
                let points = it.credits.iter().map(|it| it.helper_points + it.bonus_points).sum();
                self.announced.insert(command, (it.helper_id, points));
                pool(it, logged, found);
            }
            ReputationEvent::ExchangeReceived(it) => {
                self.once(it.requester_id, format!("received {}", it.match_id), logged, found);
                self.announced.insert(command, (it.requester_id, it.points));
            }
            ReputationEvent::BadgeEarned(it) => {
                self.once(it.user_id, format!("badge {}", it.badge_type), logged, found);
            }
            ReputationEvent::KarmaMilestoneReached(it) => {
                self.once(it.user_id, format!("milestone {}", it.milestone), logged, found);
            }
            ReputationEvent::FeedbackRecorded(it) => {
                self.once(it.user_id, format!("rated {}", it.match_id), logged, found);
            }
        }
    }

    fn notification(&mut self, event: &NotificationEvent, logged: &Logged<Event>, found: &mut Findings) {
        match event {
            NotificationEvent::NotificationRaised(it) => self.raised(it, logged, found),
            NotificationEvent::NotificationDeleted(it) => {
                self.told.retain(|_, id| *id != it.notification_id);
            }
            NotificationEvent::NotificationsPurged(it) => self.told.retain(|_, id| !it.ids.contains(id)),
            NotificationEvent::NotificationSent(_)
            | NotificationEvent::NotificationRead(_)
            | NotificationEvent::NotificationsRead(_)
            | NotificationEvent::NotificationPreferencesChanged(_) => {}
        }
    }

    fn raised(&mut self, it: &NotificationRaised, logged: &Logged<Event>, found: &mut Findings) {
        if Kind::named(&it.r#type).is_some_and(Kind::collapses) {
            return;
        }
        let part = it.params.get("causeId").cloned();
        let notice = (it.user_id, it.r#type.clone(), it.subject_id.clone(), part);
        if self.told.insert(notice, it.notification_id).is_some() {
            found.note(Rule::ToldOnce, it.user_id, format!("again: {logged}"));
        }
    }

    fn once(&mut self, user: UserId, what: String, logged: &Logged<Event>, found: &mut Findings) {
        if !self.once.insert((user, what)) {
            found.note(Rule::KarmaAddsUp, user, format!("a second time: {logged}"));
        }
    }

    /// What an exchange announces is what it awards.
    fn exchanges_add_up(&self, found: &mut Findings) {
        for (command, (user, announced)) in &self.announced {
            let awarded = self.awarded.get(command).copied().unwrap_or_default();
            if awarded != *announced {
                found.note(
                    Rule::KarmaAddsUp,
                    user,
                    format!("{command} announces {announced} points and awards {awarded}"),
                );
            }
        }
    }
}

/// Where both shares make up the whole and nobody's points lapse, both sides get the pool.
fn pool(it: &ExchangeCredited, logged: &Logged<Event>, found: &mut Findings) {
    let count = i32::try_from(it.credits.len()).unwrap_or(i32::MAX).max(1);
    let pools: i32 = it.credits.iter().map(|it| it.pool * it.multiplier_hundredths).sum();
    let points: i32 = it.credits.iter().map(|it| it.helper_points + it.requester_points).sum();
    let lapsed = it.credits.iter().any(|it| it.helper_points == 0 || it.requester_points == 0);
    // The sum of the pools, divided by their number, rounded half up.
    let whole = (2 * pools + 100 * count) / (200 * count);
    if !lapsed && points != whole {
        found.note(Rule::KarmaAddsUp, it.helper_id, format!("{points} of {whole} points: {logged}"));
    }
}
