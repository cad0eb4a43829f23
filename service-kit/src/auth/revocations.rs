//! Sessions that ended before their access tokens did.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sqlx::PgPool;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::TokenError;
use crate::health::Health;

/// How often the list is read again. A revoked session must be refused within five seconds.
const INTERVAL: Duration = Duration::from_millis(1_500);
/// A list older than this says nothing any more.
const STALE: Duration = Duration::from_secs(5);

/// The sessions revoked within the life of a token, as `auth.revoked_sids` tells. Clones share the list.
#[derive(Clone, Debug)]
pub struct Revocations(Arc<ArcSwap<Known>>);

#[derive(Clone, Debug)]
struct Known {
    sids: HashSet<Uuid>,
    trust: Trust,
}

/// How long the list says something.
#[derive(Clone, Copy, Debug)]
enum Trust {
    /// It was never read.
    Unread,
    /// It was true then, and soon is too old.
    AsOf(Instant),
    /// It needs no renewal.
    Lasting,
}

impl Revocations {
    /// Nothing is revoked, ever: for processes without accounts.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Known { sids: HashSet::new(), trust: Trust::Lasting })))
    }

    /// Follows the database until the shutdown. Until the first answer, and when it has not answered for five seconds,
    /// no token is accepted: 503.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    #[must_use]
    pub fn follow(pool: PgPool, shutdown: CancellationToken) -> Self {
        Self::reading(pool, shutdown, true)
    }

    /// Follows the database until the shutdown, and goes on with the last list while the database is away: whoever
    /// revokes a session needs the database, too. Until the first answer no token is accepted.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    #[must_use]
    pub fn follow_with_patience(pool: PgPool, shutdown: CancellationToken) -> Self {
        Self::reading(pool, shutdown, false)
    }

    fn reading(pool: PgPool, shutdown: CancellationToken, grows_stale: bool) -> Self {
        let start = Known { sids: HashSet::new(), trust: Trust::Unread };
        let revocations = Self(Arc::new(ArcSwap::from_pointee(start)));
        tokio::spawn(shutdown.run_until_cancelled_owned(revocations.clone().keep_reading(pool, grows_stale)));
        revocations
    }

    /// Ends a session here at once, before the database is read again.
    pub fn revoke(&self, sid: Uuid) {
        self.0.rcu(|known| {
            let mut known = Known::clone(known);
            known.sids.insert(sid);
            known
        });
    }

    /// Whether tokens of the session still count.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when it was revoked, [`TokenError::RevocationsUnknown`] when the list is too old.
    pub fn check(&self, sid: Uuid) -> Result<(), TokenError> {
        let known = self.0.load();
        if known.sids.contains(&sid) {
            return Err(TokenError::Invalid);
        }
        known.holds()
    }

    /// Adds the condition that the list is known: before it is, every token would be refused.
    pub fn gate(&self, health: &Health) {
        let revocations = self.clone();
        health.probe("revoked_sessions", move || {
            std::future::ready(revocations.0.load().holds().map_err(|it| it.to_string()))
        });
    }

    async fn keep_reading(self, pool: PgPool, grows_stale: bool) {
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            let trust = if grows_stale { Trust::AsOf(Instant::now()) } else { Trust::Lasting };
            match sqlx::query_scalar("SELECT session_id FROM auth.revoked_sids").fetch_all(&pool).await {
                Ok(sids) => self.0.store(Arc::new(Known { sids: sids.into_iter().collect(), trust })),
                Err(error) => warn!(%error, "the revoked sessions could not be read"),
            }
        }
    }
}

impl Known {
    fn holds(&self) -> Result<(), TokenError> {
        match self.trust {
            Trust::Lasting => Ok(()),
            Trust::AsOf(then) if then.elapsed() <= STALE => Ok(()),
            Trust::AsOf(_) | Trust::Unread => Err(TokenError::RevocationsUnknown),
        }
    }
}
