//! What a person is good at.

use event_schemas::user::{UserEvent, UserSkillAdded, UserSkillRemoved};
use event_schemas::{Sealable, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Active, Rejection, SkillName};
use crate::text::fold;

/// Most skills of one person.
pub(super) const MOST_SKILLS: usize = 50;

/// The skills that matchers know, in clear on the log.
pub(super) const KNOWN_SKILLS: [&str; 18] = [
    "baking",
    "career_advice",
    "carpentry",
    "childcare",
    "cleaning",
    "coding",
    "cooking",
    "driving",
    "electrical",
    "gardening",
    "handyman",
    "languages",
    "moving",
    "organizing",
    "pet_care",
    "plumbing",
    "tech_support",
    "tutoring",
];

/// Other words for them.
const SYNONYMS: [(&str, &str); 16] = [
    ("baby_sitting", "childcare"),
    ("babysitting", "childcare"),
    ("career_coaching", "career_advice"),
    ("child_care", "childcare"),
    ("driver", "driving"),
    ("electrician", "electrical"),
    ("gardener", "gardening"),
    ("handiwork", "handyman"),
    ("it_support", "tech_support"),
    ("language", "languages"),
    ("pet_sitting", "pet_care"),
    ("petcare", "pet_care"),
    ("plumber", "plumbing"),
    ("programming", "coding"),
    ("teaching", "tutoring"),
    ("woodworking", "carpentry"),
];

/// An entry in a list of skills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SkillId(Uuid);

impl SkillId {
    /// The id with this value.
    #[must_use]
    pub const fn new(value: Uuid) -> Self {
        Self(value)
    }
}

impl std::fmt::Display for SkillId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// What two spellings of one skill have in common: lower case, `_` for spaces, one word for its synonyms.
#[derive(Clone, PartialEq, Eq)]
pub enum Slug {
    /// One that matchers know.
    Known(&'static str),
    /// Any other word; personal.
    Other(String),
}

impl Slug {
    /// The slug of a skill as a person writes it.
    #[must_use]
    pub fn of(skill: &SkillName) -> Self {
        let word = fold(skill.as_str()).replace(' ', "_");
        let synonym = SYNONYMS.iter().find(|(other, _)| *other == word).map(|(_, known)| *known);
        let known = synonym.or_else(|| KNOWN_SKILLS.into_iter().find(|known| *known == word));
        known.map_or(Self::Other(word), Self::Known)
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => word,
            Self::Other(word) => word,
        }
    }
}

impl std::fmt::Debug for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(word) => f.write_str(word),
            Self::Other(_) => f.write_str("…"),
        }
    }
}

/// One skill of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Its entry.
    pub id: SkillId,
    /// Its slug, when matchers know it.
    pub slug: Option<String>,
    /// Any other slug, as the log gave it; personal.
    pub slug_sealed: Option<Sealable<String>>,
}

impl Skill {
    fn is(&self, slug: &str) -> bool {
        let sealed = self.slug_sealed.as_ref().and_then(Sealable::clear);
        self.slug.as_ref().or(sealed).is_some_and(|it| it == slug)
    }
}

/// Name something that one is good at.
#[derive(Clone, Debug, PartialEq)]
pub struct AddSkill {
    /// Whose skill.
    pub user_id: UserId,
    /// Who asks.
    pub by: UserId,
    /// Id of the new entry.
    pub skill_id: SkillId,
    /// The skill in the person's words.
    pub skill: SkillName,
}

/// Take a skill back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveSkill {
    /// Whose skill.
    pub user_id: UserId,
    /// Who asks.
    pub by: UserId,
    /// The entry.
    pub skill_id: SkillId,
}

impl Active {
    pub(super) fn add_skill(&self, add: &AddSkill) -> Result<Vec<UserEvent>, Rejection> {
        self.only_for(add.by)?;
        let slug = Slug::of(&add.skill);
        if self.skills.iter().any(|skill| skill.is(slug.as_str())) {
            return Err(Rejection::DuplicateSkill);
        }
        if self.skills.len() >= MOST_SKILLS {
            return Err(Rejection::TooManySkills);
        }
        let (slug, slug_sealed) = match slug {
            Slug::Known(word) => (Some(word.to_owned()), None),
            Slug::Other(word) => (None, Some(Sealable::Clear(word))),
        };
        let added = UserSkillAdded {
            user_id: self.id,
            skill_id: add.skill_id.to_string(),
            skill: Some(Sealable::Clear(add.skill.as_str().to_owned())),
            slug,
            slug_sealed,
        };
        Ok(vec![added.into()])
    }

    pub(super) fn remove_skill(&self, remove: &RemoveSkill) -> Result<Vec<UserEvent>, Rejection> {
        self.only_for(remove.by)?;
        if !self.skills.iter().any(|skill| skill.id == remove.skill_id) {
            return Err(Rejection::SkillNotFound);
        }
        Ok(vec![UserSkillRemoved { user_id: self.id, skill_id: remove.skill_id.to_string() }.into()])
    }

    pub(super) fn skill_added(&mut self, event: &UserSkillAdded) {
        let Ok(id) = event.skill_id.parse().map(SkillId) else { return };
        self.skills.push(Skill { id, slug: event.slug.clone(), slug_sealed: event.slug_sealed.clone() });
    }

    pub(super) fn skill_removed(&mut self, event: &UserSkillRemoved) {
        self.skills.retain(|skill| skill.id.to_string() != event.skill_id);
    }
}
