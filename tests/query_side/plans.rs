//! How PostgreSQL carries out what the GET routes ask, on large read models (`KARMYQ_BIG` requests, 100 000 unless set).
//!
//! `calls` makes calls of every route and parameter that OpenAPI describes, so a new one is covered once it is described,
//! which `documents` sees to. The server explains each statement to the connection that ran it, functions of ours
//! included (`explained`); `plan` judges: nothing may read a growing table from end to end, look at more rows than an
//! answer can need, or ask for every row who calls.

mod calls;
mod explained;
mod plan;

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::fixture::{World, administer};
use crate::rows;
use calls::Subjects;

/// Requests, unless `KARMYQ_BIG` says otherwise.
const REQUESTS: u64 = 100_000;

/// How often each call is made: PostgreSQL plans a statement anew until it has seen it five times on a connection, and
/// then decides whether a plan for any parameters is as good. Calls that come one after the other share a connection.
const TIMES: usize = 7;

/// Routes that ask PostgreSQL nothing.
const WITHOUT_ROWS: [&str; 1] = ["/feed/preferences"];

#[tokio::test]
async fn no_route_reads_more_of_a_growing_table_than_its_answer_needs() {
    explained::listen();
    let world = World::after(async |database| {
        let requests =
            std::env::var("KARMYQ_BIG").map_or(REQUESTS, |it| it.parse().expect("KARMYQ_BIG is a number"));
        rows::fill(database, requests, &[]).await;
        explain_everything(database).await;
    })
    .await;
    let subjects = Subjects::of(&world).await;
    let (mut faults, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for call in calls::of_every_route(&subjects) {
        for _ in 0..TIMES {
            explained::drain();
            let answered = calls::answered(&world, &subjects, &call).await;
            let statements = explained::drain();
            if answered && statements.is_empty() {
                silent.insert(call.route.clone());
            }
            faults.extend(plan::faults(&call, &statements));
        }
    }
    world.drop().await;
    let told: Vec<_> = faults.into_iter().collect();
    assert_eq!(silent.into_iter().collect::<Vec<_>>(), WITHOUT_ROWS, "every other answer needs rows");
    assert!(told.is_empty(), "{} faults:\n{}", told.len(), told.join("\n"));
}

/// Lets the server explain every statement of query-api to the connection that ran it.
async fn explain_everything(database: &str) {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
        ("auto_explain.log_verbose", "on"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_level", "notice"),
    ];
    for (name, value) in settings {
        administer(format!("ALTER ROLE karmyq_query IN DATABASE {database} SET {name} = '{value}'")).await;
    }
}

impl Subjects {
    /// Somebody with a full inbox who is admin of a community, with things that are theirs.
    async fn of(world: &World) -> Self {
        let one = async |sql: &str| -> Uuid {
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
                .fetch_one(&world.projector)
                .await
                .expect("there is one")
        };
        let caller = one(
            "SELECT user_id FROM notifications.notifications GROUP BY user_id ORDER BY count(*) DESC LIMIT 1",
        )
        .await;
        let community = one(&format!(
            "SELECT community_id FROM community.memberships WHERE user_id = '{caller}' AND role = 'admin'"
        ))
        .await;
        let neighbour = format!(
            "SELECT user_id FROM community.memberships WHERE community_id = '{community}' AND user_id <> '{caller}' LIMIT 1"
        );
        let request = format!(
            "SELECT id FROM requests.help_requests WHERE status = 'open' AND '{community}' = ANY (community_ids) LIMIT 1"
        );
        let meeting = format!("SELECT id FROM requests.matches WHERE responder_id = '{caller}' LIMIT 1");
        Self {
            caller,
            community,
            neighbour: one(&neighbour).await,
            request: one(&request).await,
            meeting: one(&meeting).await,
        }
    }
}
