//! Adding, promoting, deactivating and removing.

use event_schemas::community::{JoinRequestApproved, MemberRoleChanged};

use super::*;
use crate::community::{AddMember, ChangeMember, MemberStatus, Rejection, RemoveMember, Role};

fn add(by: UserId, user: UserId) -> AddMember {
    AddMember { by, user, known: true, role: Role::Member }
}

fn role(by: UserId, user: UserId, role: Role) -> Command {
    Command::ChangeMember(ChangeMember { by, user, role: Some(role), status: None })
}

fn status(by: UserId, user: UserId, status: MemberStatus) -> Command {
    Command::ChangeMember(ChangeMember { by, user, role: None, status: Some(status) })
}

fn remove(by: UserId, user: UserId) -> Command {
    Command::RemoveMember(RemoveMember { by, user })
}

fn role_changed(user_id: UserId, from: &str, to: &str, by: UserId) -> CommunityEvent {
    let (from, to) = (from.to_owned(), to.to_owned());
    MemberRoleChanged { community_id: GARDEN, user_id, from, to, by_id: Some(by) }.into()
}

/// Ana the admin, Mo the moderator, Ben and Cleo.
fn peopled() -> Given<State> {
    garden([
        joined(MO, "moderator", "added"),
        joined(BEN, "member", "public"),
        joined(CLEO, "member", "public"),
    ])
}

#[test]
fn an_admin_adds_somebody() {
    peopled().when(Command::AddMember(add(ANA, DORA))).then([joined(DORA, "member", "added")]);
}

#[test]
fn adding_an_applicant_approves_them() {
    let approved = JoinRequestApproved { community_id: GARDEN, user_id: DORA, decided_by_id: Some(ANA) };
    private_garden([applied(DORA, None)])
        .when(Command::AddMember(add(ANA, DORA)))
        .then([approved.into(), joined(DORA, "member", "added")]);
}

#[test]
fn nobody_unknown_or_already_there_is_added() {
    let unknown = AddMember { known: false, ..add(ANA, DORA) };
    peopled().when(Command::AddMember(unknown)).then_refused(Rejection::UserNotFound);
    peopled().when(Command::AddMember(add(ANA, BEN))).then_refused(Rejection::AlreadyMember);
    peopled().when(Command::AddMember(add(MO, DORA))).then_refused(Rejection::RoleRequired(Role::Admin));
    let full = garden_of(1, []);
    full.when(Command::AddMember(add(ANA, DORA))).then_refused(Rejection::CommunityFull);
}

#[test]
fn an_admin_changes_a_role() {
    peopled().when(role(ANA, BEN, Role::Moderator)).then([role_changed(BEN, "member", "moderator", ANA)]);
}

#[test]
fn moderators_change_no_roles() {
    peopled().when(role(MO, BEN, Role::Moderator)).then_refused(Rejection::RoleRequired(Role::Admin));
    peopled().when(role(DORA, BEN, Role::Member)).then_refused(Rejection::NotAMember);
}

#[test]
fn the_last_admin_stays_admin() {
    peopled().when(role(ANA, ANA, Role::Member)).then_refused(Rejection::LastAdmin);
    peopled().when(status(ANA, ANA, MemberStatus::Inactive)).then_refused(Rejection::LastAdmin);
    peopled().when(remove(ANA, ANA)).then_refused(Rejection::LastAdmin);
}

#[test]
fn one_of_two_admins_may_go() {
    let two = garden([joined(BEN, "admin", "added")]);
    two.when(role(ANA, ANA, Role::Member)).then([role_changed(ANA, "admin", "member", ANA)]);
    two.when(remove(ANA, ANA)).then([left(ANA, "left", None)]);
}

#[test]
fn a_moderator_deactivates_and_reactivates_a_plain_member() {
    let rests = peopled();
    rests.when(status(MO, BEN, MemberStatus::Inactive)).then([left(BEN, "deactivated", Some(MO))]);
    let rests = rests.after(status(MO, BEN, MemberStatus::Inactive));
    rests.when(status(MO, BEN, MemberStatus::Active)).then([joined(BEN, "member", "reactivated")]);
}

#[test]
fn a_moderator_has_no_say_over_moderators_and_admins() {
    let refused = Rejection::RoleRequired(Role::Admin);
    peopled().when(status(MO, ANA, MemberStatus::Inactive)).then_refused(refused.clone());
    let resting =
        peopled().after(status(ANA, MO, MemberStatus::Inactive)).after(role(ANA, BEN, Role::Moderator));
    resting.when(status(BEN, MO, MemberStatus::Active)).then_refused(refused);
}

#[test]
fn a_moderator_comes_back_as_one_unless_another_role_is_named() {
    let resting = peopled().after(status(ANA, MO, MemberStatus::Inactive));
    resting.when(status(ANA, MO, MemberStatus::Active)).then([joined(MO, "moderator", "reactivated")]);
    let as_member =
        ChangeMember { by: ANA, user: MO, role: Some(Role::Member), status: Some(MemberStatus::Active) };
    resting.when(Command::ChangeMember(as_member)).then([joined(MO, "member", "reactivated")]);
}

#[test]
fn activating_an_applicant_approves_them() {
    let approved = JoinRequestApproved { community_id: GARDEN, user_id: DORA, decided_by_id: Some(ANA) };
    private_garden([applied(DORA, None)])
        .when(status(ANA, DORA, MemberStatus::Active))
        .then([approved.into(), joined(DORA, "member", "approval")]);
}

#[test]
fn a_moderator_activates_an_applicant_whatever_they_once_were() {
    let approved = JoinRequestApproved { community_id: GARDEN, user_id: DORA, decided_by_id: Some(MO) };
    garden([
        joined(MO, "moderator", "added"),
        joined(DORA, "moderator", "added"),
        left(DORA, "removed", Some(ANA)),
    ])
    .after(join(DORA))
    .when(status(MO, DORA, MemberStatus::Active))
    .then([approved.into(), joined(DORA, "member", "approval")]);
}

#[test]
fn nobody_is_activated_beyond_the_cap() {
    let full = garden_of(
        2,
        [joined(BEN, "member", "public"), left(BEN, "left", None), joined(CLEO, "member", "public")],
    );
    full.when(status(ANA, BEN, MemberStatus::Active)).then_refused(Rejection::CommunityFull);
}

#[test]
fn a_change_names_something_and_somebody() {
    let nothing = ChangeMember { by: ANA, user: BEN, role: None, status: None };
    peopled().when(Command::ChangeMember(nothing)).then_refused(Rejection::NothingToChange);
    peopled().when(status(ANA, DORA, MemberStatus::Active)).then_refused(Rejection::MemberNotFound);
    peopled().when(role(ANA, DORA, Role::Admin)).then_refused(Rejection::MemberNotFound);
}

#[test]
fn a_member_leaves() {
    peopled().when(remove(BEN, BEN)).then([left(BEN, "left", None)]);
}

#[test]
fn an_admin_removes_a_member() {
    peopled().when(remove(ANA, BEN)).then([left(BEN, "removed", Some(ANA))]);
}

#[test]
fn nobody_else_removes_anybody() {
    peopled().when(remove(MO, BEN)).then_refused(Rejection::RoleRequired(Role::Admin));
    peopled().when(remove(DORA, BEN)).then_refused(Rejection::NotAMember);
    peopled().when(remove(ANA, DORA)).then_refused(Rejection::MemberNotFound);
    peopled().when(remove(DORA, DORA)).then_refused(Rejection::MemberNotFound);
}
