//! Orders: what an operator asks projectors for, and what came of it. `answer` says the latter in sentences.

mod answer;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use service_kit::shell::DeadLetters;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::entrance::Operator;
use super::failure::Failure;
use super::form::Form;
use super::page::{Frame, Shown, page};
use super::projections::{self, Card, Job};
use super::words;
use crate::app::App;
use crate::params::Params;

/// What can be done to a projection. `rebuild_all` and its `cancel` have a form of their own.
const OF_PROJECTION: [&str; 7] = ["rebuild", "cancel", "rollback", "drop", "verify", "heal", "retire"];

/// What can be done about parked keys.
const OF_DEAD_LETTERS: [&str; 4] = ["show", "redrive", "redrive_all", "discard"];

/// What is done once while it goes on: a second verify would tell nothing new, and a second rebuild would take the place of
/// the version that the first one keeps.
const ONCE: [&str; 3] = ["rebuild", "rebuild_all", "verify"];

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
    /// Nobody takes it afterwards. Whoever could take it and is at work puts that off, and says on which orders.
    lapses_at: DateTime<Utc>,
    waits_for: Vec<Uuid>,
    taken_by: Option<String>,
    taken_at: Option<DateTime<Utc>>,
    told_at: Option<DateTime<Utc>>,
    cancelled_by: Option<String>,
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
    now: String,
}

#[derive(Template)]
#[template(path = "console/order.html")]
struct OrderPage {
    frame: Frame,
    order: Row,
    /// The projection, while somebody is at the order: a rebuild tells its progress there.
    card: Option<Card>,
    /// The orders whose turn comes before, while it waits.
    line: Line,
}

/// Who stands in line before an order.
#[derive(Default)]
struct Line {
    /// Those that whoever could take it is at work on.
    at_work: Vec<Row>,
    /// Those that wait, too, and were asked for before.
    waiting: Vec<Row>,
}

/// POST /console/projections/{name}/{kind}: `throttle` of a rebuild, `version` to roll back to or to drop, `id` to heal.
pub(super) async fn of_projection(
    operator: Operator,
    State(app): State<App>,
    Path((name, kind)): Path<(String, String)>,
    Form(mut form): Form,
) -> Shown {
    if !OF_PROJECTION.contains(&kind.as_str()) || !exists(&app.pool, &name).await? {
        return Err(Failure::not_found("thing to do"));
    }
    let details = match kind.as_str() {
        "rebuild" => json!({ "throttle": form.integer("throttle", 1..=10_000_000) }),
        "rollback" | "drop" => {
            let version = form.integer("version", 1..=i32::MAX.unsigned_abs());
            json!({ "version": form.required("version", version) })
        }
        "heal" => {
            let id = form.uuid("id");
            json!({ "id": form.required("id", id) })
        }
        "retire" => {
            let card = projections::card(&app.pool, &name).await?;
            if !card.is_some_and(|it| it.is_without_code()) {
                let message =
                    format!("{name} can be retired once projectors run that have no code for it any more");
                return Err(Failure::new(StatusCode::CONFLICT, message));
            }
            json!({})
        }
        _ => json!({}),
    };
    ask(&app.pool, &operator, form, (&kind, &name), details).await
}

/// POST /console/projections: `kind`, `rebuild_all` or its `cancel`; `throttle`, and `outdated` for those alone whose rows
/// other code has made.
pub(super) async fn of_all(operator: Operator, State(app): State<App>, Form(mut form): Form) -> Shown {
    let (kind, details) = match form.text("kind").as_deref() {
        Some("rebuild_all") => {
            let throttle = form.integer("throttle", 1..=10_000_000);
            let outdated = form.text("outdated").is_some();
            ("rebuild_all", json!({ "throttle": throttle, "outdated": outdated }))
        }
        Some("cancel") => ("cancel", json!({})),
        _ => return Err(Failure::not_found("thing to do")),
    };
    ask(&app.pool, &operator, form, (kind, ""), details).await
}

/// POST /console/dead-letters/{kind}: `projection`, and but for `redrive_all` `topic` and `key`; to discard `offset`, the
/// first that is parked, `reason` and `whole_key`.
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
    if kind == "redrive_all" {
        return ask(&app.pool, &operator, form, (&kind, &name), json!({})).await;
    }
    // A key may begin or end with spaces, and be long.
    let (topic, key) = (form.short_text("topic", 249), form.exact_text("key"));
    let mut details = json!({ "topic": topic, "key": form.required("key", key) });
    if kind == "discard" {
        // It is all that tells later why the record is missing.
        let reason = form.short_text("reason", 500);
        details["reason"] = json!(form.required("reason", reason));
        let offset = form.text("offset").and_then(|it| it.parse::<i64>().ok());
        details["firstOffset"] = json!(form.required("offset", offset));
        details["wholeKey"] = json!(form.text("whole_key").is_some());
    }
    ask(&app.pool, &operator, form, (&kind, &name), details).await
}

async fn exists(pool: &PgPool, name: &str) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT FROM projection.active WHERE projection = $1)");
    exists.bind(name).fetch_one(pool).await
}

/// Leaves the order, once however often the form is sent: `order` is its id.
async fn ask(
    pool: &PgPool,
    operator: &Operator,
    mut form: Params,
    (kind, projection): (&str, &str),
    details: Value,
) -> Shown {
    let id = form.uuid("order");
    let id = form.required("order", id).unwrap_or_default();
    form.finish().map_err(|problem| {
        let faults: Vec<_> = problem.fields().iter().map(|it| it.message.as_str()).collect();
        Failure::new(StatusCode::BAD_REQUEST, faults.join("; "))
    })?;
    if ONCE.contains(&kind)
        && let Some(open) = open(pool, kind, projection).await?
    {
        return Ok(Redirect::to(&format!("/console/orders/{open}")).into_response());
    }
    let left = sqlx::query(
        "INSERT INTO projection.orders (id, kind, projection, details, asked_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(kind)
    .bind(projection)
    .bind(Json(details))
    .bind(operator.name())
    .execute(pool)
    .await?;
    if left.rows_affected() == 1 {
        tracing::info!(order = %id, kind, projection, "an operator asked for something");
    }
    Ok(Redirect::to(&format!("/console/orders/{id}")).into_response())
}

/// An order of this kind of which something may still come, and that nobody has cancelled.
async fn open(pool: &PgPool, kind: &str, projection: &str) -> sqlx::Result<Option<Uuid>> {
    let latest = latest(pool, Some(projection), SHOWN).await?;
    let open = |it: &Row| it.kind == kind && it.is_open() && it.cancelled_by.is_none();
    Ok(latest.into_iter().find(open).map(|it| it.id))
}

/// GET /console/orders.
pub(super) async fn list(operator: Operator, State(app): State<App>) -> Shown {
    let orders = latest(&app.pool, None, SHOWN).await?;
    page(&ListPage { frame: Frame::of("orders", &operator), orders, now: words::at(Utc::now()) })
}

/// GET /console/orders/{id}.
pub(super) async fn show(operator: Operator, State(app): State<App>, Path(id): Path<String>) -> Shown {
    let id = Uuid::parse_str(&id).map_err(|_| Failure::not_found("order"))?;
    let order: Option<Row> = sqlx::query_as("SELECT * FROM projection.orders WHERE id = $1")
        .bind(id)
        .fetch_optional(&app.pool)
        .await?;
    let order = order.ok_or_else(|| Failure::not_found("order"))?;
    let (mut card, mut line) = (None, Line::default());
    match order.state() {
        "waiting" => line = before(&app.pool, &order).await?,
        "at work" => card = projections::card(&app.pool, &order.projection).await?,
        _ => {}
    }
    page(&OrderPage { frame: Frame::of("orders", &operator), order, card, line })
}

/// Who stands in line before an order that waits; nobody where it is about to be taken, or nobody is there.
async fn before(pool: &PgPool, order: &Row) -> sqlx::Result<Line> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM projection.orders
         WHERE ended_at IS NULL AND (id = ANY ($1)
             OR taken_at IS NULL AND waits_for && $1 AND (asked_at, id) < ($2, $3))
         ORDER BY asked_at, id",
    )
    .bind(&order.waits_for)
    .bind(order.asked_at)
    .bind(order.id)
    .fetch_all(pool)
    .await?;
    let mut line = Line::default();
    for it in rows {
        match it.state() {
            "at work" => line.at_work.push(it),
            "waiting" => line.waiting.push(it),
            _ => {}
        }
    }
    Ok(line)
}

impl OrderPage {
    /// The rebuild or rollback that this order is, and no other of the projection.
    fn job(&self) -> Option<&Job> {
        let job = self.card.as_ref()?.running()?;
        (job.kind == self.order.kind && self.order.taken_at? <= job.started_at).then_some(job)
    }
}

/// The latest orders, of a projection or of all, without what they have shown of records.
pub(super) async fn latest(pool: &PgPool, projection: Option<&str>, most: i64) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as(
        "SELECT id, kind, projection, details, asked_by, asked_at, lapses_at, waits_for, taken_by, taken_at, told_at,
             cancelled_by, ended_at, outcome, CASE WHEN kind <> 'show' THEN answer END AS answer, error
         FROM projection.orders WHERE $1 IS NULL OR projection = $1 ORDER BY asked_at DESC, id DESC LIMIT $2",
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
            (Some("done"), _) => self.reached(),
            (Some(outcome), _) => outcome,
            (None, Some(told)) if now - told <= SILENT => "at work",
            (None, Some(_)) => "cut off",
            (None, None) if now <= self.lapses_at => "waiting",
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

    /// A cancel of its projection, or of those that rebuild several, takes it back.
    fn is_cancellable(&self) -> bool {
        ["rebuild", "rebuild_all", "rollback", "verify", "heal"].contains(&self.kind.as_str())
    }

    /// Only the owner of the tables can do it.
    fn is_of_owner(&self) -> bool {
        self.kind == "rebuild_all" || OF_PROJECTION.contains(&self.kind.as_str())
    }

    fn is_of_dead_letters(&self) -> bool {
        OF_DEAD_LETTERS.contains(&self.kind.as_str())
    }

    /// What it is about, beside the projection: a key or an id, as much as a list has room for.
    pub(super) fn about(&self) -> Option<String> {
        let about = self.detail("key").or_else(|| self.detail("id"))?;
        Some(if about.chars().count() > 40 {
            about.chars().take(39).chain(['…']).collect()
        } else {
            about.to_owned()
        })
    }

    /// What is asked for, in words.
    fn title(&self) -> String {
        match (self.kind.as_str(), self.projection.as_str()) {
            ("rebuild_all", _) if self.details.0["outdated"] == true => "rebuild what is outdated".to_owned(),
            ("rebuild_all", _) => "rebuild all projections".to_owned(),
            ("cancel", "") => "cancel the rebuild of several projections".to_owned(),
            ("redrive_all", name) => format!("redrive all keys of {name}"),
            (kind, name) => format!("{kind} {name}"),
        }
    }

    fn detail(&self, name: &str) -> Option<&str> {
        self.details.0[name].as_str()
    }

    /// What it has shown of records is gone by now.
    fn is_forgotten(&self) -> bool {
        self.kind == "show" && self.outcome.as_deref() == Some("done") && self.answer.is_none()
    }

    /// The command that does the same.
    fn command(&self) -> String {
        let kind = &self.kind;
        let name = if self.projection.is_empty() { "--all" } else { &self.projection };
        let throttle =
            self.details.0["throttle"].as_u64().map_or_else(String::new, |it| format!(" --throttle {it}"));
        match kind.as_str() {
            "heal" => {
                return format!(
                    "karmyq projections rebuild {name} --key {}",
                    self.detail("id").unwrap_or_default()
                );
            }
            "rebuild_all" => {
                let which = if self.details.0["outdated"] == true { "--auto" } else { "--all" };
                return format!("karmyq projections rebuild {which}{throttle}");
            }
            "redrive_all" => return format!("karmyq dead-letters redrive-all {name}"),
            _ => {}
        }
        if self.is_of_owner() {
            return format!("karmyq projections {kind} {name}{throttle}");
        }
        let command = DeadLetters {
            reason: self.detail("reason"),
            offset: self.details.0["firstOffset"].as_i64(),
            whole_key: self.details.0["wholeKey"] == true,
            ..DeadLetters::of(kind, name, self.detail("key").unwrap_or_default(), self.detail("topic"))
        };
        command.to_string()
    }
}
