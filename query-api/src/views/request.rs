//! GET /requests/{id}.

use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use uuid::Uuid;

use super::matches::{self, Match};
use super::requests::{self, Request};
use super::{Answered, trust};
use crate::reading::Reading;
use crate::reputation::trust::Tier;

/// An ask with what its audience may know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    #[serde(flatten)]
    request: Request,
    communities: Vec<Community>,
    /// The caller's proposal, or for the requester the accepted one.
    my_match: Option<Match>,
}

#[derive(Debug, FromRow, Serialize)]
struct Community {
    id: Uuid,
    name: String,
}

/// One ask; 404 outside its audience, and for everybody once it is expired or cancelled.
pub(crate) async fn show(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<Detail> {
    let (db, who) = reading.parts();
    let row = requests::find(db, id).await?;
    let version = row.version;
    let mut shown = requests::with_people(db, who, vec![row]).await?;
    let mut request = shown.pop().ok_or_else(|| Problem::not_found("REQUEST_NOT_FOUND"))?;
    let place = request.community_id.filter(|it| who.role_in(*it).is_some());
    let tier = match place {
        Some(community) => {
            let scores = trust::scores(db, &[request.requester_id], who.now).await?;
            Some(Tier::of(scores.in_community(request.requester_id, community).score))
        }
        None => None,
    };
    request.requester.tier = Some(tier);
    let communities = sqlx::query_as(
        "SELECT id, name FROM community.communities WHERE id = ANY ($1) ORDER BY array_position($1, id)",
    )
    .bind(&request.community_ids)
    .fetch_all(&mut *db)
    .await?;
    let my_match = matches::own_of(db, who, id).await?;
    Ok(Answer::ok(Detail { request, communities, my_match }).version(version))
}
