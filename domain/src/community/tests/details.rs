//! Names, places and tags.

use serde_json::json;

use super::*;
use crate::Patch;
use crate::community::{
    AccessType, Coordinates, Description, Identity, Location, Name, Rejection, Role, SetLocation, SetTags,
    Tags, UpdateCommunity,
};
use crate::text::Fault;

fn update(by: UserId) -> UpdateCommunity {
    UpdateCommunity {
        by,
        name: None,
        description: Patch::Keep,
        location: Patch::Keep,
        category: Patch::Keep,
        max_members: None,
        access_type: None,
    }
}

fn ask(update: UpdateCommunity) -> Command {
    Command::UpdateCommunity(Box::new(update))
}

#[test]
fn an_update_tells_what_is_new_and_nothing_else() {
    let renamed = UpdateCommunity {
        name: Some(Name::parse("Elm Street Garden").expect("a name")),
        description: Patch::Set(Description::parse("Beds and benches").expect("a text")),
        access_type: Some(AccessType::Private),
        ..update(ANA)
    };
    garden([]).when(ask(renamed)).then([CommunityUpdated {
        description: Some("Beds and benches".to_owned()),
        access_type: Some("private".to_owned()),
        ..updated()
    }
    .into()]);
}

#[test]
fn null_clears_an_optional_field_once() {
    let placed = CommunityUpdated { location: Some("Elm Street".to_owned()), ..updated() };
    let cleared = CommunityUpdated { cleared: vec!["location".to_owned()], ..updated() };
    let nowhere = UpdateCommunity { location: Patch::Clear, ..update(ANA) };
    garden([placed.into()]).when(ask(nowhere)).then([cleared.into()]);
}

#[test]
fn an_update_that_names_nothing_is_refused() {
    garden([]).when(ask(update(ANA))).then_refused(Rejection::NothingToChange);
}

#[test]
fn the_cap_is_the_same_fact_as_the_configs() {
    let smaller = UpdateCommunity { max_members: Some(MemberCap::parse(20).expect("a cap")), ..update(ANA) };
    let garden = garden([]).after(ask(smaller));
    let State::Active(community) = garden.state() else { panic!("active") };
    assert_eq!(community.terms.config.member_cap, 20);
}

#[test]
fn a_cap_below_the_number_of_members_is_refused() {
    let garden = garden([joined(BEN, "member", "public"), joined(CLEO, "member", "public")]);
    let smaller = UpdateCommunity { max_members: Some(MemberCap::parse(2).expect("a cap")), ..update(ANA) };
    garden.when(ask(smaller)).then_refused(Rejection::MaxMembersBelowCount { active: 3 });
}

#[test]
fn only_whoever_keeps_the_config_changes_the_cap() {
    let garden = garden([joined(BEN, "admin", "added")]);
    let cap = |n| UpdateCommunity { max_members: Some(MemberCap::parse(n).expect("a cap")), ..update(BEN) };
    garden.when(ask(cap(20))).then_refused(Rejection::FounderOnly);
    garden.when(ask(cap(150))).then_nothing();
}

#[test]
fn plain_members_edit_nothing() {
    let garden = garden([joined(BEN, "member", "public")]);
    let tags = Command::SetTags(SetTags { by: BEN, tags: Tags::default() });
    garden.when(tags).then_refused(Rejection::RoleRequired(Role::Admin));
    let renamed = UpdateCommunity { name: Some(Name::parse("Mine").expect("a name")), ..update(BEN) };
    garden.when(ask(renamed)).then_refused(Rejection::RoleRequired(Role::Admin));
}

#[test]
fn tags_are_lower_case_and_each_there_once() {
    let tags = Tags::parse(["Tools", " tools ", "Child Care"]).expect("tags");
    let told =
        CommunityUpdated { tags: Some(vec!["tools".to_owned(), "child care".to_owned()]), ..updated() };
    garden([]).when(Command::SetTags(SetTags { by: ANA, tags })).then([told.into()]);
}

#[test]
fn at_most_twenty_tags_of_at_most_fifty_characters() {
    let many: Vec<String> = (0..21).map(|n| format!("tag {n}")).collect();
    let faults = Tags::parse(many.iter().map(String::as_str)).expect_err("too many");
    assert_eq!(faults[0].fault, Fault::TooMany { max: 20 });
    let faults = Tags::parse(["ok", "x".repeat(51).as_str(), ""]).expect_err("too long, empty");
    assert_eq!(faults.iter().map(|it| it.field.as_str()).collect::<Vec<_>>(), ["tags[1]", "tags[2]"]);
}

#[test]
fn a_place_on_earth_is_told_once() {
    let coordinates = Coordinates::parse(52.52, 13.405).expect("degrees");
    let told = CommunityUpdated { lat: Some(52.52), lng: Some(13.405), ..updated() };
    garden([]).when(Command::SetLocation(SetLocation { by: ANA, coordinates })).then([told.into()]);
    assert_eq!(Coordinates::parse(90.5, -181.0).expect_err("beyond").len(), 2);
    assert!(Coordinates::parse(f64::NAN, 0.0).is_err());
}

#[test]
fn two_communities_are_one_when_name_and_place_fold_into_the_same() {
    let one = Identity::of("Elm  Street\tGarden", Some(" BERLIN "));
    assert_eq!(one, Identity::of("elm street garden", Some("Berlin")));
    assert_eq!(Identity::of("Straße", None), Identity::of("STRASSE", Some("")));
    assert_ne!(one, Identity::of("elm street garden", None));
    assert!(Location::parse("").is_ok(), "{}", json!(null));
}
