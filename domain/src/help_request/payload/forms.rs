//! The fields of each type of request, as tables.

use serde_json::{Map, Value};

use super::RequestType;
use super::kind::Kind::{Boolean, Date, DateTime, Integer, Link, List, Number, Object, OneOf, Text};
use super::kind::{Field, Kind, UNRELATED, optional, or_default, required};
use crate::text::Fault;

/// The form of a type; none for a generic request, which has no payload.
pub(super) const fn of(request_type: RequestType) -> Option<Kind> {
    match request_type {
        RequestType::Generic => None,
        RequestType::Ride => Some(Object(RIDE, UNRELATED)),
        RequestType::Service => Some(Object(SERVICE, UNRELATED)),
        RequestType::Event => Some(Object(EVENT, UNRELATED)),
        RequestType::Borrow => Some(Object(BORROW, UNRELATED)),
    }
}

const RIDE: &[Field] = &[
    required("origin", PLACE),
    required("destination", PLACE),
    required("seatsNeeded", Integer(1, 10)),
    required("departureTime", DateTime),
    optional("preferences", Object(RIDE_PREFERENCES, UNRELATED)),
];

const PLACE: Kind = Object(
    &[
        required("address", Text(1, 300)),
        required("lat", Number(-90.0, 90.0)),
        required("lng", Number(-180.0, 180.0)),
    ],
    UNRELATED,
);

const RIDE_PREFERENCES: &[Field] = &[
    optional("womenOnly", Boolean),
    optional("petFriendly", Boolean),
    optional("wheelchairAccessible", Boolean),
    optional("luggageSpace", OneOf("small, medium, large")),
];

const SERVICE: &[Field] = &[
    required("serviceCategory", OneOf(SERVICE_CATEGORIES)),
    optional("skillLevelRequired", OneOf("beginner, intermediate, expert")),
    optional("estimatedDurationHours", Number(0.5, 80.0)),
    or_default("locationType", "on_site", OneOf("on_site, remote, hybrid, flexible")),
    optional("certificationsRequired", List(5, &LONG_TEXT)),
    optional("budgetRange", Object(BUDGET, maximum_below_minimum)),
    optional("preferredSchedule", Object(SCHEDULE, UNRELATED)),
];

const SERVICE_CATEGORIES: &str = "plumbing, electrical, carpentry, tutoring, consulting, repair, cleaning, gardening, \
    landscaping, photography, pet_care, childcare, elder_care, tech_support, legal, financial, other";

const BUDGET: &[Field] = &[
    optional("min", Number(0.0, f64::MAX)),
    optional("max", Number(0.0, f64::MAX)),
    optional("currency", OneOf("USD, EUR, GBP")),
];

const SCHEDULE: &[Field] = &[
    optional("days", List(7, &OneOf("mon, tue, wed, thu, fri, sat, sun"))),
    optional("timeOfDay", OneOf("morning, afternoon, evening, flexible")),
];

const EVENT: &[Field] = &[
    required("eventType", OneOf(EVENT_TYPES)),
    required("eventDate", Date),
    required("eventDurationHours", Number(0.5, 24.0)),
    required("participantsNeeded", Integer(1, 1000)),
    optional("location", Object(EVENT_LOCATION, link_or_address_missing)),
    optional("roles", List(10, &Object(EVENT_ROLE, UNRELATED))),
    optional("requirements", Object(EVENT_REQUIREMENTS, UNRELATED)),
    optional("recurring", Object(RECURRING, UNRELATED)),
];

const EVENT_TYPES: &str = "volunteer, community_cleanup, fundraiser, workshop, meetup, sports, cultural, educational, \
    social, other";

const EVENT_LOCATION: &[Field] = &[
    optional("address", Text(1, 300)),
    optional("lat", Number(-90.0, 90.0)),
    optional("lng", Number(-180.0, 180.0)),
    optional("isVirtual", Boolean),
    optional("virtualLink", Link(&["https://", "http://"])),
];

const EVENT_ROLE: &[Field] = &[
    required("roleName", LONG_TEXT),
    required("count", Integer(1, i32::MAX)),
    optional("description", LONG_TEXT),
];

const EVENT_REQUIREMENTS: &[Field] = &[
    optional("ageMinimum", Integer(0, 120)),
    optional("backgroundCheck", Boolean),
    optional("experienceRequired", Boolean),
];

const RECURRING: &[Field] = &[
    optional("isRecurring", Boolean),
    optional("frequency", OneOf("daily, weekly, biweekly, monthly")),
    optional("endDate", Date),
];

const BORROW: &[Field] = &[
    required("itemCategory", OneOf("tools, electronics, kitchen, books, sports, camping, party, other")),
    required("durationDays", Integer(1, 30)),
    optional("conditionMin", OneOf("fair, good, like_new, new")),
    optional("returnDate", Date),
    optional("images", List(5, &Link(&["https://"]))),
];

/// A text whose length only the size of the whole payload bounds.
const LONG_TEXT: Kind = Text(1, usize::MAX);

fn maximum_below_minimum(budget: &Map<String, Value>) -> Option<(&'static str, Fault)> {
    let amount = |name: &str| budget.get(name).and_then(Value::as_f64);
    let reversed = amount("max")? < amount("min")?;
    reversed.then_some(("max", Fault::Malformed("not below min")))
}

/// A virtual place needs its link, any other its address.
fn link_or_address_missing(location: &Map<String, Value>) -> Option<(&'static str, Fault)> {
    let is_virtual = location.get("isVirtual").and_then(Value::as_bool).unwrap_or(false);
    let needed = if is_virtual { "virtualLink" } else { "address" };
    (!location.contains_key(needed)).then_some((needed, Fault::Required))
}
