//! Name, place and the like: what a community tells about itself.

use event_schemas::community::{CommunityCreated, CommunityUpdated};
use serde::{Deserialize, Serialize};

use crate::text::{Fault, FieldFault, Text, fold};

/// What a community tells about itself. Its cap is kept in [`super::Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Where it is, in words.
    pub location: Option<String>,
    /// What kind of neighbourhood it is.
    pub category: Option<String>,
    /// Whether joining needs approval.
    pub access_type: AccessType,
    /// What it is for.
    pub community_type: CommunityType,
    /// Its tags.
    pub tags: Tags,
    /// Where it is on Earth.
    pub coordinates: Option<Coordinates>,
}

impl Details {
    pub(super) fn created(event: &CommunityCreated) -> Self {
        Self {
            name: event.name.clone(),
            description: event.description.clone(),
            location: event.location.clone(),
            category: event.category.clone(),
            access_type: AccessType::or_stricter(&event.access_type),
            community_type: CommunityType::named(&event.community_type).unwrap_or_default(),
            tags: Tags::default(),
            coordinates: None,
        }
    }

    pub(super) fn updated(&mut self, event: &CommunityUpdated) {
        let cleared = |field: &str| event.cleared.iter().any(|it| it == field);
        let fold = |field: &mut Option<String>, new: &Option<String>, name: &str| {
            if new.is_some() || cleared(name) {
                field.clone_from(new);
            }
        };
        fold(&mut self.description, &event.description, "description");
        fold(&mut self.location, &event.location, "location");
        fold(&mut self.category, &event.category, "category");
        if let Some(name) = &event.name {
            self.name.clone_from(name);
        }
        if let Some(access_type) = &event.access_type {
            self.access_type = AccessType::or_stricter(access_type);
        }
        if let Some(tags) = &event.tags {
            self.tags = Tags(tags.clone());
        }
        if let (Some(lat), Some(lng)) = (event.lat, event.lng) {
            self.coordinates = Some(Coordinates { lat, lng });
        }
    }
}

/// What a community is called.
pub type Name = Text<3, 255>;
/// What it is about.
pub type Description = Text<0, 2000>;
/// Where it is, in words.
pub type Location = Text<0, 255>;
/// What kind of neighbourhood it is.
pub type Category = Text<0, 100>;

/// No community has more active members.
pub(super) const MOST_MEMBERS: i32 = 150;

/// Most active members of one community, 1-150.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberCap(i32);

impl MemberCap {
    /// A cap of so many.
    ///
    /// # Errors
    /// The [`Fault`] when it is not 1-150.
    pub fn parse(raw: i64) -> Result<Self, Fault> {
        match i32::try_from(raw) {
            Ok(cap @ 1..=MOST_MEMBERS) => Ok(Self(cap)),
            Ok(_) | Err(_) => Err(Fault::OutOfRange { min: 1.0, max: MOST_MEMBERS.into() }),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl Default for MemberCap {
    fn default() -> Self {
        Self(MOST_MEMBERS)
    }
}

/// Whether joining needs approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessType {
    /// Whoever joins is a member.
    #[default]
    Public,
    /// Somebody decides.
    Private,
}

impl AccessType {
    /// The name in events and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    /// The access type with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|it| it.name() == name)
    }

    /// The access type with this name; one that this code does not know lets nobody in without a decision.
    fn or_stricter(name: &str) -> Self {
        Self::named(name).unwrap_or(Self::Private)
    }
}

/// What a community is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommunityType {
    /// Helping each other.
    #[default]
    MutualAid,
    /// Anything else.
    Group,
}

impl CommunityType {
    /// The name in events and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MutualAid => "mutual_aid",
            Self::Group => "group",
        }
    }

    /// The type with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::MutualAid, Self::Group].into_iter().find(|it| it.name() == name)
    }
}

/// At most 20 tags of 1-50 characters, lower case, each once, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags(Vec<String>);

impl Tags {
    /// Normalizes and checks what a client sent; paths of faults begin with `tags`.
    ///
    /// # Errors
    /// All faults.
    pub fn parse<'a>(raw: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<FieldFault>> {
        let (mut tags, mut faults) = (Vec::<String>::new(), Vec::new());
        for (n, raw) in raw.into_iter().enumerate() {
            match Text::<1, 50>::parse(raw).map(|it| it.as_str().to_lowercase()) {
                Ok(tag) if tags.contains(&tag) => {}
                Ok(tag) => tags.push(tag),
                Err(fault) => faults.push(FieldFault::new(format!("tags[{n}]"), fault)),
            }
        }
        if tags.len() > 20 {
            faults.push(FieldFault::new("tags", Fault::TooMany { max: 20 }));
        }
        if faults.is_empty() { Ok(Self(tags)) } else { Err(faults) }
    }

    /// The tags.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// A point on Earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coordinates {
    lat: f64,
    lng: f64,
}

impl Coordinates {
    /// The point at these degrees.
    ///
    /// # Errors
    /// All faults: a latitude beyond ±90, a longitude beyond ±180.
    pub fn parse(lat: f64, lng: f64) -> Result<Self, Vec<FieldFault>> {
        let within = |field: &str, value: f64, most: f64| {
            let fault = Fault::OutOfRange { min: -most, max: most };
            (!(-most..=most).contains(&value)).then(|| FieldFault::new(field, fault))
        };
        let faults: Vec<_> =
            [within("lat", lat, 90.0), within("lng", lng, 180.0)].into_iter().flatten().collect();
        if faults.is_empty() { Ok(Self { lat, lng }) } else { Err(faults) }
    }

    /// Degrees north, -90 to 90.
    #[must_use]
    pub const fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east, -180 to 180.
    #[must_use]
    pub const fn lng(self) -> f64 {
        self.lng
    }
}

/// What makes two communities the same: name and place, whatever their case and spaces. No two active ones share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The folded name.
    pub name: String,
    /// The folded place; empty when there is none.
    pub location: String,
}

impl Identity {
    /// The identity of a community with this name and place.
    #[must_use]
    pub fn of(name: &str, location: Option<&str>) -> Self {
        Self { name: fold(name), location: fold(location.unwrap_or_default()) }
    }
}
