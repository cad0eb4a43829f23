//! The beginning and the end of a community, and its details in between.

use event_schemas::Timestamp;
use event_schemas::community::{CommunityArchived, CommunityCreated, CommunityEvent, CommunityUpdated};

use super::config::first_config;
use super::members::{Members, Via};
use super::{
    Active, ArchiveCommunity, CreateCommunity, Details, JoinRequests, Rejection, Role, SetLocation, SetTags,
    Tally, Terms, UpdateCommunity,
};
use crate::Patch;

impl CreateCommunity {
    pub(super) fn decide(&self, now: Timestamp) -> Result<Vec<CommunityEvent>, Rejection> {
        let created = CommunityCreated {
            community_id: self.community_id,
            creator_id: self.by,
            name: self.name.as_str().to_owned(),
            description: self.description.clone().map(String::from),
            location: self.location.clone().map(String::from),
            category: self.category.clone().map(String::from),
            access_type: self.access_type.name().to_owned(),
            community_type: self.community_type.name().to_owned(),
            max_members: self.max_members.get(),
            template_id: None,
        };
        let founder = Members::join(self.community_id, self.by, Role::Admin, Via::Founding, now);
        let mut events = vec![created.into(), founder.into()];
        if let Some(config) = &self.config {
            events.push(first_config(config, self.community_id)?.into());
        }
        Ok(events)
    }
}

impl Active {
    pub(super) fn created(event: &CommunityCreated) -> Self {
        let mut terms = Terms::default();
        terms.fold(&event.clone().into());
        Self {
            id: event.community_id,
            founder: event.creator_id,
            details: Details::created(event),
            terms,
            members: Members::default(),
            join_requests: JoinRequests::default(),
            tally: Tally::of(event.community_id),
        }
    }

    pub(super) fn update(&self, update: &UpdateCommunity) -> Result<Vec<CommunityEvent>, Rejection> {
        if update.names_nothing() {
            return Err(Rejection::NothingToChange);
        }
        self.at_least(Role::Admin, update.by)?;
        let max_members = update.max_members.map(|it| it.get());
        let max_members = max_members.filter(|it| *it != self.terms.config.member_cap);
        if let Some(cap) = max_members {
            self.keeper_of_config(update.by)?;
            self.members.fit_into(cap)?;
        }
        let mut cleared = Vec::new();
        let details = &self.details;
        let updated = CommunityUpdated {
            name: update.name.clone().map(String::from).filter(|it| *it != details.name),
            description: changed("description", &update.description, &details.description, &mut cleared),
            location: changed("location", &update.location, &details.location, &mut cleared),
            category: changed("category", &update.category, &details.category, &mut cleared),
            access_type: update
                .access_type
                .filter(|it| *it != details.access_type)
                .map(|it| it.name().to_owned()),
            max_members,
            cleared,
            ..self.unchanged()
        };
        Ok(self.unless_unchanged(updated))
    }

    pub(super) fn set_tags(&self, set: &SetTags) -> Result<Vec<CommunityEvent>, Rejection> {
        self.at_least(Role::Admin, set.by)?;
        let tags = (set.tags != self.details.tags).then(|| set.tags.as_slice().to_vec());
        Ok(self.unless_unchanged(CommunityUpdated { tags, ..self.unchanged() }))
    }

    pub(super) fn set_location(&self, set: &SetLocation) -> Result<Vec<CommunityEvent>, Rejection> {
        self.at_least(Role::Admin, set.by)?;
        let to = Some(set.coordinates).filter(|it| Some(*it) != self.details.coordinates);
        let (lat, lng) = (to.map(|it| it.lat()), to.map(|it| it.lng()));
        Ok(self.unless_unchanged(CommunityUpdated { lat, lng, ..self.unchanged() }))
    }

    pub(super) fn archive(&self, archive: &ArchiveCommunity) -> Result<Vec<CommunityEvent>, Rejection> {
        self.at_least(Role::Admin, archive.by)?;
        Ok(vec![CommunityArchived { community_id: self.id, reason: "admin".to_owned() }.into()])
    }

    /// The event that changes nothing.
    const fn unchanged(&self) -> CommunityUpdated {
        CommunityUpdated {
            community_id: self.id,
            name: None,
            description: None,
            location: None,
            category: None,
            access_type: None,
            max_members: None,
            tags: None,
            lat: None,
            lng: None,
            cleared: Vec::new(),
        }
    }

    fn unless_unchanged(&self, event: CommunityUpdated) -> Vec<CommunityEvent> {
        if event == self.unchanged() { vec![] } else { vec![event.into()] }
    }
}

impl UpdateCommunity {
    const fn names_nothing(&self) -> bool {
        self.name.is_none()
            && !self.description.is_named()
            && !self.location.is_named()
            && !self.category.is_named()
            && self.max_members.is_none()
            && self.access_type.is_none()
    }
}

/// The new value of a field, when it is another than before; a field that becomes empty is noted as cleared.
fn changed<T: Clone + Into<String>>(
    field: &str,
    patch: &Patch<T>,
    before: &Option<String>,
    cleared: &mut Vec<String>,
) -> Option<String> {
    if matches!(patch, Patch::Clear) && before.is_some() {
        cleared.push(field.to_owned());
    }
    patch.value().cloned().map(Into::into).filter(|it| Some(it) != before.as_ref())
}
