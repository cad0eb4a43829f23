//! Editing the profile and its skills.

use event_schemas::user::{self, UserSkillAdded, UserSkillRemoved, UserUpdated};

use super::*;
use crate::Patch;
use crate::user::{
    AddSkill, AvatarUrl, Bio, Home, HomeLabel, RemoveSkill, SkillId, SkillName, UpdateProfile, Vehicle,
    VehicleKind,
};

fn updated() -> UserUpdated {
    UserUpdated {
        user_id: ANA,
        name: None,
        bio: None,
        avatar_url: None,
        phone: None,
        home: None,
        vehicle: None,
        cleared: Vec::new(),
    }
}

pub(super) fn cleared(fields: Vec<&str>) -> UserEvent {
    UserUpdated { cleared: fields.into_iter().map(str::to_owned).collect(), ..updated() }.into()
}

pub(super) fn skilled(n: u128, known: bool) -> UserEvent {
    let (slug, slug_sealed) =
        if known { (Some("driving".to_owned()), None) } else { (None, Some(clear("juggling"))) };
    let skill_id = Uuid::from_u128(n).to_string();
    UserSkillAdded { user_id: ANA, skill_id, skill: Some(clear("as written")), slug, slug_sealed }.into()
}

pub(super) fn unskilled(n: u128) -> UserEvent {
    UserSkillRemoved { user_id: ANA, skill_id: Uuid::from_u128(n).to_string() }.into()
}

pub(super) fn odd_skill() -> UserEvent {
    let skill_id = "no UUID".to_owned();
    UserSkillAdded { user_id: ANA, skill_id, skill: None, slug: None, slug_sealed: None }.into()
}

fn ask(update: UpdateProfile) -> Command {
    Command::UpdateProfile(Box::new(update))
}

fn add(n: u128, skill: &str) -> Command {
    let skill = SkillName::parse(skill).expect("a skill");
    Command::AddSkill(AddSkill { user_id: ANA, by: ANA, skill_id: SkillId::new(Uuid::from_u128(n)), skill })
}

fn remove(n: u128) -> Command {
    Command::RemoveSkill(RemoveSkill { user_id: ANA, by: ANA, skill_id: SkillId::new(Uuid::from_u128(n)) })
}

#[test]
fn an_edit_tells_what_is_new_and_nothing_else() {
    let home = Home::new(HomeLabel::parse("Elm Street 5").expect("a label"), 52.5, 13.4).expect("degrees");
    let edit = UpdateProfile {
        name: Some(DisplayName::parse("Ana").expect("a name")),
        bio: Patch::Set(Bio::parse("I bake").expect("a text")),
        avatar_url: Patch::Set(AvatarUrl::parse("https://pics.example/ana").expect("an address")),
        home: Patch::Set(home),
        phone: Patch::Clear,
        ..UpdateProfile::of(ANA)
    };
    let home = user::Home { label: "Elm Street 5".to_owned(), lat: 52.5, lng: 13.4 };
    let told = UserUpdated {
        bio: Some(clear("I bake")),
        avatar_url: Some(clear("https://pics.example/ana")),
        home: Some(Sealable::Clear(home)),
        ..updated()
    };
    ana([]).when(ask(edit)).then([told.into()]);
}

#[test]
fn null_clears_an_optional_field_once() {
    let vehicle = Vehicle::new(VehicleKind::parse("sedan").expect("a kind"), 4).expect("seats");
    let driving =
        ana([]).after(ask(UpdateProfile { vehicle: Patch::Set(vehicle), ..UpdateProfile::of(ANA) }));
    let sold = UpdateProfile { vehicle: Patch::Clear, ..UpdateProfile::of(ANA) };
    driving.when(ask(sold)).then([cleared(vec!["vehicle"])]);
}

#[test]
fn an_edit_that_names_nothing_is_refused() {
    ana([]).when(ask(UpdateProfile::of(ANA))).then_refused(Rejection::NothingToChange);
}

#[test]
fn nobody_edits_the_profile_of_another() {
    let edit = UpdateProfile { by: BEN, bio: Patch::Clear, ..UpdateProfile::of(ANA) };
    ana([]).when(ask(edit)).then_refused(Rejection::NotYourself);
}

#[test]
fn what_is_still_sealed_equals_nothing() {
    let sealed = event_schemas::SealedValue { key_id: String::new(), nonce: vec![], ciphertext: vec![] };
    let edited = UserUpdated { bio: Some(Sealable::Sealed(sealed)), ..updated() };
    let same =
        UpdateProfile { bio: Patch::Set(Bio::parse("I bake").expect("a text")), ..UpdateProfile::of(ANA) };
    let told = UserUpdated { bio: Some(clear("I bake")), ..updated() };
    ana([edited.into()]).when(ask(same)).then([told.into()]);
}

#[test]
fn a_skill_of_the_list_is_told_in_clear() {
    let added = UserSkillAdded {
        user_id: ANA,
        skill_id: Uuid::from_u128(7).to_string(),
        skill: Some(clear("Tech Support")),
        slug: Some("tech_support".to_owned()),
        slug_sealed: None,
    };
    ana([]).when(add(7, " Tech Support ")).then([added.into()]);
}

#[test]
fn any_other_skill_is_personal() {
    let added = UserSkillAdded {
        user_id: ANA,
        skill_id: Uuid::from_u128(7).to_string(),
        skill: Some(clear("Fire Juggling")),
        slug: None,
        slug_sealed: Some(clear("fire_juggling")),
    };
    ana([]).when(add(7, "Fire Juggling")).then([added.into()]);
}

#[test]
fn a_skill_is_there_once_whatever_its_spelling() {
    ana([skilled(1, true)]).when(add(2, "DRIVING")).then_refused(Rejection::DuplicateSkill);
    ana([skilled(1, true)]).when(add(2, "Driver")).then_refused(Rejection::DuplicateSkill);
    ana([skilled(1, false)]).when(add(2, "Juggling")).then_refused(Rejection::DuplicateSkill);
}

#[test]
fn fifty_skills_are_enough() {
    let fifty = (0..50).map(|n| skilled(n, n == 0));
    ana(fifty).when(add(99, "cooking")).then_refused(Rejection::TooManySkills);
}

#[test]
fn a_skill_is_taken_back_once() {
    ana([skilled(1, true)]).when(remove(1)).then([unskilled(1)]);
    ana([]).when(remove(1)).then_refused(Rejection::SkillNotFound);
}
