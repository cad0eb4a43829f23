//! What people do: they join and leave, ask and help, and ask again with the same key until they are told.

use std::sync::Arc;

use command_api::views::Replicas;
use command_api::writer::Target;
use domain::Command;
use domain::community::{
    self, AccessType, CommunityType, CreateCommunity, JoinCommunity, MemberCap, Name, RemoveMember,
};
use domain::help_request::{
    self, AcceptMatch, Caller, CancelMatch, CancelRequest, CompleteMatch, CreateRequest, Draft, Edit,
    GiveFeedback, Place, ProposeMatch, RejectMatch, SetRequestPrivacy, UpdateRequest, Windows,
};
use domain::inbox::{self, MarkAllRead};
use domain::user::{self, DisplayName, EmailAddress, RegisterUser, UpdateProfile};
use domain::views::Views;
use event_schemas::{AggregateType, CommandId, CommunityId, MatchId, RequestId, UserId};
use serde_json::json;

use super::chance;

/// Most members of each community; one neighbour too many for it.
const CAP: i64 = 3;
/// People.
const PEOPLE: u128 = 4;

/// What a command becomes with the views of the instance that it is sent to; none while those lack what it needs.
type Making = Arc<dyn Fn(&Replicas) -> Option<Command> + Send + Sync>;

/// Something that somebody wants, under one key.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) id: CommandId,
    pub(crate) by: UserId,
    pub(crate) target: Target,
    pub(crate) what: &'static str,
    pub(crate) making: Making,
    /// The version that the aggregate must have.
    pub(crate) expects: Option<i64>,
}

/// What the neighbours have come up with so far, whether it came true or not.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) communities: Vec<(CommunityId, UserId)>,
    pub(crate) requests: Vec<Asked>,
}

/// A request and who would help.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    pub(crate) requester: UserId,
    matches: Vec<(MatchId, UserId)>,
}

pub(crate) fn people() -> Vec<UserId> {
    (0..PEOPLE).map(|n| UserId::new(uuid::Uuid::from_u128(0x1000 + n))).collect()
}

fn someone() -> UserId {
    *chance::pick(&people()).expect("there are people")
}

fn wish(
    by: UserId,
    kind: AggregateType,
    id: impl ToString,
    what: &'static str,
    making: impl Fn(&Replicas) -> Option<Command> + Send + Sync + 'static,
) -> Wish {
    let (id, target) = (CommandId::new(chance::id(0)), Target::new(kind, id));
    Wish { id, by, target, what, making: Arc::new(making), expects: None }
}

/// Everybody has an account.
pub(crate) fn register(user: UserId) -> Wish {
    wish(user, AggregateType::User, user, "register", move |_| {
        let command = RegisterUser {
            user_id: user,
            email: EmailAddress::parse(&format!("{user}@example.org")).expect("an address"),
            name: DisplayName::parse("Ana").expect("a name"),
            invite: None,
        };
        Some(user::Command::RegisterUser(command).into())
    })
}

/// Somebody is called something else from now on, which is sealed as their first name was.
pub(crate) fn rename(user: UserId) -> Wish {
    wish(user, AggregateType::User, user, "rename", move |_| {
        let name = Some(DisplayName::parse("Anna").expect("a name"));
        let update = UpdateProfile { name, ..UpdateProfile::of(user) };
        Some(user::Command::UpdateProfile(Box::new(update)).into())
    })
}

/// Whether somebody has read everything.
pub(crate) fn read_all(user: UserId) -> Wish {
    wish(user, AggregateType::Inbox, user, "read all", move |_| {
        Some(inbox::Command::MarkAllRead(MarkAllRead { user_id: user, by: user }).into())
    })
}

/// Whether whoever owns the partition of a target can still answer: an aggregate is expected to have a version that it
/// has not, so that nothing is decided, and the answer waits for the next commit as any other.
pub(crate) fn question(target: Target) -> Wish {
    let by = someone();
    Wish { what: "question", target, expects: Some(i64::MAX), ..read_all(by) }
}

/// Makes a request public.
pub(crate) fn publish(request: RequestId, by: UserId) -> Wish {
    on_request(by, request, "publish", move |_| {
        help_request::Command::SetRequestPrivacy(SetRequestPrivacy {
            by: Caller { user: by, in_audience: true },
            is_public: Some(true),
            visibility_consent: None,
        })
    })
}

/// Takes all tags from a community that has none.
pub(crate) fn untag(community: CommunityId, by: UserId) -> Wish {
    let tags = community::Tags::default();
    let set = community::Command::SetTags(community::SetTags { by, tags });
    wish(by, AggregateType::Community, community, "untag", move |_| Some(set.clone().into()))
}

fn on_request(
    by: UserId,
    request: RequestId,
    what: &'static str,
    making: impl Fn(&Replicas) -> help_request::Command + Send + Sync + 'static,
) -> Wish {
    wish(by, AggregateType::HelpRequest, request, what, move |views| Some(making(views).into()))
}

impl Board {
    /// What somebody wants next; mostly what brings an exchange on.
    pub(crate) fn next_wish(&mut self) -> Wish {
        if self.communities.is_empty() || (self.communities.len() < 2 && chance::one_in(8)) {
            return self.found();
        }
        if self.requests.is_empty() {
            return if chance::one_in(2) { self.ask() } else { self.join() };
        }
        match chance::below(12) {
            0 | 1 => self.join(),
            2 => self.leave(),
            3 | 4 => self.ask(),
            5 if chance::one_in(2) => rename(someone()),
            5 => read_all(someone()),
            _ => self.bring_on(),
        }
    }

    fn found(&mut self) -> Wish {
        let (by, id) = (someone(), CommunityId::new(chance::id(0)));
        self.communities.push((id, by));
        let create = CreateCommunity {
            community_id: id,
            by,
            name: Name::parse("Lindenhof").expect("a name"),
            description: None,
            location: None,
            category: None,
            max_members: MemberCap::parse(CAP).expect("a cap"),
            access_type: AccessType::Public,
            community_type: CommunityType::MutualAid,
            config: None,
        };
        wish(by, AggregateType::Community, id, "found", move |_| {
            Some(community::Command::CreateCommunity(Box::new(create.clone())).into())
        })
    }

    fn somewhere(&self) -> CommunityId {
        chance::pick(&self.communities).expect("there is a community").0
    }

    fn join(&self) -> Wish {
        let (by, id) = (someone(), self.somewhere());
        wish(by, AggregateType::Community, id, "join", move |_| {
            Some(community::Command::JoinCommunity(JoinCommunity { by, message: None }).into())
        })
    }

    fn leave(&self) -> Wish {
        let (by, id) = (someone(), self.somewhere());
        wish(by, AggregateType::Community, id, "leave", move |_| {
            Some(community::Command::RemoveMember(RemoveMember { by, user: by }).into())
        })
    }

    fn ask(&mut self) -> Wish {
        let (_, founder) = *chance::pick(&self.communities).expect("there is a community");
        let requester = if chance::one_in(2) { founder } else { someone() };
        let (id, communities) = (RequestId::new(chance::id(0)), self.communities.clone());
        self.requests.push(Asked { id, requester, matches: Vec::new() });
        wish(requester, AggregateType::HelpRequest, id, "ask", move |views| {
            let places = communities.iter().filter_map(|(it, _)| Place::of(*it, requester, views));
            let places: Vec<_> = places.collect();
            let body = json!({"requestType": "generic", "description": "Carry a sofa upstairs"});
            let draft = Draft::parse(body.as_object()?).expect("a draft");
            let create = CreateRequest { request_id: id, requester, draft, places, everywhere: true };
            Some(help_request::Command::CreateRequest(Box::new(create)).into())
        })
    }

    /// The next step of some request.
    fn bring_on(&mut self) -> Wish {
        let index = usize::try_from(chance::below(self.requests.len() as u64)).unwrap_or_default();
        let Asked { id, requester, matches } = self.requests[index].clone();
        let Some((match_id, responder)) = chance::pick(&matches).copied().filter(|_| !chance::one_in(6))
        else {
            return self.propose(index);
        };
        let by = if chance::one_in(2) { requester } else { responder };
        match chance::below(12) {
            0..=2 => accept(id, match_id, requester),
            3 => reword(id, requester),
            4..=7 => complete(id, match_id, by),
            8 => on_request(by, id, "reject", move |_| {
                help_request::Command::RejectMatch(RejectMatch { match_id, by })
            }),
            9 => on_request(by, id, "cancel the match", move |views| {
                let windows = Windows::of(&communities_of(id, views), views);
                help_request::Command::CancelMatch(CancelMatch { match_id, by, windows })
            }),
            10 if chance::one_in(3) => on_request(requester, id, "cancel", move |_| {
                let by = Caller { user: requester, in_audience: true };
                help_request::Command::CancelRequest(CancelRequest { by })
            }),
            _ => feedback(id, match_id, by),
        }
    }

    /// An exchange from offer to thanks; without one nobody earns anything, and by chance alone hardly any is completed.
    pub(crate) fn exchange(&mut self) -> Vec<Wish> {
        let Some(index) = self.requests.len().checked_sub(1) else { return Vec::new() };
        let (id, requester) = (self.requests[index].id, self.requests[index].requester);
        let others: Vec<_> = people().into_iter().filter(|it| *it != requester).collect();
        let helper = *chance::pick(&others).expect("there are several people");
        let propose = self.propose_by(index, helper);
        let (match_id, _) = *self.requests[index].matches.last().expect("it was just proposed");
        let completes = [requester, helper].map(|by| complete(id, match_id, by));
        let rates = [requester, helper].map(|by| feedback(id, match_id, by));
        let steps = [propose, accept(id, match_id, requester)].into_iter().chain(completes).chain(rates);
        steps.collect()
    }

    fn propose(&mut self, index: usize) -> Wish {
        self.propose_by(index, someone())
    }

    fn propose_by(&mut self, index: usize, by: UserId) -> Wish {
        let asked = &mut self.requests[index];
        let (id, match_id) = (asked.id, MatchId::new(chance::id(0)));
        asked.matches.push((match_id, by));
        on_request(by, id, "propose", move |_| {
            help_request::Command::ProposeMatch(ProposeMatch {
                match_id,
                by: Caller { user: by, in_audience: true },
                outsider: false,
                offer_id: None,
                message: None,
            })
        })
    }
}

/// Another text, sealed as the first one was.
fn reword(id: RequestId, by: UserId) -> Wish {
    on_request(by, id, "reword", move |_| {
        let body = json!({"description": "Carry a piano upstairs"});
        let edit = Edit::parse(body.as_object().expect("an object")).expect("a change");
        let by = Caller { user: by, in_audience: true };
        help_request::Command::UpdateRequest(Box::new(UpdateRequest { by, edit }))
    })
}

fn accept(id: RequestId, match_id: MatchId, by: UserId) -> Wish {
    on_request(by, id, "accept", move |views| {
        let communities = communities_of(id, views);
        let member =
            |it: &UserId| communities.iter().any(|community| views.member(*community, *it).is_some());
        let present = people().into_iter().filter(member).collect();
        help_request::Command::AcceptMatch(AcceptMatch { match_id, by, travel_time_minutes: 10, present })
    })
}

fn complete(id: RequestId, match_id: MatchId, by: UserId) -> Wish {
    on_request(by, id, "complete", move |views| {
        let windows = Windows::of(&communities_of(id, views), views);
        help_request::Command::CompleteMatch(CompleteMatch { match_id, by, windows })
    })
}

fn feedback(id: RequestId, match_id: MatchId, by: UserId) -> Wish {
    on_request(by, id, "rate", move |_| {
        help_request::Command::GiveFeedback(GiveFeedback {
            match_id,
            by,
            rating: Some(5),
            helpfulness: None,
            responsiveness: None,
            clarity: None,
            comment: None,
            allow_featuring: false,
            show_my_name: None,
            to_user: None,
            community: None,
        })
    })
}

fn communities_of(request: RequestId, views: &Replicas) -> Vec<CommunityId> {
    views.request(request).map(|it| it.communities.clone()).unwrap_or_default()
}
