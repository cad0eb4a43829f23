//! Who is told what: the table of notices in one place.
//!
//! Each module here answers for the events of one domain. A notice names its recipient, its type and ids; whether it
//! reaches them is decided by their inbox.

mod about_communities;
mod about_karma;
mod about_requests;

use std::collections::BTreeMap;

use event_schemas::notification::RaiseNotification;
use event_schemas::user::UserEvent;
use event_schemas::{Command, CommunityId, Event, Recorded, UserId};

use super::{Asked, Policy};
use crate::State;
use crate::community;
use crate::inbox::{Kind, Part};
use crate::views::Views;

/// See the module.
pub(super) const NOTICES: Policy = Policy { name: "notices", react };

/// Reasons for which sessions end that the person brought about and knows of.
const KNOWN_TO_THE_PERSON: [&str; 2] = ["logout_all", "password"];

fn react(event: &Recorded<Event>, state: &State, views: &dyn Views) -> Asked {
    let notices = match (&event.payload, state) {
        (Event::User(event), _) => about_accounts(event),
        (Event::Community(event), State::Community(community::State::Active(community))) => {
            about_communities::notices(event, community)
        }
        (Event::Request(event), State::HelpRequest(request)) => {
            about_requests::notices(event, request, views)
        }
        (Event::Reputation(event), _) => about_karma::notices(event),
        (Event::Community(_) | Event::Request(_) | Event::Notification(_), _) => Vec::new(),
    };
    notices.into_iter().map(|notice| notice.command(event, views)).collect()
}

/// One thing that one person is to be told.
#[derive(Clone, Debug)]
struct Notice {
    kind: Kind,
    to: UserId,
    subject_id: String,
    actor: Option<UserId>,
    /// Where it belongs, in order; the recipient sees it under the first that they are in.
    communities: Vec<CommunityId>,
    params: BTreeMap<String, String>,
}

impl Notice {
    /// A notice of this type about the thing with this id.
    fn of(kind: Kind, to: UserId, subject_id: impl ToString) -> Self {
        Self {
            kind,
            to,
            subject_id: subject_id.to_string(),
            actor: None,
            communities: Vec::new(),
            params: BTreeMap::new(),
        }
    }

    /// Caused by this person.
    fn by(self, actor: Option<UserId>) -> Self {
        Self { actor, ..self }
    }

    /// Belonging to these communities.
    fn within(self, communities: &[CommunityId]) -> Self {
        Self { communities: communities.to_vec(), ..self }
    }

    /// With an id, a number or a closed value for whoever renders it.
    fn with(mut self, param: &str, value: impl ToString) -> Self {
        self.params.insert(param.to_owned(), value.to_string());
        self
    }

    /// The command that tells it.
    fn command(self, cause: &Recorded<Event>, views: &dyn Views) -> (String, Command) {
        let community_id = self.community(views);
        let ttl_days = community_id.and_then(|it| views.community(it));
        let ttl_days = ttl_days.map_or(DEFAULT_TTL_DAYS, |it| it.settings.notification_ttl_days);
        let raise = RaiseNotification {
            user_id: self.to,
            r#type: self.kind.name().to_owned(),
            priority: self.kind.priority().name().to_owned(),
            subject_type: self.kind.subject().to_owned(),
            subject_id: self.subject_id,
            part: match self.kind.part() {
                Part::None => None,
                Part::Event => Some(cause.envelope.event_id.to_string()),
            },
            actor_id: self.actor,
            community_id,
            action_url: filled(self.kind.action(), &self.params),
            params: self.params,
            ttl_days,
        };
        (self.to.to_string(), Command::Notification(raise.into()))
    }

    /// The first of its communities that the recipient is in, else the first.
    fn community(&self, views: &dyn Views) -> Option<CommunityId> {
        let theirs = self.communities.iter().find(|it| views.member(**it, self.to).is_some());
        theirs.or_else(|| self.communities.first()).copied()
    }
}

/// Life of a notice that belongs to no community.
const DEFAULT_TTL_DAYS: i32 = 30;

/// The path with every `{param}` replaced by its value.
fn filled(template: &str, params: &BTreeMap<String, String>) -> String {
    params.iter().fold(template.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
}

fn about_accounts(event: &UserEvent) -> Vec<Notice> {
    match event {
        UserEvent::UserRegistered(it) => vec![Notice::of(Kind::Welcome, it.user_id, it.user_id)],
        UserEvent::SessionsRevoked(it) if KNOWN_TO_THE_PERSON.contains(&it.reason.as_str()) => Vec::new(),
        UserEvent::SessionsRevoked(it) => {
            vec![Notice::of(Kind::SecurityNotice, it.user_id, it.user_id).with("reason", &it.reason)]
        }
        UserEvent::UserUpdated(_)
        | UserEvent::UserSkillAdded(_)
        | UserEvent::UserSkillRemoved(_)
        | UserEvent::UserSettingsChanged(_)
        | UserEvent::InviterRecorded(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
