//! Posting, editing, withdrawing a request; who sees it; leaving a community.

use serde_json::json;

use super::*;
use crate::text::{Fault, FieldFault};
use event_schemas::community::RequestTypeConfig;
use event_schemas::request::{PrivacySettingsUpdated, RequestDetached};

fn creates(it: CreateRequest) -> Command {
    Command::CreateRequest(Box::new(it))
}

fn nothing() -> Given<State> {
    given([])
}

fn taking(place: Place, names: &[&str]) -> Place {
    let entry = |name: &&str| RequestTypeConfig {
        name: (*name).to_owned(),
        description: None,
        karma_multiplier_hundredths: 100,
    };
    let mut facts = (*place.facts).clone();
    facts.config.enabled_request_types = names.iter().map(entry).collect();
    Place { facts: Arc::new(facts), ..place }
}

#[test]
fn posting_a_request_opens_it_with_everything_filled_in() {
    nothing().when(creates(post(sofa(), vec![place(ELM)]))).then([created().into()]);
}

#[test]
fn the_first_community_tells_scope_and_lifetime() {
    let mut first = place(ELM);
    let facts = Arc::make_mut(&mut first.facts);
    facts.config.default_request_scope = "platform".to_owned();
    facts.settings.request_ttl_days = 14;
    nothing().when(creates(post(sofa(), vec![first, place(OAK)]))).then([RequestCreated {
        community_ids: vec![ELM, OAK],
        visibility_scope: "platform".to_owned(),
        expires_at: at("1970-01-15T00:00:00Z"),
        ..created()
    }
    .into()]);
}

#[test]
fn a_request_of_new_year_expires_on_the_second_of_march() {
    let expected = RequestCreated { expires_at: at("2026-03-02T00:00:00Z"), ..created() };
    let posted = nothing().at(at("2026-01-01T00:00:00Z")).when(creates(post(sofa(), vec![place(ELM)])));
    posted.then([expected.into()]);
}

#[test]
fn a_category_of_the_closed_list_stands_in_clear() {
    for category in ["Moving", "ride", "tool_shed"] {
        let body = json!({ "description": "Carry a sofa upstairs", "category": category });
        let elm = taking(place(ELM), &["generic", "tool_shed"]);
        let expected = RequestCreated { category: Some(category.to_lowercase()), ..created() };
        nothing().when(creates(post(body, vec![elm]))).then([expected.into()]);
    }
}

#[test]
fn any_other_category_is_sealed() {
    let body = json!({ "description": "Carry a sofa upstairs", "category": "My Knee" });
    let expected = RequestCreated {
        category: None,
        category_sealed: Some(Sealable::Clear("my knee".to_owned())),
        ..created()
    };
    nothing().when(creates(post(body, vec![place(ELM)]))).then([expected.into()]);
}

#[test]
fn a_request_needs_a_community() {
    nothing().when(creates(post(sofa(), vec![]))).then_refused(Rejection::CommunityContextRequired);
}

#[test]
fn only_members_post() {
    let outside = Place { member: false, ..place(OAK) };
    nothing().when(creates(post(sofa(), vec![place(ELM), outside]))).then_refused(Rejection::NotAMember(OAK));
}

#[test]
fn an_archived_community_takes_no_requests() {
    let mut archived = place(ELM);
    Arc::make_mut(&mut archived.facts).active = false;
    nothing().when(creates(post(sofa(), vec![archived]))).then_refused(Rejection::CommunityNotActive(ELM));
}

#[test]
fn every_named_community_must_take_the_type() {
    let rides_only = taking(place(OAK), &["ride"]);
    nothing()
        .when(creates(post(sofa(), vec![place(ELM), rides_only])))
        .then_refused(Rejection::TypeNotEnabled(RequestType::Generic, OAK));
}

#[test]
fn labels_alone_leave_all_types_enabled() {
    let labels_only = taking(place(ELM), &["meal_share"]);
    nothing().when(creates(post(sofa(), vec![labels_only]))).then([created().into()]);
}

#[test]
fn posting_everywhere_leaves_out_communities_without_the_type() {
    let rides_only = taking(place(OAK), &["ride"]);
    let everywhere = CreateRequest { everywhere: true, ..post(sofa(), vec![rides_only.clone(), place(ELM)]) };
    nothing().when(creates(everywhere)).then([created().into()]);

    let nowhere = CreateRequest { everywhere: true, ..post(sofa(), vec![rides_only]) };
    nothing().when(creates(nowhere)).then_refused(Rejection::TypeNotEnabled(RequestType::Generic, OAK));
}

#[test]
fn posting_the_same_request_again_changes_nothing() {
    open().when(creates(post(sofa(), vec![place(ELM)]))).then_nothing();
}

#[test]
fn the_requester_edits_an_open_request() {
    let body = json!({
        "title": "Carry a piano",
        "urgency": "high",
        "scheduledFor": "2026-01-01T18:00:00Z",
        "requirements": null,
    });
    open().when(edit(caller(ANA), body)).then_adding([RequestUpdated {
        title: Some(Sealable::Clear("Carry a piano".to_owned())),
        urgency: Some("high".to_owned()),
        scheduled_at: Some(at("2026-01-01T18:00:00Z")),
        cleared: vec!["requirements".to_owned()],
        ..no_update()
    }
    .into()]);
}

#[test]
fn null_clears_a_time_that_was_set() {
    let scheduled = RequestCreated { scheduled_at: Some(at("2026-01-01T18:00:00Z")), ..created() };
    given::<State>([scheduled.into()])
        .when(edit(caller(ANA), json!({ "scheduledFor": null })))
        .then([RequestUpdated { cleared: vec!["scheduledAt".to_owned()], ..no_update() }.into()]);
}

#[test]
fn an_edit_that_says_what_is_already_so_changes_nothing() {
    open().when(edit(caller(ANA), json!({ "urgency": "medium", "preferredStart": null }))).then_nothing();
}

#[test]
fn an_edit_must_name_a_field() {
    open().when(edit(caller(ANA), json!({ "colour": "red" }))).then_refused(Rejection::NothingToChange);
}

#[test]
fn the_preferred_time_must_not_run_backwards_after_an_edit() {
    let evening = RequestCreated { preferred_start_at: Some(at("2026-01-01T18:00:00Z")), ..created() };
    let fault = FieldFault::new("preferredEnd", Fault::Malformed("not before preferredStart"));
    given::<State>([evening.into()])
        .when(edit(caller(ANA), json!({ "preferredEnd": "2026-01-01T17:00:00Z" })))
        .then_refused(Rejection::Invalid(Faults(vec![fault])));
}

#[test]
fn an_edited_payload_is_checked_by_the_type_of_the_request() {
    let fault = |field: &str, fault| Rejection::Invalid(Faults(vec![FieldFault::new(field, fault)]));
    let refused = fault("payload", Fault::Unknown);
    open().when(edit(caller(ANA), json!({ "payload": { "durationDays": 3 } }))).then_refused(refused);

    let borrow = given::<State>([RequestCreated { request_type: "borrow".to_owned(), ..created() }.into()]);
    let incomplete = json!({ "payload": { "durationDays": 3 } });
    let refused = fault("payload.itemCategory", Fault::Required);
    borrow.when(edit(caller(ANA), incomplete)).then_refused(refused);
    let complete = json!({ "payload": { "durationDays": 3, "itemCategory": "tools", "colour": "red" } });
    let kept = json!({ "durationDays": 3, "itemCategory": "tools" });
    borrow.when(edit(caller(ANA), complete)).then_adding([RequestUpdated {
        payload: Some(Sealable::Clear(kept)),
        ..no_update()
    }
    .into()]);
}

#[test]
fn what_is_no_longer_open_cannot_be_edited() {
    for given in [matched(), exchanged(), open().at(end())] {
        given.when(edit(caller(ANA), json!({ "urgency": "low" }))).then_refused(Rejection::RequestNotOpen);
    }
}

#[test]
fn withdrawing_a_request_ends_every_proposal() {
    let now = at("1970-01-02T00:00:00Z");
    two_proposals().at(now).when(cancel(ANA)).then([
        rejected(M1, BEN, "request_cancelled"),
        rejected(M2, CLEO, "request_cancelled"),
        cancelled(now, "requester"),
        status("open", "cancelled"),
    ]);
}

#[test]
fn withdrawing_a_matched_request_ends_the_match() {
    let now = at("1970-01-02T00:00:00Z");
    matched().at(now).when(cancel(ANA)).then([
        match_cancelled("requester", Some("request_cancelled")),
        cancelled(now, "requester"),
        status("matched", "cancelled"),
    ]);
}

#[test]
fn withdrawing_again_changes_nothing() {
    let events =
        [created().into(), cancelled(Timestamp::from_micros(0), "requester"), status("open", "cancelled")];
    given::<State>(events).when(cancel(ANA)).then_nothing();
}

#[test]
fn what_ended_otherwise_cannot_be_withdrawn() {
    exchanged().when(cancel(ANA)).then_refused(Rejection::RequestFinal);
    open().at(end()).when(cancel(ANA)).then_refused(Rejection::RequestFinal);
    let detached = [created().into(), cancelled(Timestamp::from_micros(0), "no_community")];
    given::<State>(detached).when(cancel(ANA)).then_refused(Rejection::RequestFinal);
}

#[test]
fn privacy_can_be_chosen_in_every_state() {
    let chosen = PrivacySettingsUpdated {
        request_id: REQUEST,
        entity_type: "request".to_owned(),
        is_public: None,
        visibility_consent: Some(true),
    };
    for given in [open(), matched(), exchanged()] {
        given.when(privacy(caller(ANA), None, Some(true))).then([chosen.clone().into()]);
    }
    let chosen_before = given::<State>([created().into(), chosen.into()]);
    chosen_before.when(privacy(caller(ANA), None, Some(true))).then_nothing();
    open().when(privacy(caller(ANA), None, None)).then_refused(Rejection::NothingToChange);
}

#[test]
fn whoever_sees_a_request_is_told_that_it_is_not_theirs() {
    for command in
        [edit(caller(BEN), json!({ "urgency": "low" })), cancel(BEN), privacy(caller(BEN), Some(true), None)]
    {
        open().when(command).then_refused(Rejection::NotTheRequester);
    }
    let responder = Caller { user: BEN, in_audience: false };
    let command = Command::CancelRequest(CancelRequest { by: responder });
    matched().when(command).then_refused(Rejection::NotTheRequester);
}

#[test]
fn for_a_stranger_the_request_does_not_exist() {
    for command in [edit(stranger(), json!({ "urgency": "low" })), privacy(stranger(), Some(true), None)] {
        open().when(command).then_refused(Rejection::RequestNotFound);
    }
    nothing().when(cancel(ANA)).then_refused(Rejection::RequestNotFound);
}

#[test]
fn a_request_at_its_end_is_nobody_elses_business() {
    let gone = given::<State>([created().into(), cancelled(Timestamp::from_micros(0), "requester")]);
    gone.when(cancel(BEN)).then_refused(Rejection::RequestNotFound);
    open().at(end()).when(propose(M1, BEN)).then_refused(Rejection::RequestNotFound);
}

#[test]
fn leaving_one_of_two_communities_leaves_the_request_open() {
    let both = RequestCreated { community_ids: vec![ELM, OAK], ..created() };
    given::<State>([both.into()])
        .when(Command::DetachCommunity(DetachCommunity { community: ELM }))
        .then([RequestDetached { request_id: REQUEST, community_id: ELM }.into()]);
}

#[test]
fn leaving_the_last_community_withdraws_the_request() {
    let now = Timestamp::from_micros(0);
    two_proposals().when(Command::DetachCommunity(DetachCommunity { community: ELM })).then([
        RequestDetached { request_id: REQUEST, community_id: ELM }.into(),
        rejected(M1, BEN, "request_cancelled"),
        rejected(M2, CLEO, "request_cancelled"),
        cancelled(now, "no_community"),
        status("open", "cancelled"),
    ]);
}

#[test]
fn leaving_a_community_that_is_not_linked_or_no_open_request_changes_nothing() {
    open().when(Command::DetachCommunity(DetachCommunity { community: OAK })).then_nothing();
    matched().when(Command::DetachCommunity(DetachCommunity { community: ELM })).then_nothing();
    nothing().when(Command::DetachCommunity(DetachCommunity { community: ELM })).then_nothing();
}

#[test]
fn an_event_concerns_a_community_while_exactly_one_is_linked() {
    let event = RequestEvent::from(created());
    assert_eq!(open().state().community_of(&event), Some(ELM));
    let both = RequestCreated { community_ids: vec![ELM, OAK], ..created() };
    assert_eq!(given::<State>([both.into()]).state().community_of(&event), None);
}
