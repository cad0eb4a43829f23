//! Notices about who comes.

use event_schemas::community::{
    CommunityCreated, JoinRequestApproved, JoinRequestCreated, JoinRequestRejected, JoinRequestWithdrawn,
    UserJoinedCommunity,
};

use super::*;

fn joined(user_id: UserId, role: &str, via: &str) -> Event {
    let joined = UserJoinedCommunity {
        user_id,
        community_id: ELM,
        role: role.to_owned(),
        via: via.to_owned(),
        invited_by_id: None,
        joined_at: now(),
    };
    Event::Community(joined.into())
}

/// Elm, with Ana as its admin, Ben as moderator, and what happened since.
fn told(since: impl IntoIterator<Item = Event>) -> Vec<RaiseNotification> {
    let created = CommunityCreated {
        community_id: ELM,
        creator_id: ANA,
        name: "Elm".to_owned(),
        description: None,
        location: None,
        category: None,
        access_type: "private".to_owned(),
        community_type: "mutual_aid".to_owned(),
        max_members: 150,
        template_id: None,
    };
    let past = [
        Event::Community(created.into()),
        joined(ANA, "admin", "founding"),
        joined(BEN, "moderator", "added"),
    ];
    notices(AggregateType::Community, past.into_iter().chain(since), &Known::default())
}

#[test]
fn admins_hear_of_newcomers() {
    let told = told([joined(CLEO, "member", "public")]);
    assert_eq!(heads(&told), [("member_joined", ANA)]);
    assert_eq!((told[0].actor_id, told[0].community_id), (Some(CLEO), Some(ELM)));
    assert_eq!(told[0].action_url, format!("/communities/{ELM}"));
}

#[test]
fn whoever_is_added_hears_of_it() {
    let told = told([joined(CLEO, "admin", "added")]);
    assert_eq!(heads(&told), [("member_joined", ANA), ("added_to_community", CLEO)]);
}

#[test]
fn nobody_hears_of_a_founder() {
    assert_eq!(told([joined(ANA, "admin", "founding")]), []);
}

#[test]
fn admins_and_moderators_hear_of_join_requests() {
    let asked = JoinRequestCreated { community_id: ELM, user_id: CLEO, message: None, invited_by_id: None };
    let told = told([joined(user(9), "member", "public"), Event::Community(asked.into())]);
    assert_eq!(heads(&told), [("join_request", ANA), ("join_request", BEN)]);
    assert_eq!(told[0].actor_id, Some(CLEO));
}

#[test]
fn applicants_hear_of_the_decision() {
    let decided_by_id = Some(BEN);
    let approved = JoinRequestApproved { community_id: ELM, user_id: CLEO, decided_by_id };
    let rejected = JoinRequestRejected { community_id: ELM, user_id: CLEO, decided_by_id };
    for (event, decision) in [(approved.into(), "approved"), (rejected.into(), "rejected")] {
        let told = told([Event::Community(event)]);
        assert_eq!(heads(&told), [("join_decided", CLEO)]);
        assert_eq!(told[0].params["decision"], decision);
    }
}

#[test]
fn nobody_hears_of_a_request_that_is_taken_back() {
    let withdrawn = JoinRequestWithdrawn { community_id: ELM, user_id: CLEO, decided_by_id: None };
    assert_eq!(told([Event::Community(withdrawn.into())]), []);
}
