//! Notices about requests and matches. Ana asks, Ben helps.

use event_schemas::request::{
    FeedbackGiven, MatchAccepted, MatchCancelled, MatchCompleted, MatchCreated, MatchDoneMarked,
    MatchRejected, MatchReminderDue, RequestCreated, RequestEvent, RequestExpired,
};

use super::*;
use crate::community::{Config, Role};

/// Ana, Ben and Cleo in Elm, where notices live for ten days; Cleo in Oak, too.
fn neighbourhood() -> Known {
    let settings = Settings { notification_ttl_days: 10, ..Settings::default() };
    let elm = Known::default().community(ELM, settings, Config::default());
    [(ELM, ANA), (ELM, BEN), (ELM, CLEO), (OAK, CLEO)]
        .into_iter()
        .fold(elm, |known, (community, user)| known.member(community, user, Role::Member, now()))
}

fn created(communities: &[CommunityId]) -> RequestEvent {
    let created = RequestCreated {
        request_id: REQUEST,
        requester_id: ANA,
        community_id: communities[0],
        community_ids: communities.to_vec(),
        pending_community_ids: vec![],
        request_type: "ride".to_owned(),
        category: None,
        category_sealed: None,
        urgency: "high".to_owned(),
        title: None,
        description: None,
        payload: None,
        requirements: None,
        visibility_scope: "community".to_owned(),
        visibility_max_degrees: 3,
        scheduled_at: None,
        preferred_start_at: None,
        preferred_end_at: None,
        expires_at: Timestamp::from_micros(1),
    };
    created.into()
}

fn proposed(via: &str) -> RequestEvent {
    let proposed = MatchCreated {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        offer_id: None,
        via: via.to_owned(),
        message: None,
        community_ids: vec![ELM],
        outsider: false,
    };
    proposed.into()
}

fn accepted() -> RequestEvent {
    let accepted = MatchAccepted {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        offer_id: None,
        request_type: "ride".to_owned(),
        scheduled_at: None,
        travel_time_minutes: 60,
    };
    accepted.into()
}

fn rejected(reason: &str) -> RequestEvent {
    let rejected = MatchRejected {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        offer_id: None,
        reason: reason.to_owned(),
    };
    rejected.into()
}

fn cancelled(by_role: &str, reason: Option<&str>) -> RequestEvent {
    let cancelled = MatchCancelled {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        offer_id: None,
        by_role: by_role.to_owned(),
        reason: reason.map(str::to_owned),
    };
    cancelled.into()
}

fn done(by_role: &str) -> RequestEvent {
    let done = MatchDoneMarked {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        by_role: by_role.to_owned(),
        at: now(),
    };
    done.into()
}

/// What is told of the last of these events, after a request of Ana's in Elm.
fn told(events: impl IntoIterator<Item = RequestEvent>) -> Vec<RaiseNotification> {
    let past = [created(&[ELM])].into_iter().chain(events);
    notices(AggregateType::HelpRequest, past.map(Event::Request), &neighbourhood())
}

#[test]
fn neighbours_hear_of_a_new_request() {
    let told = told([]);
    assert_eq!(heads(&told), [("new_request", BEN), ("new_request", CLEO)]);
    let RaiseNotification { part, actor_id, community_id, ttl_days, action_url, .. } = &told[0];
    assert_eq!((part, *actor_id, *community_id, *ttl_days), (&None, Some(ANA), Some(ELM), 10));
    assert_eq!(*action_url, format!("/requests/{REQUEST}"));
}

#[test]
fn each_community_of_a_request_tells_its_own_neighbours() {
    let both = Event::Request(created(&[ELM, OAK]));
    let told = notices(AggregateType::HelpRequest, [both], &neighbourhood());
    let places: Vec<_> = told.iter().map(|it| (it.user_id, it.community_id)).collect();
    assert_eq!(places, [(BEN, Some(ELM)), (CLEO, Some(ELM)), (CLEO, Some(OAK))]);
}

#[test]
fn a_proposal_is_told_to_the_requester() {
    let told = told([proposed("proposal")]);
    assert_eq!(heads(&told), [("match_created", ANA)]);
    assert_eq!((told[0].actor_id, told[0].community_id), (Some(BEN), Some(ELM)));
    assert_eq!(told[0].part.as_deref(), Some(CAUSE.to_string().as_str()));
}

#[test]
fn a_suggestion_is_told_to_the_responder() {
    assert_eq!(heads(&told([proposed("admin")])), [("match_suggested", BEN)]);
}

#[test]
fn an_acceptance_is_told_to_the_responder() {
    let told = told([proposed("proposal"), accepted()]);
    assert_eq!(heads(&told), [("match_accepted", BEN)]);
    assert_eq!(told[0].action_url, format!("/matches/{MATCH}"));
}

#[test]
fn a_refusal_is_told_to_whoever_did_not_decide_it() {
    let told = |reason| told([proposed("proposal"), rejected(reason)]);
    assert_eq!(heads(&told("rejected_by_requester")), [("match_rejected", BEN)]);
    assert_eq!(heads(&told("sibling_accepted")), [("match_rejected", BEN)]);
    assert_eq!(heads(&told("request_expired")), [("match_rejected", BEN)]);
    assert_eq!(heads(&told("withdrawn_by_responder")), [("match_rejected", ANA)]);
}

#[test]
fn a_cancelled_match_is_told_to_the_other_side() {
    let told = |by| told([proposed("proposal"), accepted(), cancelled(by, None)]);
    assert_eq!(heads(&told("requester")), [("match_cancelled", BEN)]);
    assert_eq!(heads(&told("responder")), [("match_cancelled", ANA)]);
    assert_eq!(heads(&told("system")), [("match_cancelled", ANA), ("match_cancelled", BEN)]);
}

#[test]
fn a_cancelled_request_is_told_to_its_helper() {
    let told = told([proposed("proposal"), accepted(), cancelled("requester", Some("request_cancelled"))]);
    assert_eq!(heads(&told), [("request_cancelled", BEN)]);
    assert_eq!((told[0].subject_type.as_str(), told[0].subject_id.clone()), ("request", REQUEST.to_string()));
}

#[test]
fn the_first_mark_asks_the_other_side_for_theirs() {
    let first = |by| told([proposed("proposal"), accepted(), done(by)]);
    assert_eq!(heads(&first("responder")), [("completion_pending", ANA)]);
    assert_eq!(heads(&first("requester")), [("completion_pending", BEN)]);
    assert_eq!(told([proposed("proposal"), accepted(), done("responder"), done("requester")]), []);
}

#[test]
fn a_completed_match_is_told_to_both() {
    let completed = MatchCompleted {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        community_id: ELM,
        community_ids: vec![ELM],
        request_type: "ride".to_owned(),
        category: None,
        offer_id: None,
        completed_at: now(),
    };
    let told = told([proposed("proposal"), accepted(), completed.into()]);
    assert_eq!(heads(&told), [("match_completed", ANA), ("match_completed", BEN)]);
}

#[test]
fn the_helper_is_reminded() {
    let due = MatchReminderDue {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        scheduled_at: now(),
    };
    let told = told([proposed("proposal"), accepted(), due.into()]);
    assert_eq!(heads(&told), [("match_reminder", BEN)]);
    assert_eq!(told[0].params["scheduledAt"], "1970-01-01T00:00:00.000000Z");
}

#[test]
fn the_requester_hears_that_nobody_was_found() {
    let expired = RequestExpired { request_id: REQUEST, at: now(), forget_at: now() };
    assert_eq!(heads(&told([expired.into()])), [("request_expired", ANA)]);
}

#[test]
fn feedback_is_told_without_what_it_says() {
    let given = FeedbackGiven {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        from_user_id: ANA,
        to_user_id: BEN,
        rating: 2.0,
        helpfulness: Some(2),
        responsiveness: None,
        clarity: None,
        comment: None,
        allow_featuring: false,
        show_name: false,
        community_ids: vec![ELM],
        at: now(),
    };
    let told = told([given.into()]);
    assert_eq!(heads(&told), [("feedback_received", BEN)]);
    assert_eq!(told[0].params.keys().collect::<Vec<_>>(), ["matchId", "requestId"]);
}
