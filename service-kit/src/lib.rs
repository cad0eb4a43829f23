//! What every karmyq service repeats, and nothing else.
//!
//! `config` reads the environment and tells all faults at once · `telemetry` is logs, traces and metrics · `answer` is
//! the JSON envelope with its error codes · `auth` checks and issues access tokens · `middleware` is what a request
//! passes before it meets a route · `routes` names what is below the base path · `health` says ready or why not · `refusal`
//! is a start that would do harm · `postgres` opens the pool · `serve` listens and `shutdown` ends in order · `shell` is
//! commands for people to copy. A `main` reads like this:
//!
//! ```no_run
//! # use service_kit::{config, health::Health, serve, shutdown, telemetry};
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut settings = config::Reader::from_environment();
//! let listen = settings.required("QUERY_API_LISTEN");
//! let listen: std::net::SocketAddr = settings.build(|| listen)?;
//! let _telemetry = telemetry::start("query-api")?;
//! let shutdown = shutdown::on_signal();
//! let router = axum::Router::new().merge(Health::new("query-api").routes()).merge(telemetry::metrics::routes());
//! serve::serve(serve::bind(listen).await?, router, shutdown).await?;
//! # Ok(())
//! # }
//! ```

pub mod answer;
pub mod auth;
pub mod config;
pub mod health;
pub mod middleware;
pub mod postgres;
pub mod refusal;
pub mod routes;
pub mod serve;
pub mod shell;
pub mod shutdown;
pub mod telemetry;

/// The allocator of every binary that links this crate. Requests are made on one thread and dropped on another, where the
/// system's allocator took a third of command-api's time, much of it waiting for its own locks.
#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The system's allocator, counting: how often it is asked does not depend on which one it is.
#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// What this process has asked of the allocator so far.
#[derive(Clone, Copy, Debug)]
pub struct Allocated {
    /// How often it asked for memory, to have it grow included.
    pub times: u64,
    /// Bytes that it has now.
    pub bytes: u64,
}

/// Counts what is allocated; none unless the feature `count-allocations` is on. Libraries in C are not counted.
#[must_use]
pub fn allocated() -> Option<Allocated> {
    #[cfg(feature = "count-allocations")]
    {
        let stats = ALLOCATOR.stats();
        let times = u64::try_from(stats.allocations + stats.reallocations).ok()?;
        let bytes = u64::try_from(stats.bytes_allocated - stats.bytes_deallocated).ok()?;
        Some(Allocated { times, bytes })
    }
    #[cfg(not(feature = "count-allocations"))]
    None
}
