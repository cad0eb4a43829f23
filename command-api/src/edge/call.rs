//! A call as it came in: who, which route, which key, what body. Read once; everything after it trusts what it finds.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, MatchedPath, Query, RawPathParams, Request};
use axum::http::header::{IF_MATCH, USER_AGENT};
use axum::http::{HeaderMap, Method};
use domain::text::Fault;
use event_schemas::{Actor, CommunityId, CorrelationId, Metadata, SessionId, UserId};
use serde_json::{Map, Value};
use service_kit::answer::{FieldFault, JsonBody, Problem};
use service_kit::auth::{Authentication, Claims};
use service_kit::middleware::correlation;
use service_kit::routes::BASE_PATH;
use service_kit::telemetry::trace::TraceContext;

use super::Refused;
use super::admission::admit;
use super::fields::{self, Fields};
use super::fingerprint::Fingerprint;
use super::key::IDEMPOTENCY_KEY;
use crate::app::App;
use crate::writer::Origin;

/// Headers that name the community of a call; the first one counts.
const CONTEXT: [&str; 2] = ["x-community-context", "x-community-id"];

/// A call by anybody.
#[derive(Debug)]
pub(crate) struct Asked {
    authentication: Authentication,
    /// The matched route, as in `router`, below the base path.
    pub(super) route: String,
    ids: Vec<(String, String)>,
    body: Result<Value, Problem>,
    context: Option<CommunityId>,
    key: String,
    fingerprint: Fingerprint,
    expected_version: Option<i64>,
    /// Where it came from, for the list of one's sessions.
    pub(crate) device: Device,
}

/// What a session's owner knows it by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Device {
    /// `User-Agent`, at most 200 characters.
    pub(crate) user_agent: Option<String>,
    /// The network that the call came from: /24 of IPv4, /48 of IPv6.
    pub(crate) ip_prefix: Option<String>,
}

/// A call by a signed-in person.
#[derive(Debug)]
pub(crate) struct Call {
    /// The person.
    pub(crate) user: UserId,
    /// What their token says.
    pub(crate) claims: Arc<Claims>,
    asked: Asked,
}

impl Deref for Call {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl FromRequest<App> for Asked {
    type Rejection = Refused;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Refused> {
        let params =
            request.extract_parts::<RawPathParams>().await.map_err(|_| Problem::not_found("NOT_FOUND"))?;
        let ids: Vec<_> = params.iter().map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let (method, headers) = (request.method().clone(), std::mem::take(request.headers_mut()));
        let authentication = request.extensions().get::<Authentication>().cloned();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|it| it.0.ip());
        let query = Query::<HashMap<String, String>>::try_from_uri(request.uri()).unwrap_or_default().0;
        let bytes = Bytes::from_request(request, app).await.map_err(|_| Problem::payload_too_large())?;
        let body = body(&bytes);
        let context = context(&headers, &query, body.as_ref().ok())?;
        let route = route.as_ref().map_or("", MatchedPath::as_str).trim_start_matches(BASE_PATH);
        Ok(Self {
            authentication: authentication.unwrap_or(Authentication::Anonymous),
            fingerprint: fingerprint(app, &method, route, &ids, &body, &bytes),
            route: route.to_owned(),
            ids,
            context,
            key: key(&headers),
            expected_version: expected_version(&headers)?,
            device: Device::of(&headers, peer),
            body,
        })
    }
}

impl FromRequest<App> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let asked = Asked::from_request(request, app).await?;
        let claims = asked.claims()?;
        admit(app, &asked, &claims).await?;
        Ok(Self { user: UserId::new(claims.user_id), claims, asked })
    }
}

impl Call {
    /// What the writer is told about the call.
    pub(crate) fn origin(&self) -> Origin {
        self.asked.origin_of(Some(&self.claims))
    }
}

impl Asked {
    /// The claims of the caller's token.
    ///
    /// # Errors
    /// 401 without a token that counts.
    pub(crate) fn claims(&self) -> Result<Arc<Claims>, Problem> {
        match &self.authentication {
            Authentication::SignedIn(claims) => Ok(Arc::clone(claims)),
            Authentication::Refused(error) => Err((*error).into()),
            Authentication::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// What the writer is told about a call that needs no token.
    pub(crate) fn anonymous_origin(&self) -> Origin {
        self.origin_of(None)
    }

    /// An id of the path. What is no UUID names nothing.
    ///
    /// # Errors
    /// 404 with this code.
    pub(crate) fn id<T: FromStr>(&self, name: &str, not_found: &'static str) -> Result<T, Problem> {
        self.segment(name).parse().map_err(|_| Problem::not_found(not_found))
    }

    /// A segment of the path as it stands there.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.ids.iter().find(|(it, _)| it == name).map_or("", |(_, id)| id)
    }

    /// Reads the body.
    ///
    /// # Errors
    /// 400 `VALIDATION_ERROR` with all faults.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problem> {
        fields::read(self.body.as_ref().map_err(Clone::clone)?, read)
    }

    /// Lets the domain read the body.
    ///
    /// # Errors
    /// 400 `VALIDATION_ERROR` with all faults.
    pub(crate) fn read_with<T>(
        &self,
        parse: impl FnOnce(&Map<String, Value>) -> Result<T, Vec<domain::text::FieldFault>>,
    ) -> Result<T, Problem> {
        fields::read_with(self.body.as_ref().map_err(Clone::clone)?, parse)
    }

    /// The members of the body.
    ///
    /// # Errors
    /// 400 `VALIDATION_ERROR` when it is no object.
    pub(crate) fn members(&self) -> Result<&Map<String, Value>, Problem> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        let body = self.body.as_ref().map_err(Clone::clone)?;
        if let Value::Object(members) = body {
            return Ok(members);
        }
        if body.is_null() { Ok(&NONE) } else { Err(fields::not_an_object(body)) }
    }

    /// The community that header or query name.
    pub(crate) const fn context(&self) -> Option<CommunityId> {
        self.context
    }

    fn origin_of(&self, claims: Option<&Claims>) -> Origin {
        let user = claims.map(|it| it.user_id);
        let command_id = self.fingerprint.command_id(user, &self.key);
        let correlation_id = correlation::adopt(command_id.uuid());
        let trace = TraceContext::current().map(|it| it.traceparent);
        Origin {
            command_id,
            fingerprint: self.fingerprint.short(),
            correlation_id: CorrelationId::parse(correlation_id.as_str())
                .unwrap_or_else(|_| CorrelationId::from(command_id)),
            actor: user.map(|it| Actor::User(UserId::new(it))),
            metadata: Metadata {
                user_id: user.map(UserId::new),
                session_id: claims.map(|it| SessionId::new(it.sid)),
                traceparent: trace.clone(),
            },
            traceparent: trace,
            expected_version: self.expected_version,
        }
    }
}

/// The JSON of a body; null when there is none.
fn body(bytes: &Bytes) -> Result<Value, Problem> {
    if bytes.is_empty() { Ok(Value::Null) } else { JsonBody::parse(bytes).map(|it| it.0) }
}

fn fingerprint(
    app: &App,
    method: &Method,
    route: &str,
    ids: &[(String, String)],
    body: &Result<Value, Problem>,
    bytes: &Bytes,
) -> Fingerprint {
    let ids: Vec<_> = ids.iter().map(|(_, id)| id.as_str()).collect();
    match body {
        Ok(body) => app.fingerprints.of(method.as_str(), route, &ids, body),
        // Routes that need no body ignore one that is no JSON, yet it is part of what makes the call this one.
        Err(_) => {
            let text = Value::String(String::from_utf8_lossy(bytes).into_owned());
            app.fingerprints.of(method.as_str(), route, &ids, &text)
        }
    }
}

/// `key::ensure` has put one there.
fn key(headers: &HeaderMap) -> String {
    headers.get(IDEMPOTENCY_KEY).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
}

/// `If-Match: "7"`; `*` asks for nothing.
fn expected_version(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(text);
    let natural = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    match digits.parse() {
        Ok(version) if natural => Ok(Some(version)),
        _ => Err(header_fault("If-Match", Fault::Malformed("a version in quotes, as in \"7\""))),
    }
}

/// The community that a header names, else the query. The body must not name another one.
fn context(
    headers: &HeaderMap,
    query: &HashMap<String, String>,
    body: Option<&Value>,
) -> Result<Option<CommunityId>, Problem> {
    let header = CONTEXT.iter().find_map(|name| headers.get(*name));
    let header = header.map(|it| it.to_str().unwrap_or_default());
    let parse = |text: &str| {
        text.trim().parse().map_err(|_| header_fault("X-Community-Context", Fault::Malformed("a UUID")))
    };
    let named = [header, query.get("community_id").map(String::as_str)];
    let named: Vec<CommunityId> = named.into_iter().flatten().map(parse).collect::<Result<_, _>>()?;
    // One that is no id is a fault of the body, which its reader tells.
    let in_body = body.and_then(|it| it.get("communityId")?.as_str()?.trim().parse().ok());
    let mut all = named.iter().copied().chain(in_body);
    let first = all.next();
    if all.any(|it| Some(it) != first) {
        return Err(header_fault(
            "X-Community-Context",
            Fault::Malformed("the community that the call names"),
        ));
    }
    Ok(named.first().copied())
}

fn header_fault(name: &str, fault: Fault) -> Problem {
    Problem::validation(vec![FieldFault::new(name, fault.code(), format!("{name} {fault}"))])
}

impl Device {
    fn of(headers: &HeaderMap, peer: Option<IpAddr>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
        let first_hop = text("x-forwarded-for").and_then(|it| it.split(',').next()?.trim().parse().ok());
        Self {
            user_agent: text(USER_AGENT.as_str()).map(|it| it.chars().take(200).collect()),
            ip_prefix: first_hop.or(peer).map(prefix),
        }
    }
}

fn prefix(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests;
