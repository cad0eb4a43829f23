//! GET /users/me, /users/{id}, /users/{id}/skills: people, as they themselves and as others see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::communities::{self, Mine};
use super::trust::Scores;
use super::user_settings::{self, Settings};
use super::{Answered, trust};
use crate::at::At;
use crate::page::Page;
use crate::params::Params;
use crate::reading::{Reading, Who};

/// Oneself, or somebody else.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum User {
    Own(Box<Own>),
    Other(Box<Other>),
}

/// Everything of one's own account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Own {
    #[serde(flatten)]
    account: Account,
    skills: Vec<Skill>,
    settings: Settings,
    communities: Vec<Mine>,
    trust: Vec<TierIn>,
}

/// What somebody of a shared community may see.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Other {
    id: Uuid,
    name: String,
    bio: Option<String>,
    avatar_url: Option<String>,
    skills: Vec<Skill>,
    created_at: At,
    trust: Vec<TierIn>,
}

#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: Uuid,
    email: Option<String>,
    name: String,
    bio: Option<String>,
    avatar_url: Option<String>,
    phone: Option<String>,
    home: Option<Value>,
    vehicle: Option<Value>,
    email_verified: bool,
    two_factor: bool,
    state: String,
    invited_by: Option<Uuid>,
    created_at: At,
    updated_at: At,
    #[serde(skip)]
    version: i64,
}

/// Something that a person can do.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Skill {
    skill_id: Uuid,
    skill: String,
    slug: String,
    created_at: At,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TierIn {
    community_id: Uuid,
    tier: crate::reputation::trust::Tier,
}

/// The caller.
pub(crate) async fn me(mut reading: Reading) -> Answered<User> {
    let (db, who) = reading.parts();
    own(db, who).await
}

/// Somebody by id; 404 for people without a shared active community.
pub(crate) async fn show(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<User> {
    let (db, who) = reading.parts();
    if id == who.user_id { own(db, who).await } else { other(db, who, id).await }
}

/// Skills of somebody, newest first.
pub(crate) async fn skills(
    mut reading: Reading,
    PathIds(id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<Skill>> {
    let page = Page::<DateTime<Utc>>::read(&mut params, "newest")?;
    params.finish()?;
    let db = reading.db();
    let skills: Option<i64> = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM auth.user_skills WHERE user_id = u.id) FROM auth.users AS u WHERE u.id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *db)
    .await?;
    let total = skills.ok_or_else(|| Problem::not_found("USER_NOT_FOUND"))?;
    let mut skills: Vec<Skill> = sqlx::query_as(
        "SELECT skill_id, skill, slug, created_at FROM auth.user_skills
         WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (created_at, skill_id) < ($2, $3))
         ORDER BY created_at DESC, skill_id DESC LIMIT $4 OFFSET $5",
    )
    .bind(id)
    .bind(page.after_key())
    .bind(page.after_id())
    .bind(page.fetch())
    .bind(page.offset())
    .fetch_all(db)
    .await?;
    let pagination = page.cut(&mut skills, total, |it| (it.created_at.0, it.skill_id));
    Ok(Answer::ok(skills).pagination(pagination))
}

/// Slugs of the caller's skills.
pub(super) async fn own_slugs(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT slug FROM auth.user_skills WHERE user_id = $1")
        .bind(user_id)
        .fetch_all(db)
        .await
}

async fn own(db: &mut PgConnection, who: &Who) -> Answered<User> {
    let account: Option<Account> = sqlx::query_as(
        "SELECT id, email, name, bio, avatar_url, phone, home, vehicle, email_verified, two_factor, state, invited_by,
                created_at, updated_at, version
         FROM auth.users WHERE id = $1",
    )
    .bind(who.user_id)
    .fetch_optional(&mut *db)
    .await?;
    let Some(account) = account else { return Err(Problem::not_found("USER_NOT_FOUND")) };
    let version = account.version;
    let own = Own {
        account,
        skills: skills_of(db, who.user_id).await?,
        settings: user_settings::of(db, who.user_id).await?,
        communities: communities::mine_of(db, who).await?,
        trust: tiers(&trust::scores(db, &[who.user_id], who.now).await?, who.user_id, who),
    };
    Ok(Answer::ok(User::Own(Box::new(own))).version(version))
}

async fn other(db: &mut PgConnection, who: &Who, id: Uuid) -> Answered<User> {
    type Row = (Uuid, String, Option<String>, Option<String>, At, i64);
    let row: Option<Row> =
        sqlx::query_as("SELECT id, name, bio, avatar_url, created_at, version FROM auth.users WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *db)
            .await?;
    let Some((id, name, bio, avatar_url, created_at, version)) = row else {
        return Err(Problem::not_found("USER_NOT_FOUND"));
    };
    let skills = skills_of(db, id).await?;
    let trust = tiers(&trust::scores(db, &[id], who.now).await?, id, who);
    let other = Other { id, name, bio, avatar_url, skills, created_at, trust };
    Ok(Answer::ok(User::Other(Box::new(other))).version(version))
}

async fn skills_of(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Skill>> {
    sqlx::query_as(
        "SELECT skill_id, skill, slug, created_at FROM auth.user_skills
         WHERE user_id = $1 ORDER BY created_at DESC, skill_id DESC",
    )
    .bind(user_id)
    .fetch_all(db)
    .await
}

/// The tier in each community that both are members of.
fn tiers(scores: &Scores, user_id: Uuid, who: &Who) -> Vec<TierIn> {
    let shared = scores.of(user_id).filter(|it| it.is_member && who.role_in(it.community_id).is_some());
    shared.map(|it| TierIn { community_id: it.community_id, tier: it.tier() }).collect()
}
