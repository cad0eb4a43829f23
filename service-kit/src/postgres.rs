//! The pool of PostgreSQL connections.

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::config::Secret;

/// Most connections of one process.
pub const MAX_CONNECTIONS: u32 = 20;

/// How a pool is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Shown by `pg_stat_activity`.
    pub application: &'static str,
    /// Most connections, 1-[`MAX_CONNECTIONS`].
    pub max_connections: u32,
    /// A statement that takes longer is cancelled by the server; none for bulk work.
    pub statement_timeout: Option<Duration>,
    /// Whether a connection plans a statement once, for any parameters. Where the same few statements look up few rows by
    /// indexes, planning each call anew takes longer than what it finds.
    pub plans_once: bool,
}

impl Options {
    /// All connections, statements of at most five seconds.
    #[must_use]
    pub const fn for_service(application: &'static str) -> Self {
        Self {
            application,
            max_connections: MAX_CONNECTIONS,
            statement_timeout: Some(Duration::from_secs(5)),
            plans_once: false,
        }
    }

    /// So many connections, and as much time as a statement takes: for bulk work and what somebody waits for at a terminal.
    #[must_use]
    pub const fn for_tool(application: &'static str, max_connections: u32) -> Self {
        Self { application, max_connections, statement_timeout: None, plans_once: false }
    }
}

/// A pool that connects when it is first used, so that a service starts while its database does; readiness tells.
///
/// # Errors
/// When the URL is none.
pub fn pool(url: &Secret, options: &Options) -> Result<PgPool, sqlx::Error> {
    let mut connect = PgConnectOptions::from_str(url.expose())?.application_name(options.application);
    if let Some(limit) = options.statement_timeout {
        connect = connect.options([("statement_timeout", format!("{}ms", limit.as_millis()))]);
    }
    if options.plans_once {
        connect = connect.options([("plan_cache_mode", "force_generic_plan")]);
    }
    Ok(PgPoolOptions::new()
        .max_connections(options.max_connections.clamp(1, MAX_CONNECTIONS))
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy_with(connect))
}

/// Whether the same call may succeed later: no connection, or the server cancelled or shut down.
#[must_use]
pub fn is_passing(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Database(error) = error {
        // 08 connection, 40 serialization and deadlock, 53 resources, 57 operator intervention (also statement timeout).
        return error
            .code()
            .is_some_and(|code| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)));
    }
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed
    )
}
