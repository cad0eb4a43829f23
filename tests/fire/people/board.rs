//! What the neighbours know of each other: what has come true so far, as far as they were told.

use std::collections::BTreeSet;
use std::sync::Arc;

use event_schemas::Domain;
use parking_lot::{Mutex, MutexGuard};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::wish::{Effect, Person, Wish};
use crate::chance::Chance;

/// Communities of a run.
const COMMUNITIES: usize = 12;
/// Most members of each: fewer than would like to belong to it.
const CAP: u64 = 8;
/// Requests that are remembered at once.
const REQUESTS: usize = 80;

/// What somebody wants next.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Known>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) people: Vec<Arc<Person>>,
    communities: Vec<Community>,
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Community {
    id: Uuid,
    founder: Arc<Person>,
    members: BTreeSet<Uuid>,
}

#[derive(Debug)]
struct Request {
    id: Uuid,
    community: Uuid,
    by: Arc<Person>,
    matches: Vec<(Uuid, Arc<Person>)>,
    accepted: Option<Uuid>,
    is_over: bool,
}

impl Board {
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock()
    }

    /// What somebody wants next; mostly what brings an exchange on.
    pub(crate) fn next(&self, chance: &mut Chance) -> Wish {
        let known = self.known();
        if known.communities.is_empty() || (known.communities.len() < COMMUNITIES && chance.one_in(20)) {
            return known.found(chance);
        }
        let open = known.requests.iter().filter(|it| !it.is_over).count();
        match chance.below(16) {
            0 | 1 => known.join(chance),
            2 if chance.one_in(3) => known.leave(chance),
            2 => known.tag(chance),
            3 => known.call(chance),
            4 => known.read_all(chance),
            5 => known.rename(chance),
            6 | 7 => known.ask(chance),
            _ if open < 6 => known.ask(chance),
            _ => known.bring_on(chance),
        }
    }

    /// Remembers what has come true. `data` is of the answer.
    pub(crate) fn came_true(&self, wish: &Wish, data: &Value) {
        let id = |pointer: &str| data.pointer(pointer).and_then(Value::as_str).and_then(|it| it.parse().ok());
        let mut known = self.known();
        let by = Arc::clone(&wish.by);
        match wish.effect {
            Effect::Founded => {
                let Some(id) = id("/community/id") else { return };
                known.communities.push(Community { id, members: BTreeSet::from([by.id]), founder: by });
            }
            Effect::Joined | Effect::Left => {
                let community = known.communities.iter_mut().find(|it| Some(it.id) == wish.aggregate);
                let Some(community) = community else { return };
                if wish.effect == Effect::Joined {
                    community.members.insert(by.id);
                } else {
                    community.members.remove(&by.id);
                }
            }
            Effect::Asked => {
                let (Some(id), Some(community)) = (id("/id"), id("/communityId")) else { return };
                known.forget_old_requests();
                let matches = Vec::new();
                known.requests.push(Request { id, community, by, matches, accepted: None, is_over: false });
            }
            Effect::Proposed => {
                let Some(id) = id("/id") else { return };
                known.on_request(wish, |it| it.matches.push((id, by)));
            }
            Effect::Accepted => known.on_request(wish, |it| it.accepted = wish.of),
            Effect::Parted => known.on_request(wish, |it| {
                it.matches.retain(|(id, _)| Some(*id) != wish.of);
                it.accepted = it.accepted.filter(|id| Some(*id) != wish.of);
            }),
            Effect::Completed => {
                let over = data["fullyCompleted"] == true;
                known.on_request(wish, |it| it.is_over |= over);
            }
            Effect::Gone => known.on_request(wish, |it| it.is_over = true),
            Effect::Nothing => {}
        }
    }
}

impl Known {
    fn on_request(&mut self, wish: &Wish, change: impl FnOnce(&mut Request)) {
        if let Some(request) = self.requests.iter_mut().find(|it| Some(it.id) == wish.aggregate) {
            change(request);
        }
    }

    fn forget_old_requests(&mut self) {
        if self.requests.len() >= REQUESTS {
            let old = self.requests.iter().position(|it| it.is_over).unwrap_or_default();
            self.requests.remove(old);
        }
    }

    fn someone(&self, chance: &mut Chance) -> &Arc<Person> {
        chance.pick(&self.people).expect("there are people")
    }

    fn somewhere(&self, chance: &mut Chance) -> &Community {
        chance.pick(&self.communities).expect("there is a community")
    }

    fn member(&self, community: &Community, chance: &mut Chance) -> &Arc<Person> {
        let members: Vec<_> = self.people.iter().filter(|it| community.members.contains(&it.id)).collect();
        chance.pick(&members).copied().unwrap_or_else(|| self.someone(chance))
    }

    fn found(&self, chance: &mut Chance) -> Wish {
        let body = json!({"name": format!("Hillside {}", Uuid::now_v7().simple()), "maxMembers": CAP});
        wish(self.someone(chance), "found", Method::POST, "/communities", body).with(
            Domain::Community,
            None,
            Effect::Founded,
        )
    }

    fn join(&self, chance: &mut Chance) -> Wish {
        let id = self.somewhere(chance).id;
        let path = format!("/communities/{id}/join");
        wish(self.someone(chance), "join", Method::POST, &path, json!({})).with(
            Domain::Community,
            Some(id),
            Effect::Joined,
        )
    }

    fn leave(&self, chance: &mut Chance) -> Wish {
        let community = self.somewhere(chance);
        let by = self.member(community, chance);
        let path = format!("/communities/{}/members/{}", community.id, by.id);
        wish(by, "leave", Method::DELETE, &path, Value::Null).with(
            Domain::Community,
            Some(community.id),
            Effect::Left,
        )
    }

    fn tag(&self, chance: &mut Chance) -> Wish {
        let community = self.somewhere(chance);
        let path = format!("/communities/{}/tags", community.id);
        let body = json!({"tags": [format!("tag-{}", chance.below(1_000))]});
        wish(&community.founder, "tag", Method::PUT, &path, body).with(
            Domain::Community,
            Some(community.id),
            Effect::Nothing,
        )
    }

    /// One of few names, which others want, too.
    fn call(&self, chance: &mut Chance) -> Wish {
        let community = self.somewhere(chance);
        let body = json!({"name": format!("Elm Street {}", chance.below(2 * COMMUNITIES as u64))});
        wish(&community.founder, "call", Method::PUT, &format!("/communities/{}", community.id), body).with(
            Domain::Community,
            Some(community.id),
            Effect::Nothing,
        )
    }

    fn read_all(&self, chance: &mut Chance) -> Wish {
        let by = self.someone(chance);
        let path = format!("/notifications/{}/read-all", by.id);
        wish(by, "read all", Method::PUT, &path, json!({})).with(
            Domain::Notification,
            Some(by.id),
            Effect::Nothing,
        )
    }

    fn rename(&self, chance: &mut Chance) -> Wish {
        let by = self.someone(chance);
        let body = json!({"name": format!("Ana {}", chance.below(1_000))});
        wish(by, "rename", Method::PUT, &format!("/users/{}", by.id), body).with(
            Domain::User,
            Some(by.id),
            Effect::Nothing,
        )
    }

    fn ask(&self, chance: &mut Chance) -> Wish {
        let community = self.somewhere(chance);
        let body = json!({
            "communityId": community.id,
            "title": "Carry a sofa",
            "description": "Two floors down, on Saturday morning if that suits you",
            "category": "moving",
        });
        wish(self.member(community, chance), "ask", Method::POST, "/requests", body).with(
            Domain::Request,
            None,
            Effect::Asked,
        )
    }

    /// The next step of some request.
    fn bring_on(&self, chance: &mut Chance) -> Wish {
        let open: Vec<_> = self.requests.iter().filter(|it| !it.is_over).collect();
        let Some(request) = chance.pick(&open) else { return self.ask(chance) };
        let accepted = request.matches.iter().find(|(id, _)| Some(*id) == request.accepted);
        let another = accepted.is_none() && chance.one_in(3);
        let found = accepted.or_else(|| chance.pick(&request.matches));
        let Some((of, helper)) = found.filter(|_| !another) else { return self.propose(request, chance) };
        let either = if chance.one_in(2) { helper } else { &request.by };
        let path = |verb: &str| format!("/matches/{of}{verb}");
        let about = |wish: Wish, effect| wish.about(request.id, *of, effect);
        match chance.below(16) {
            0 => about(wish(either, "part", Method::DELETE, &path(""), Value::Null), Effect::Parted),
            1 if chance.one_in(2) => {
                let path = format!("/requests/{}", request.id);
                about(wish(&request.by, "cancel", Method::DELETE, &path, Value::Null), Effect::Gone)
            }
            1 => {
                let rated = json!({"rating": 5, "comment": "Thank you"});
                about(wish(either, "rate", Method::POST, &path("/feedback"), rated), Effect::Nothing)
            }
            2 if accepted.is_none() => {
                about(wish(&request.by, "reject", Method::PUT, &path("/reject"), json!({})), Effect::Parted)
            }
            _ if accepted.is_none() => {
                about(wish(&request.by, "accept", Method::PUT, &path("/accept"), json!({})), Effect::Accepted)
            }
            _ => {
                about(wish(either, "complete", Method::PUT, &path("/complete"), json!({})), Effect::Completed)
            }
        }
    }

    fn propose(&self, request: &Request, chance: &mut Chance) -> Wish {
        let community = self.communities.iter().find(|it| it.id == request.community);
        let mut by = community.map(|it| self.member(it, chance));
        if by.is_none_or(|it| it.id == request.by.id) {
            // Mostly somebody else; who does not belong to the community is refused.
            by = Some(self.someone(chance));
        }
        let by = by.unwrap_or(&request.by);
        let body = json!({"requestId": request.id, "message": "I have a free morning"});
        wish(by, "propose", Method::POST, "/matches", body).with(
            Domain::Request,
            Some(request.id),
            Effect::Proposed,
        )
    }
}

fn wish(by: &Arc<Person>, what: &'static str, method: Method, path: &str, body: Value) -> Wish {
    Wish {
        by: Arc::clone(by),
        key: Uuid::now_v7().to_string(),
        what,
        method,
        path: path.to_owned(),
        body,
        domain: Domain::Request,
        aggregate: None,
        of: None,
        effect: Effect::Nothing,
    }
}

impl Wish {
    fn with(self, domain: Domain, aggregate: Option<Uuid>, effect: Effect) -> Self {
        Self { domain, aggregate, effect, ..self }
    }

    fn about(self, request: Uuid, of: Uuid, effect: Effect) -> Self {
        Self { aggregate: Some(request), of: Some(of), effect, ..self }
    }
}
