//! Sentences about help requests. The people: Ana asks, Ben and Cleo would help, Dora is a stranger.

mod any_order;
mod asking;
mod drafts;
mod feedback;
mod matching;
mod payloads;
mod refusals;
mod timing;

use std::sync::Arc;

use chrono::TimeDelta;
use event_schemas::request::{
    MatchAccepted, MatchCancelled, MatchCompleted, MatchCreated, MatchDoneMarked, MatchRejected,
    RequestCancelled, RequestCompleted, RequestCreated, RequestEvent, RequestExpired, RequestUpdated,
};
use event_schemas::{CommunityId, MatchId, RequestId, Sealable, Timestamp, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::community::{Config, Settings};
use crate::given::{Given, given};
use crate::views::CommunityFacts;

const ANA: UserId = UserId::new(Uuid::from_u128(0xa));
const BEN: UserId = UserId::new(Uuid::from_u128(0xb));
const CLEO: UserId = UserId::new(Uuid::from_u128(0xc));
const DORA: UserId = UserId::new(Uuid::from_u128(0xd));
const ELM: CommunityId = CommunityId::new(Uuid::from_u128(0xe1));
const OAK: CommunityId = CommunityId::new(Uuid::from_u128(0xe2));
const REQUEST: RequestId = RequestId::new(Uuid::from_u128(0xf));
/// Ben's proposal.
const M1: MatchId = MatchId::new(Uuid::from_u128(0x1));
/// Cleo's proposal.
const M2: MatchId = MatchId::new(Uuid::from_u128(0x2));

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a date-time")
}

/// A request that Ana posted in Elm at time 0; it expires after 60 days.
fn created() -> RequestCreated {
    RequestCreated {
        request_id: REQUEST,
        requester_id: ANA,
        community_id: ELM,
        community_ids: vec![ELM],
        pending_community_ids: vec![],
        request_type: "generic".to_owned(),
        category: Some("generic".to_owned()),
        category_sealed: None,
        urgency: "medium".to_owned(),
        title: Some(Sealable::Clear("Carry a sofa upstairs".to_owned())),
        description: Some(Sealable::Clear("Carry a sofa upstairs".to_owned())),
        payload: None,
        requirements: None,
        visibility_scope: "community".to_owned(),
        visibility_max_degrees: 3,
        scheduled_at: None,
        preferred_start_at: None,
        preferred_end_at: None,
        expires_at: end(),
    }
}

/// When that request expires.
fn end() -> Timestamp {
    Timestamp::from_micros(0) + TimeDelta::days(60)
}

fn proposed(match_id: MatchId, responder: UserId) -> RequestEvent {
    MatchCreated {
        request_id: REQUEST,
        match_id,
        requester_id: ANA,
        responder_id: responder,
        offer_id: None,
        via: "proposal".to_owned(),
        message: None,
        community_ids: vec![ELM],
        outsider: false,
    }
    .into()
}

fn accepted(match_id: MatchId, responder: UserId) -> RequestEvent {
    MatchAccepted {
        request_id: REQUEST,
        match_id,
        requester_id: ANA,
        responder_id: responder,
        offer_id: None,
        request_type: "generic".to_owned(),
        scheduled_at: None,
        travel_time_minutes: 60,
    }
    .into()
}

fn rejected(match_id: MatchId, responder: UserId, reason: &str) -> RequestEvent {
    MatchRejected {
        request_id: REQUEST,
        match_id,
        requester_id: ANA,
        responder_id: responder,
        offer_id: None,
        reason: reason.to_owned(),
    }
    .into()
}

fn match_cancelled(by_role: &str, reason: Option<&str>) -> RequestEvent {
    MatchCancelled {
        request_id: REQUEST,
        match_id: M1,
        requester_id: ANA,
        responder_id: BEN,
        offer_id: None,
        by_role: by_role.to_owned(),
        reason: reason.map(str::to_owned),
    }
    .into()
}

fn done(by_role: &str, at: Timestamp) -> RequestEvent {
    MatchDoneMarked {
        request_id: REQUEST,
        match_id: M1,
        requester_id: ANA,
        responder_id: BEN,
        by_role: by_role.to_owned(),
        at,
    }
    .into()
}

fn completed(at: Timestamp) -> [RequestEvent; 2] {
    let exchange = MatchCompleted {
        request_id: REQUEST,
        match_id: M1,
        requester_id: ANA,
        responder_id: BEN,
        community_id: ELM,
        community_ids: vec![ELM],
        request_type: "generic".to_owned(),
        category: Some("generic".to_owned()),
        offer_id: None,
        completed_at: at,
    };
    let request = RequestCompleted { request_id: REQUEST, at, forget_at: at + TimeDelta::days(180) };
    [exchange.into(), request.into()]
}

fn cancelled(at: Timestamp, reason: &str) -> RequestEvent {
    let forget_at = at + TimeDelta::days(7);
    RequestCancelled { request_id: REQUEST, at, forget_at, reason: reason.to_owned() }.into()
}

fn expired(at: Timestamp) -> RequestEvent {
    RequestExpired { request_id: REQUEST, at, forget_at: at + TimeDelta::days(7) }.into()
}

fn status(from: &str, to: &str) -> RequestEvent {
    RequestUpdated { status_from: Some(from.to_owned()), status_to: Some(to.to_owned()), ..no_update() }
        .into()
}

fn no_update() -> RequestUpdated {
    RequestUpdated {
        request_id: REQUEST,
        status_from: None,
        status_to: None,
        urgency: None,
        title: None,
        description: None,
        payload: None,
        requirements: None,
        scheduled_at: None,
        preferred_start_at: None,
        preferred_end_at: None,
        cleared: vec![],
    }
}

/// Ana has posted her request.
fn open() -> Given<State> {
    given([created().into()])
}

/// Ben and Cleo have proposed to help.
fn two_proposals() -> Given<State> {
    given([created().into(), proposed(M1, BEN), proposed(M2, CLEO)])
}

/// Ben's proposal is accepted.
fn matched_events() -> Vec<RequestEvent> {
    vec![created().into(), proposed(M1, BEN), accepted(M1, BEN), status("open", "matched")]
}

fn matched() -> Given<State> {
    given(matched_events())
}

/// Ana and Ben have both marked it done, at time 0.
fn exchanged() -> Given<State> {
    let zero = Timestamp::from_micros(0);
    let marks = [done("responder", zero), done("requester", zero)];
    given(
        matched_events()
            .into_iter()
            .chain(marks)
            .chain(completed(zero))
            .chain([status("matched", "completed")]),
    )
}

/// The requester, or someone else in the audience.
fn caller(user: UserId) -> Caller {
    Caller { user, in_audience: true }
}

/// Someone who may not see the request.
fn stranger() -> Caller {
    Caller { user: DORA, in_audience: false }
}

fn propose(match_id: MatchId, by: UserId) -> Command {
    Command::ProposeMatch(ProposeMatch {
        match_id,
        by: caller(by),
        outsider: false,
        offer_id: None,
        message: None,
    })
}

fn accept(match_id: MatchId, by: UserId) -> Command {
    Command::AcceptMatch(AcceptMatch { match_id, by, travel_time_minutes: 60, present: vec![BEN, CLEO] })
}

fn reject(match_id: MatchId, by: UserId) -> Command {
    Command::RejectMatch(RejectMatch { match_id, by })
}

fn complete(by: UserId) -> Command {
    Command::CompleteMatch(CompleteMatch { match_id: M1, by, windows: Windows::default() })
}

fn cancel_match(match_id: MatchId, by: UserId) -> Command {
    Command::CancelMatch(CancelMatch { match_id, by, windows: Windows::default() })
}

fn cancel(by: UserId) -> Command {
    Command::CancelRequest(CancelRequest { by: caller(by) })
}

fn rate(by: UserId) -> GiveFeedback {
    GiveFeedback {
        match_id: M1,
        by,
        rating: Some(5),
        helpfulness: None,
        responsiveness: None,
        clarity: None,
        comment: None,
        allow_featuring: false,
        show_my_name: None,
        to_user: None,
        community: None,
    }
}

fn privacy(by: Caller, is_public: Option<bool>, visibility_consent: Option<bool>) -> Command {
    Command::SetRequestPrivacy(SetRequestPrivacy { by, is_public, visibility_consent })
}

fn edit(by: Caller, body: Value) -> Command {
    let edit = Edit::parse(body.as_object().expect("an object")).expect("without faults");
    Command::UpdateRequest(Box::new(UpdateRequest { by, edit }))
}

/// An active community on default terms, in which the poster is a member.
fn place(community: CommunityId) -> Place {
    let facts = CommunityFacts { active: true, settings: Settings::default(), config: Config::default() };
    Place { community, member: true, facts: Arc::new(facts) }
}

fn post(body: Value, places: Vec<Place>) -> CreateRequest {
    let draft = Draft::parse(body.as_object().expect("an object")).expect("without faults");
    CreateRequest { request_id: REQUEST, requester: ANA, draft, places, everywhere: false }
}

fn sofa() -> Value {
    json!({ "description": "Carry a sofa upstairs" })
}
