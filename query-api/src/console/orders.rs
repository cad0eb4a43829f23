//! Orders: what an operator asks projectors for, and what came of it. `answer` says the latter in sentences.

mod answer;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::entrance::Operator;
use super::form::Form;
use super::page::{Failure, Frame, Shown, page};
use super::projections::{self, Card};
use super::words;
use crate::app::App;
use crate::params::Params;

/// What can be done to a projection.
const OF_PROJECTION: [&str; 5] = ["rebuild", "cancel", "rollback", "drop", "verify"];

/// What can be done about a parked key.
const OF_DEAD_LETTERS: [&str; 3] = ["show", "redrive", "discard"];

/// Nobody takes an order that has waited for longer.
const LAPSES: TimeDelta = TimeDelta::minutes(1);

/// An order that is taken and silent for so long was cut off.
const SILENT: TimeDelta = TimeDelta::seconds(30);

/// Orders on the page of all.
const SHOWN: i64 = 100;

/// An order.
#[derive(Debug, FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) projection: String,
    details: Json<Value>,
    pub(super) asked_by: String,
    asked_at: DateTime<Utc>,
    taken_by: Option<String>,
    taken_at: Option<DateTime<Utc>>,
    told_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    answer: Option<Json<Value>>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/orders.html")]
struct ListPage {
    frame: Frame,
    orders: Vec<Row>,
}

#[derive(Template)]
#[template(path = "console/order.html")]
struct OrderPage {
    frame: Frame,
    order: Row,
    /// The projection, while the order is open: a rebuild tells its progress there.
    card: Option<Card>,
}

/// POST /console/projections/{name}/{kind}: `throttle` of a rebuild.
pub(super) async fn of_projection(
    operator: Operator,
    State(app): State<App>,
    Path((name, kind)): Path<(String, String)>,
    Form(mut form): Form,
) -> Shown {
    if !OF_PROJECTION.contains(&kind.as_str()) || !exists(&app.pool, &name).await? {
        return Err(Failure::not_found("thing to do"));
    }
    let throttle = form.integer("throttle", 1..=10_000_000);
    refuse_faults(form, "events a second must be a whole number from 1 to 10 000 000")?;
    ask(&app.pool, &operator, &kind, &name, json!({ "throttle": throttle })).await
}

/// POST /console/dead-letters/{kind}: `projection`, `topic`, `key`; `reason` and `whole_key` to discard.
pub(super) async fn of_dead_letters(
    operator: Operator,
    State(app): State<App>,
    Path(kind): Path<String>,
    Form(mut form): Form,
) -> Shown {
    let name = form.text("projection").unwrap_or_default();
    if !OF_DEAD_LETTERS.contains(&kind.as_str()) || !exists(&app.pool, &name).await? {
        return Err(Failure::not_found("thing to do"));
    }
    let (topic, key) = (form.short_text("topic", 249), form.short_text("key", 1_024));
    let mut details = json!({ "topic": topic, "key": key });
    if kind == "discard" {
        details["reason"] = json!(form.short_text("reason", 500));
        details["wholeKey"] = json!(form.text("whole_key").is_some());
    }
    let missing = details["key"].is_null() || kind == "discard" && details["reason"].is_null();
    refuse_faults(form, "that was too long")?;
    if missing {
        let message = "a key must be named, and for discarding a reason: it is all that tells later why the record is missing";
        return Err(Failure::new(StatusCode::BAD_REQUEST, message));
    }
    ask(&app.pool, &operator, &kind, &name, details).await
}

fn refuse_faults(form: Params, message: &str) -> Result<(), Failure> {
    form.finish().map_err(|_| Failure::new(StatusCode::BAD_REQUEST, message))
}

async fn exists(pool: &PgPool, name: &str) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT FROM projection.active WHERE projection = $1)");
    exists.bind(name).fetch_one(pool).await
}

async fn ask(pool: &PgPool, operator: &Operator, kind: &str, projection: &str, details: Value) -> Shown {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO projection.orders (id, kind, projection, details, asked_by) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(kind)
    .bind(projection)
    .bind(Json(details))
    .bind(operator.name())
    .execute(pool)
    .await?;
    tracing::info!(order = %id, kind, projection, "an operator asked for something");
    Ok(Redirect::to(&format!("/console/orders/{id}")).into_response())
}

/// GET /console/orders.
pub(super) async fn list(operator: Operator, State(app): State<App>) -> Shown {
    let orders = latest(&app.pool, None, SHOWN).await?;
    page(&ListPage { frame: Frame::of("orders", &operator), orders })
}

/// GET /console/orders/{id}.
pub(super) async fn show(operator: Operator, State(app): State<App>, Path(id): Path<Uuid>) -> Shown {
    let order: Option<Row> = sqlx::query_as("SELECT * FROM projection.orders WHERE id = $1")
        .bind(id)
        .fetch_optional(&app.pool)
        .await?;
    let order = order.ok_or_else(|| Failure::not_found("order"))?;
    let card = if order.is_open() { projections::card(&app.pool, &order.projection).await? } else { None };
    page(&OrderPage { frame: Frame::of("orders", &operator), order, card })
}

/// The latest orders, of a projection or of all.
pub(super) async fn latest(pool: &PgPool, projection: Option<&str>, most: i64) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as(
        "SELECT * FROM projection.orders WHERE $1 IS NULL OR projection = $1 ORDER BY asked_at DESC, id DESC LIMIT $2",
    )
    .bind(projection)
    .bind(most)
    .fetch_all(pool)
    .await
}

impl Row {
    /// How far it is, in words.
    pub(super) fn state(&self) -> &str {
        let now = Utc::now();
        match (self.outcome.as_deref(), self.told_at) {
            (Some(outcome), _) => outcome,
            (None, Some(told)) if now - told <= SILENT => "at work",
            (None, Some(_)) => "cut off",
            (None, None) if now - self.asked_at <= LAPSES => "waiting",
            (None, None) => "lapsed",
        }
    }

    /// The same as `style.css` names it.
    pub(super) fn class(&self) -> String {
        self.state().replace(' ', "_")
    }

    /// Something may still come of it.
    fn is_open(&self) -> bool {
        matches!(self.state(), "waiting" | "at work")
    }

    pub(super) fn asked(&self) -> String {
        format!("{} ago", words::ago(self.asked_at))
    }

    pub(super) fn took(&self) -> String {
        match (self.taken_at, self.ended_at) {
            (Some(taken), Some(ended)) => words::seconds((ended - taken).as_seconds_f64()),
            _ => "–".to_owned(),
        }
    }

    /// Only the owner of the tables can do it.
    fn is_of_owner(&self) -> bool {
        OF_PROJECTION.contains(&self.kind.as_str())
    }

    fn detail(&self, name: &str) -> Option<&str> {
        self.details.0[name].as_str()
    }

    /// The command that does the same.
    fn command(&self) -> String {
        let (kind, name) = (&self.kind, &self.projection);
        if self.is_of_owner() {
            let throttle = self.details.0["throttle"]
                .as_u64()
                .map_or_else(String::new, |it| format!(" --throttle {it}"));
            return format!("karmyq projections {kind} {name}{throttle}");
        }
        let quoted = |it: &str| format!("'{}'", it.replace('\'', r"'\''"));
        let mut command =
            format!("karmyq dead-letters {kind} {name} {}", quoted(self.detail("key").unwrap_or_default()));
        if let Some(topic) = self.detail("topic") {
            command += &format!(" --topic {topic}");
        }
        if let Some(reason) = self.detail("reason") {
            command += &format!(" --reason {}", quoted(reason));
        }
        if self.details.0["wholeKey"] == true {
            command += " --whole-key";
        }
        command
    }
}
