//! The composition root: from a configuration and a log to a router that serves and tasks that run.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use event_log::{Deployment, KeyRing, MasterKey, Servers, data_key_partitions};
use event_schemas::Domain;
use futures::future::try_join;
use service_kit::auth::{Authenticator, PublicKeys, Revocations, Signer, Verifier};
use service_kit::config::Profile;
use service_kit::health::{Gate, Health};
use service_kit::middleware::Stack;
use service_kit::middleware::rate_limit::{Class, RateLimits};
use service_kit::refusal::Refusal;
use service_kit::{postgres, serve, telemetry};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use crate::accounts::failures::MOST_FAILURES;
use crate::accounts::tokens::Tokens;
use crate::accounts::{Accounts, completion};
use crate::app::{App, Parts};
use crate::config::Config;
use crate::edge::fingerprint::FingerprintKey;
use crate::edge::forward::Forwarder;
use crate::fresh::Fresh;
use crate::views::Replicas;
use crate::writer::{self, Attendance, Clock, SnapshotConfig, WriterConfig, WriterThread};
use crate::{operators, router};

/// Until the headers of an answer: longer than a forwarded call takes at most.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// How long a process that is to stop goes on to serve until it has left the writers' group; by then it has left, or a
/// hanging broker keeps it.
const LEAVING: Duration = Duration::from_secs(5);

/// A running command-api.
#[derive(Debug)]
pub struct Service {
    /// Everything that it answers.
    router: Router,
    /// Says that the process is to stop, so that nobody is sent here any more.
    staying: Gate,
    attendance: Attendance,
    /// Stops the writer, and whatever else runs beside the router.
    stop: CancellationToken,
    /// Ends when all partitions are given back.
    writer: JoinHandle<()>,
    _thread: WriterThread,
}

impl Service {
    /// Serves until the signal. The partitions go first, while calls are still answered, most of them by the next owners, to
    /// whom they are sent; were the door closed first, nobody could write to those partitions meanwhile. Then requests in
    /// flight end.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn serve(self, listener: TcpListener, signal: CancellationToken) -> io::Result<()> {
        let close = CancellationToken::new();
        let leaving = async {
            signal.cancelled().await;
            self.staying.close("the process stops");
            if tokio::time::timeout(LEAVING, self.attendance.drain()).await.is_err() {
                warn!(limit_s = LEAVING.as_secs(), "the writers' group is not left yet, closing the door");
            }
            close.cancel();
            Ok(())
        };
        let served = try_join(serve::serve(listener, self.router, close.clone()), leaving).await;
        // Only now: until here commands that were accepted had a writer to answer them.
        self.stop.cancel();
        if let Err(error) = self.writer.await {
            error!(%error, "the writer ended by a fault");
        }
        served.map(drop)
    }
}

/// Connects to Kafka and the registry. Only on a developer's machine are missing schemas registered on the way.
///
/// # Errors
/// A [`Refusal`] when they are not what the contract says (invariant W4); else when they are away for too long.
pub async fn connect(config: &Config) -> anyhow::Result<Deployment> {
    let servers = Servers {
        kafka: &config.kafka,
        registry: &config.registry,
        profile: config.topics,
        registers: config.profile == Profile::Local,
    };
    let found = Deployment::connect(servers).await.context("topics and schemas cannot be looked at")?;
    Ok(found.map_err(Refusal::because)?)
}

/// Starts everything but the listener; see [`Service::serve`].
///
/// # Errors
/// When a key cannot be used, or the log cannot be read.
pub async fn start(config: Config, deployment: Deployment) -> anyhow::Result<Service> {
    let stop = CancellationToken::new();
    let Deployment { log, decoder, encoder } = deployment;
    let pool = postgres::pool(&config.database, &postgres::Options::for_service("command-api"))
        .context("DATABASE_URL cannot be used")?;
    let verifier = Arc::new(Verifier::new(PublicKeys::from_directory(&config.keys.token_public)?));
    let signer = Signer::new(&config.keys.token_signing, &verifier)?;
    let revocations = Revocations::follow_with_patience(pool.clone(), stop.clone());
    let tokens = Tokens::new(signer, config.operators.clone());
    let accounts = Accounts::new(pool.clone(), tokens, revocations.clone(), &config.keys.master)?;

    let keys = KeyRing::follow(
        Arc::clone(&log),
        decoder.clone(),
        encoder.clone(),
        MasterKey::new(config.keys.master.expose()),
        data_key_partitions(config.topics),
        stop.clone(),
    );
    let views = Replicas::follow(Arc::clone(&log), decoder.clone(), config.topics, stop.clone());
    let (keys, views) = (keys.await.context("data keys")?, views.await.context("views")?);
    let parts = writer::Parts { log, decoder, encoder, keys, views: views.clone(), clock: Clock::system() };
    let thread = WriterThread::start().context("a thread for the writer")?;
    let (writer, writing) = thread.writer(writer_config(&config), parts, stop.clone()).await?;

    let health = health(&pool, &writer, config.domains.len());
    let (attendance, staying) = (writer.attendance().clone(), health.gate("process"));
    staying.open();
    revocations.gate(&health);
    let limits = RateLimits::new(config.rate_limits_disabled, config.rate_limit_multiplier);
    let fingerprints = FingerprintKey::new(config.keys.fingerprint.expose());
    let operators = operators::routes(fingerprints.clone(), &config.advertised_url, attendance.clone());
    let forwarder = Forwarder::new(&config.advertised_url, fingerprints.clone())?;
    let app = App::new(Parts {
        writer,
        memberships: Fresh::new(views.clone(), &[Domain::Community]),
        views,
        accounts,
        fingerprints,
        require_verified_email: config.require_verified_email,
        most_failed_logins: most_failed_logins(&config),
    });
    tokio::spawn(completion::run(app.clone(), stop.clone()));
    let stack = Stack {
        authenticator: Authenticator::new(verifier, revocations),
        limits: limits.clone(),
        class: Class::Commands,
        allowed_origins: config.allowed_origins,
        time_limit: TIME_LIMIT,
        places: Arc::new(Semaphore::new(config.max_concurrent_calls.get())),
        uncounted: Some(forwarder.hops()),
        people: None,
    };
    let router = stack.around(router::routes(app, forwarder, &limits));
    let router = router.merge(operators).merge(health.routes()).merge(telemetry::metrics::routes());
    Ok(Service { router, staying, attendance, stop, writer: writing, _thread: thread })
}

fn writer_config(config: &Config) -> WriterConfig {
    WriterConfig {
        domains: config.domains.clone(),
        profile: config.topics,
        instance: format!("command-api-{}", Uuid::now_v7()).into(),
        address: config.advertised_url.as_str().into(),
        session_timeout: Duration::from_secs(6),
        queue: config.max_concurrent_calls.get(),
        window_records: 5_000,
        ledger_capacity: 2_000_000,
        snapshots: SnapshotConfig { every: config.snapshot_every, ..SnapshotConfig::default() },
    }
}

/// Ready when PostgreSQL answers, and every assigned partition is served and none is left of an earlier process here, or
/// an operator took the instance out.
fn health(pool: &PgPool, writer: &writer::Handle, domains: usize) -> Health {
    let health = Health::new("command-api");
    health.postgres(pool);
    let writer = writer.clone();
    health.probe("partitions", move || {
        let stuck = writer.serving().stuck_reasons();
        let served = writer.serving().count();
        let left_behind = writer.left_behind().len();
        let drained = writer.attendance().is_out();
        async move {
            match (stuck.as_slice(), served) {
                // An operator wants it so, and what comes in is forwarded.
                _ if drained => Ok(()),
                ([], 0) if domains > 0 => Err("no partition is served yet".to_owned()),
                ([], _) if left_behind > 0 => {
                    Err(format!(
                        "{left_behind} partitions belong to another process at this address: an earlier one, until it has \
                         timed out, or one that is configured alike"
                    ))
                }
                ([], _) => Ok(()),
                (reasons, _) => Err(reasons.join("; ")),
            }
        }
    });
    health
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i32")]
fn most_failed_logins(config: &Config) -> Option<i32> {
    let scaled = f64::from(MOST_FAILURES) * config.rate_limit_multiplier;
    (!config.rate_limits_disabled).then_some(scaled.round().clamp(1.0, f64::from(i32::MAX)) as i32)
}
