//! What notices say: rendered when read, from current names and titles, so that forgotten or erased text vanishes from
//! old notices too.

use std::collections::BTreeMap;

/// What a text is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Words<'a> {
    /// Who caused it.
    pub(super) actor: Option<&'a str>,
    /// The title of the ask that it is about.
    pub(super) request: Option<&'a str>,
    /// The community that it concerns.
    pub(super) community: Option<&'a str>,
    /// How many facts are collapsed into it.
    pub(super) count: i32,
    /// Ids, numbers and closed values.
    pub(super) params: Option<&'a BTreeMap<String, String>>,
}

impl Words<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.params?.get(name).map(String::as_str)
    }
}

/// Title and body.
pub(super) fn text(r#type: &str, words: &Words<'_>) -> (String, String) {
    let somebody = words.actor.unwrap_or("Somebody");
    let request = words.request.map_or_else(|| "a request".to_owned(), |it| format!("“{it}”"));
    let community = words.community.unwrap_or("your community");
    let (title, body) = match r#type {
        "new_request" => ("New request", format!("{somebody} asks for help in {community}: {request}")),
        "match_created" => ("Help offered", format!("{somebody} offers to help with {request}")),
        "match_suggested" => ("A request for you", format!("You are suggested as helper for {request}")),
        "match_accepted" => ("Your help is welcome", format!("{somebody} accepted your help with {request}")),
        "match_rejected" => ("Proposal closed", closed(words, somebody, &request)),
        "match_cancelled" => {
            ("Exchange called off", format!("{somebody} called off the exchange about {request}"))
        }
        "match_completed" => {
            ("Exchange completed", format!("{request} is done. How was it with {somebody}?"))
        }
        "match_reminder" => ("It is time to go", format!("{request} for {somebody} begins soon")),
        "completion_pending" => ("Please confirm", format!("{somebody} marked {request} as done")),
        "request_cancelled" => ("Request cancelled", format!("{somebody} cancelled {request}")),
        "request_expired" => ("Request expired", format!("Nobody took {request} in time")),
        "dibs_asked" => ("You are asked first", format!("{somebody} asks you first for help with {request}")),
        "dibs_answered" => ("Your question was answered", format!("There is an answer about {request}")),
        "karma_awarded" => {
            ("Karma", format!("{} points for {request}", words.param("points").unwrap_or("New")))
        }
        "karma_milestone" => (
            "Milestone",
            format!("You have passed {} karma", words.param("milestone").unwrap_or("a mark of")),
        ),
        "badge_earned" => ("New badge", format!("You have earned: {}", badge(words.param("badgeType")))),
        "feedback_received" => ("New feedback", format!("{somebody} left feedback about {request}")),
        "message_received" => ("New message", messages(somebody, words.count)),
        "join_request" => ("Someone wants to join", format!("{somebody} asks to join {community}")),
        "join_decided" => ("Your wish to join", decided(words, community)),
        "member_joined" => ("New member", format!("{somebody} joined {community}")),
        "added_to_community" => ("Welcome", format!("You are now a member of {community}")),
        "norm_proposed" => ("New norm proposed", format!("{somebody} proposes a norm in {community}")),
        "norm_established" => ("New norm", format!("{community} has agreed on a norm")),
        "community_invite" => ("Invitation", format!("{somebody} invites you to {community}")),
        "milestone_achieved" => ("Milestone", format!("{community} has reached a milestone")),
        "welcome" => {
            ("Welcome", "Good to have you here. Find a community near you, or found one.".to_owned())
        }
        "security_notice" => ("Security", security(words.param("reason")).to_owned()),
        // A type of a newer version, or of another domain.
        _ => ("News", format!("There is news in {community}")),
    };
    (title.to_owned(), body)
}

fn closed(words: &Words<'_>, somebody: &str, request: &str) -> String {
    match words.param("reason") {
        Some("withdrawn_by_responder") => format!("{somebody} can no longer help with {request}"),
        Some("sibling_accepted") => format!("{request} goes to somebody else"),
        Some("request_cancelled") => format!("{request} was cancelled"),
        Some("request_expired") => format!("{request} has expired"),
        Some(_) | None => format!("Your proposal for {request} was declined"),
    }
}

fn decided(words: &Words<'_>, community: &str) -> String {
    match words.param("decision") {
        Some("approved") => format!("You are now a member of {community}"),
        Some(_) | None => format!("{community} did not take you in"),
    }
}

fn messages(somebody: &str, count: i32) -> String {
    if count > 1 {
        format!("{count} new messages from {somebody}")
    } else {
        format!("{somebody} wrote to you")
    }
}

fn badge(name: Option<&str>) -> &'static str {
    match name {
        Some("first_helper") => "First helper",
        Some("milestone_10") => "10 helps",
        Some("milestone_50") => "50 helps",
        Some("milestone_100") => "100 helps",
        Some("connector") => "Connector",
        Some(_) | None => "a badge",
    }
}

fn security(reason: Option<&str>) -> &'static str {
    match reason {
        Some("refresh_reuse") => {
            "A used sign-in was presented again, so we ended its session. If that was not you, change your password."
        }
        Some(_) | None => {
            "Something about the security of your account has changed. If that was not you, change your password."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Words, text};
    use crate::views::notice_types::TYPES;

    #[test]
    fn every_type_has_a_text_of_its_own() {
        for it in TYPES {
            assert_ne!(text(it.name, &Words::default()).0, "News", "{}", it.name);
        }
    }

    #[test]
    fn names_and_titles_are_those_of_today() {
        let words = Words { actor: Some("Ana"), request: Some("Move a sofa"), ..Words::default() };
        let (title, body) = text("match_accepted", &words);
        assert_eq!(
            (title.as_str(), body.as_str()),
            ("Your help is welcome", "Ana accepted your help with “Move a sofa”")
        );
        let gone = Words { actor: Some("[deleted user]"), request: Some("[forgotten]"), ..Words::default() };
        assert_eq!(text("match_accepted", &gone).1, "[deleted user] accepted your help with “[forgotten]”");
    }
}
