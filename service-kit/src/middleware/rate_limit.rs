//! Rate limits in fixed windows, after authentication: per user, else per address.
//!
//! Counts live in this process, so with several instances behind a balancer a client gets a multiple of the figure; a
//! shared store is to replace [`RateLimits`] then. Because commands and reads are served by different processes, their
//! common figure (300 a minute) is not looked at: each has its own, lower one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::answer::Problem;
use crate::auth::Authentication;

/// Calls of a window.
pub(super) const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// Calls left.
pub(super) const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds until the window ends.
pub(super) const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const SHARDS: usize = 16;
/// Windows of a shard beyond which those that have ended are dropped.
const SWEEP_AT: usize = 8_192;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Every command: 100 a minute.
    Commands,
    /// Every read: 200 a minute.
    Reads,
    /// Registration, password, e-mail: 10 in 15 minutes per address.
    Account,
    /// Login and second factor: 10 failures in 15 minutes per address.
    Login,
    /// Refresh of tokens: 60 in 15 minutes per address.
    Refresh,
    /// Exports and erasure: 5 an hour.
    Exports,
    /// Jobs: 10 an hour per address.
    Jobs,
}

impl Class {
    const fn figure(self) -> (u32, Duration) {
        match self {
            Self::Commands => (100, MINUTE),
            Self::Reads => (200, MINUTE),
            Self::Account | Self::Login => (10, Duration::from_secs(900)),
            Self::Refresh => (60, Duration::from_secs(900)),
            Self::Exports => (5, HOUR),
            Self::Jobs => (10, HOUR),
        }
    }

    const fn per_address(self) -> bool {
        matches!(self, Self::Account | Self::Login | Self::Refresh | Self::Jobs)
    }

    const fn failures_only(self) -> bool {
        matches!(self, Self::Login)
    }
}

/// Marks a request that is not counted here.
#[derive(Clone, Copy, Debug)]
pub struct Counted;

/// The counts. Clones share them.
#[derive(Clone, Debug)]
pub struct RateLimits(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// None: nothing is limited.
    multiplier: Option<f64>,
    hasher: RandomState,
    shards: [Mutex<HashMap<(Class, Who), Count>>; SHARDS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    User(Uuid),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Instant,
    calls: u32,
}

/// Where a caller is in a window.
struct Standing {
    limit: u32,
    calls: u32,
    reset: Duration,
}

impl RateLimits {
    /// Limits scaled by `RATE_LIMIT_MULTIPLIER`; `RATE_LIMIT_DISABLED` turns them off.
    #[must_use]
    pub fn new(disabled: bool, multiplier: f64) -> Self {
        Self(Arc::new(Counts {
            multiplier: (!disabled).then_some(multiplier.max(0.0)),
            hasher: RandomState::new(),
            shards: Default::default(),
        }))
    }

    /// Adds `calls` to the window and tells where the caller then is; none when nothing is limited.
    fn count(&self, class: Class, who: Who, calls: u32, now: Instant) -> Option<Standing> {
        let (figure, window) = class.figure();
        let limit = scaled(figure, self.0.multiplier?);
        let key = (class, who);
        let index = usize::try_from(self.0.hasher.hash_one(key) % (SHARDS as u64)).unwrap_or_default();
        let mut shard = self.0.shards[index].lock();
        if shard.len() >= SWEEP_AT {
            shard.retain(|(class, _), count| now.duration_since(count.since) < class.figure().1);
        }
        let count = shard.entry(key).or_insert(Count { since: now, calls: 0 });
        if now.duration_since(count.since) >= window {
            *count = Count { since: now, calls: 0 };
        }
        count.calls = count.calls.saturating_add(calls);
        Some(Standing {
            limit,
            calls: count.calls,
            reset: window.saturating_sub(now.duration_since(count.since)),
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of u32 before"
)]
fn scaled(figure: u32, multiplier: f64) -> u32 {
    (f64::from(figure) * multiplier).round().clamp(1.0, f64::from(u32::MAX)) as u32
}

/// Middleware, with `from_fn_with_state((limits, class), check)`, of single routes that count in a class of their own
/// beside the one of all routes.
pub async fn check(
    State((limits, class)): State<(RateLimits, Class)>,
    request: Request,
    next: Next,
) -> Response {
    pass(&limits, class, request, |request| next.run(request)).await
}

/// Counts a request and lets it go on, or refuses it.
pub(super) async fn pass<F>(
    limits: &RateLimits,
    class: Class,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    if request.extensions().get::<Counted>().is_some() {
        return next(request).await;
    }
    let who = who(&request, class);
    let now = Instant::now();
    let counted_before = u32::from(!class.failures_only());
    let Some(standing) = limits.count(class, who, counted_before, now) else {
        return next(request).await;
    };
    // Of what counts afterwards, the limit is reached when the next failure would be one too many.
    if standing.calls + (1 - counted_before) > standing.limit {
        return with_headers(Problem::rate_limited(standing.reset).into_response(), &standing);
    }
    let response = next(request).await;
    let failed = response.status().is_client_error();
    match class.failures_only() && failed {
        true => match limits.count(class, who, 1, now) {
            Some(standing) => with_headers(response, &standing),
            None => response,
        },
        false => with_headers(response, &standing),
    }
}

/// The limit nearest to the route is told; an outer one does not overwrite it.
fn with_headers(mut response: Response, standing: &Standing) -> Response {
    if !response.headers().contains_key(LIMIT) {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(standing.limit));
        headers.insert(REMAINING, HeaderValue::from(standing.limit.saturating_sub(standing.calls)));
        headers.insert(RESET, HeaderValue::from(standing.reset.as_secs()));
    }
    response
}

fn who(request: &Request, class: Class) -> Who {
    if !class.per_address()
        && let Some(Authentication::SignedIn(claims)) = request.extensions().get::<Authentication>()
    {
        return Who::User(claims.user_id);
    }
    // Without connection info (a router called directly) everybody is the same.
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|it| it.0.ip());
    Who::Address(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}
