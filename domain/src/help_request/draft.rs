//! What a person writes into a request: bodies parsed into what the commands carry, all faults at once.

use event_schemas::Timestamp;
use serde_json::{Map, Value};

use super::payload;
use super::reading::{Faults, instant, text};
use super::values::{RequestType, Scope, Urgency};
use crate::Patch;
use crate::reading::{Body, whole};
use crate::text::{Fault, Text};

/// Title of a request.
pub type Title = Text<5, 200>;
/// Description of a request.
pub type Description = Text<10, 2000>;

/// Characters of the description that serve as title when there is none.
const TITLE_FROM_DESCRIPTION: usize = 80;
/// Longest trust path when none is named.
const DEFAULT_DEGREES: i32 = 3;

/// A request as its author wrote it, with the defaults that depend on nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What kind of help is asked.
    pub request_type: RequestType,
    /// Title, 5-200 characters; absent: the beginning of the description serves.
    pub title: Option<Title>,
    /// Text, 10-2000 characters.
    pub description: Description,
    /// Category, at most 100 characters; absent: the name of the type serves.
    pub category: Option<Text<0, 100>>,
    /// How soon it is needed.
    pub urgency: Urgency,
    /// Who may see it beyond its communities; absent: what the first community says.
    pub scope: Option<Scope>,
    /// Longest trust path, 1-6.
    pub max_degrees: i32,
    /// When the help is needed.
    pub scheduled_at: Option<Timestamp>,
    /// Start of the preferred time.
    pub preferred_start_at: Option<Timestamp>,
    /// End of the preferred time, not before its start.
    pub preferred_end_at: Option<Timestamp>,
    /// Fields of the type, normalised; none for a generic request.
    pub payload: Option<Value>,
    /// What a helper must bring, a JSON object.
    pub requirements: Option<Value>,
}

impl Draft {
    /// Reads the body of a new request. Communities are not part of the draft and left to the caller.
    ///
    /// # Errors
    /// All faults, with their paths in the body.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Faults> {
        let mut body = Body::new(body);
        let request_type = request_type(&mut body);
        let title = body.optional("title", text);
        let description = body.required("description", text);
        let category = body.optional("category", text);
        let urgency = body.optional("urgency", urgency).unwrap_or(Urgency::Medium);
        let scope = body.optional("visibilityScope", scope);
        let max_degrees = body.optional("visibilityMaxDegrees", degrees).unwrap_or(DEFAULT_DEGREES);
        let scheduled_for = body.optional("scheduledFor", instant);
        let preferred_start_at = body.optional("preferredStart", instant);
        let preferred_end_at = body.optional("preferredEnd", instant);
        if ends_before_it_starts(preferred_start_at, preferred_end_at) {
            body.note("preferredEnd", END_BEFORE_START);
        }
        let payload = request_type.and_then(|it| {
            let written = body.optional("payload", any);
            payload::parse(it, written.as_ref()).map_err(|faults| body.note_all(faults.0)).ok().flatten()
        });
        let requirements = body.optional("requirements", payload::requirements);
        let scheduled_at = scheduled_for.or_else(|| payload::scheduled_at(request_type?, payload.as_ref()?));
        let draft = request_type.zip(description).map(|(request_type, description)| Self {
            request_type,
            title,
            description,
            category,
            urgency,
            scope,
            max_degrees,
            scheduled_at,
            preferred_start_at,
            preferred_end_at,
            payload,
            requirements,
        });
        Ok(body.finish(draft)?.expect("a missing value has its fault"))
    }

    /// The title, else the beginning of the description.
    #[must_use]
    pub fn title(&self) -> String {
        let beginning = || self.description.as_str().chars().take(TITLE_FROM_DESCRIPTION).collect::<String>();
        self.title.as_ref().map_or_else(|| beginning().trim_end().to_owned(), |it| it.as_str().to_owned())
    }

    /// The category in lower case, else the name of the type.
    #[must_use]
    pub fn category(&self) -> String {
        let name = || self.request_type.name().to_owned();
        self.category.as_ref().map_or_else(name, |it| it.as_str().to_lowercase())
    }
}

/// Changed fields of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// New title.
    pub title: Option<Title>,
    /// New text.
    pub description: Option<Description>,
    /// New urgency.
    pub urgency: Option<Urgency>,
    /// When the help is needed.
    pub scheduled_at: Patch<Timestamp>,
    /// Start of the preferred time.
    pub preferred_start_at: Patch<Timestamp>,
    /// End of the preferred time.
    pub preferred_end_at: Patch<Timestamp>,
    /// Fields of the type as written: what is right depends on the type, which the request knows.
    pub payload: Patch<Value>,
    /// What a helper must bring, a JSON object.
    pub requirements: Patch<Value>,
}

impl Edit {
    /// Reads the body of a change.
    ///
    /// # Errors
    /// All faults that do not depend on the request. A status is a fault: it follows from what happens.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Faults> {
        let mut body = Body::new(body);
        if body.names("status") {
            body.note("status", Fault::Unknown);
        }
        let edit = Self {
            title: body.change("title", text),
            description: body.change("description", text),
            urgency: body.change("urgency", urgency),
            scheduled_at: body.patch("scheduledFor", instant),
            preferred_start_at: body.patch("preferredStart", instant),
            preferred_end_at: body.patch("preferredEnd", instant),
            payload: body.patch("payload", any),
            requirements: body.patch("requirements", payload::requirements),
        };
        Ok(body.finish(edit)?)
    }

    /// Whether it names no field at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self {
            title,
            description,
            urgency,
            scheduled_at,
            preferred_start_at,
            preferred_end_at,
            payload,
            requirements,
        } = self;
        title.is_none()
            && description.is_none()
            && urgency.is_none()
            && !scheduled_at.is_named()
            && !preferred_start_at.is_named()
            && !preferred_end_at.is_named()
            && !payload.is_named()
            && !requirements.is_named()
    }
}

/// What is wrong with an end of the preferred time that lies before its start.
pub(super) const END_BEFORE_START: Fault = Fault::Malformed("not before preferredStart");

/// Whether the preferred time would run backwards.
pub(super) fn ends_before_it_starts(start: Option<Timestamp>, end: Option<Timestamp>) -> bool {
    start.zip(end).is_some_and(|(start, end)| end < start)
}

/// Absent is generic; an unknown type is a fault.
fn request_type(body: &mut Body<'_>) -> Option<RequestType> {
    let parse = |value: &Value| {
        value
            .as_str()
            .and_then(RequestType::named)
            .ok_or(Fault::NotAllowed("generic, ride, borrow, service, event"))
    };
    match body.patch("requestType", parse) {
        Patch::Set(request_type) => Some(request_type),
        Patch::Clear => Some(RequestType::Generic),
        Patch::Keep if body.names("requestType") => None,
        Patch::Keep => Some(RequestType::Generic),
    }
}

fn urgency(value: &Value) -> Result<Urgency, Fault> {
    value.as_str().and_then(Urgency::named).ok_or(Fault::NotAllowed("low, medium, high, urgent"))
}

fn scope(value: &Value) -> Result<Scope, Fault> {
    value.as_str().and_then(Scope::named).ok_or(Fault::NotAllowed("community, trust_network, platform"))
}

/// Clamped to 1-6.
fn degrees(value: &Value) -> Result<i32, Fault> {
    whole(i32::MIN, i32::MAX)(value).map(|it| it.clamp(1, 6))
}

fn any(value: &Value) -> Result<Value, Fault> {
    Ok(value.clone())
}
