//! Feedback on an exchange: `/matches/{id}/feedback` and `/reputation/feedback`.

use axum::extract::State;
use domain::help_request::{Command, GiveFeedback};
use domain::text::{Fault, Text};
use event_schemas::request::{FeedbackGiven, RequestEvent};
use event_schemas::{Event, MatchId, UserId};
use serde_json::Value;
use service_kit::answer::Problem;

use super::requests::target;
use crate::app::App;
use crate::edge::Call;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Fields;
use crate::edge::shown::Shown;
use crate::edge::values::{boolean, id, integer, text};
use crate::writer::Executed;

/// POST /matches/{id}/feedback
pub(crate) async fn give_feedback(State(app): State<App>, call: Call) -> Reply {
    let match_id = call.id("id", "MATCH_NOT_FOUND")?;
    let feedback = call.read(|fields| feedback(fields, match_id, call.user))?;
    rate(&app, &call, feedback).await
}

/// POST /reputation/feedback
pub(crate) async fn give_named_feedback(State(app): State<App>, call: Call) -> Reply {
    let feedback = call.read(|fields| {
        let match_id = fields.required("matchId", id);
        let feedback = feedback(fields, match_id.unwrap_or(NO_MATCH), call.user);
        match_id.and(feedback)
    })?;
    rate(&app, &call, feedback).await
}

/// Stands in for an id that is at fault, so that the other fields are read, too.
const NO_MATCH: MatchId = MatchId::new(uuid::Uuid::nil());

async fn rate(app: &App, call: &Call, feedback: GiveFeedback) -> Reply {
    let match_id = feedback.match_id;
    let request = app.request_of(match_id).await?.ok_or_else(|| Problem::not_found("MATCH_NOT_FOUND"))?;
    let executed = app.execute(call, target(request), Command::GiveFeedback(feedback)).await?;
    let data = shown(&executed)?;
    Ok(done::created(&executed, data, format!("/matches/{match_id}/feedback")))
}

fn feedback(fields: &mut Fields<'_>, match_id: MatchId, by: UserId) -> Option<GiveFeedback> {
    const NUMBERS: [&str; 4] = ["rating", "helpfulness", "responsiveness", "clarity"];
    let [rating, helpfulness, responsiveness, clarity] = NUMBERS.map(|it| fields.optional(it, integer(1, 5)));
    let comment: Option<Option<Text<0, 2000>>> = fields.optional("comment", text);
    let allow_featuring = fields.or("allowFeaturing", false, boolean);
    let show_my_name = fields.optional("showMyName", boolean);
    let to_user = fields.optional("toUserId", id);
    let community = fields.optional("communityId", id);
    if [rating, helpfulness, responsiveness, clarity] == [Some(None); 4] {
        return fields.refuse("rating", Fault::Required);
    }
    Some(GiveFeedback {
        match_id,
        by,
        rating: rating?,
        helpfulness: helpfulness?,
        responsiveness: responsiveness?,
        clarity: clarity?,
        comment: comment?.map(String::from),
        allow_featuring: allow_featuring?,
        show_my_name: show_my_name?,
        to_user: to_user?,
        community: community?,
    })
}

fn shown(executed: &Executed) -> Result<Value, Problem> {
    let Some(Event::Request(RequestEvent::FeedbackGiven(event))) =
        executed.events.first().map(|it| &it.payload)
    else {
        return Err(Problem::internal("feedback was given without an event"));
    };
    let FeedbackGiven {
        request_id,
        match_id,
        requester_id: _,
        responder_id: _,
        from_user_id,
        to_user_id,
        rating,
        helpfulness,
        responsiveness,
        clarity,
        comment,
        allow_featuring,
        show_name,
        community_ids,
        at,
    } = event;
    Ok(Shown::default()
        .put("matchId", match_id)
        .put("requestId", request_id)
        .put("fromUserId", from_user_id)
        .put("toUserId", to_user_id)
        .put("rating", rating)
        .put("helpfulness", helpfulness)
        .put("responsiveness", responsiveness)
        .put("clarity", clarity)
        .put("comment", Value::Null)
        .maybe_text("comment", comment)
        .put("allowFeaturing", allow_featuring)
        .put("showMyName", show_name)
        .put("communityIds", community_ids)
        .maybe_at("createdAt", Some(*at))
        .into())
}
