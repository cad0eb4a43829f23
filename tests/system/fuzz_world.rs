//! What the generated calls of `fuzz.rs` are about: people, and things of theirs in every state.

use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually::eventually;
use tests::http::Api;
use tests::people::{PASSWORD, Person, Thing};
use uuid::Uuid;

/// How many notices of a person are known.
const NOTICES: usize = 2;

/// Everybody, and what there is.
struct World {
    /// Founder and member of the communities, somebody who belongs to none, somebody who has asked to join.
    people: [Person; 4],
    /// Public, private, archived.
    communities: [Thing; 3],
    /// Each with the proposal to help, if there is one.
    requests: Vec<(Thing, Option<Thing>)>,
    skill: String,
    session: String,
    /// Of the founder, of the member.
    notices: [Vec<String>; 2],
}

/// Who calls, which values they know by name of parameter or property, and scenes: a caller and ids that fit together.
pub(crate) async fn world(api: &Api) -> Value {
    let world = World::create(api).await;
    let people = world.people.each_ref().map(|it| {
        json!({"id": it.id, "role": it.name, "email": it.email, "password": PASSWORD, "token": it.token})
    });
    json!({"people": people, "known": world.known(), "scenes": world.scenes()})
}

impl World {
    async fn create(api: &Api) -> Self {
        let mut founder = api.register("Founder").await;
        let mut member = api.register("Member").await;
        let outsider = api.register("Outsider").await;
        let applicant = api.register("Applicant").await;
        let communities = communities(api, &mut founder, &mut member, &applicant).await;
        let requests = exchanges(api, &founder, &member, &communities[0]).await;
        let skill = api.post(&format!("/users/{}/skills", founder.id), &json!({"skill": "Pruning trees"}));
        let notices =
            [told(api, &founder, "match_completed").await, told(api, &member, "karma_awarded").await];
        Self {
            skill: skill.by(&founder).expect(201).await.str("/skillId"),
            session: api.get("/auth/sessions").by(&founder).expect(200).await.str("/0/sessionId"),
            people: [founder, member, outsider, applicant],
            communities,
            requests,
            notices,
        }
    }

    fn known(&self) -> Value {
        let communities = self.communities.each_ref().map(|it| &it.id);
        let users = self.people.each_ref().map(|it| &it.id);
        let fresh = (0..4).map(|_| format!("fuzz.{}@example.org", Uuid::now_v7().simple()));
        let emails: Vec<_> = self.people.iter().map(|it| it.email.clone()).chain(fresh).collect();
        let requesters: Vec<_> = users.iter().map(|it| it.as_str()).chain(["me"]).collect();
        let own: Vec<_> = users.into_iter().chain(self.notices.iter().flatten()).collect();
        json!({
            "communityid": communities, "communityids": communities, "xcommunitycontext": communities,
            "requestid": self.requests.iter().map(|(it, _)| &it.id).collect::<Vec<_>>(),
            "matchid": self.requests.iter().filter_map(|(_, it)| Some(&it.as_ref()?.id)).collect::<Vec<_>>(),
            "skillid": [&self.skill], "sessionid": [&self.session],
            "userid": users, "touserid": users, "requesterid": requesters, "id": own,
            "type": ["match_created", "karma_awarded", "security_notice", "unheard_of"],
            "minposition": [&self.people[0].position, &self.communities[0].position, &self.requests[0].0.position],
            "email": emails, "password": [PASSWORD, "short"],
            "refreshtoken": [&self.people[2].refresh_token, &self.people[3].refresh_token, "unknown"],
        })
    }

    fn scenes(&self) -> Vec<Value> {
        let [founder, member, _, applicant] = &self.people;
        let [public, private, _] = &self.communities;
        let mut scenes = vec![
            json!({"by": 0, "ids": {"communityId": public.id, "userId": member.id}}),
            json!({"by": 0, "ids": {"communityId": private.id, "userId": applicant.id}}),
            json!({"by": 3, "ids": {"communityId": private.id, "userId": applicant.id, "id": applicant.id}}),
            json!({"by": 1, "ids": {"communityId": public.id, "userId": member.id, "id": member.id}}),
            json!({"by": 0, "ids": {
                "communityId": public.id, "userId": founder.id, "id": founder.id, "skillId": self.skill,
                "sessionId": self.session,
            }}),
        ];
        for (by, notices) in self.notices.iter().enumerate() {
            scenes.extend(notices.iter().map(|id| json!({"by": by, "ids": {"id": id}})));
        }
        for (request, proposal) in &self.requests {
            let mut ids = json!({"communityId": public.id, "requestId": request.id});
            if let Some(proposal) = proposal {
                ids["matchId"] = json!(proposal.id);
            }
            scenes.extend([0, 1].map(|by| json!({"by": by, "ids": ids})));
        }
        scenes
    }
}

/// A public, a private and an archived community.
async fn communities(api: &Api, founder: &mut Person, member: &mut Person, applicant: &Person) -> [Thing; 3] {
    let public = api.found(founder).await;
    api.join(member, &public).await;
    let name = format!("Courtyard {}", founder.id);
    let private = api.found_with(founder, &json!({"name": name, "accessType": "private"})).await;
    let path = format!("/communities/{}/join", private.id);
    api.post(&path, &json!({"message": "I live next door"})).by(applicant).expect(200).await;
    let archived = api.found(founder).await;
    api.delete(&format!("/communities/{}", archived.id)).by(founder).expect(200).await;
    [public, private, archived]
}

/// Requests of both and proposals to help, in the states that they may be in.
async fn exchanges(
    api: &Api,
    founder: &Person,
    member: &Person,
    community: &Thing,
) -> Vec<(Thing, Option<Thing>)> {
    let mut requests = Vec::new();
    for (requester, helper) in [(founder, member), (member, founder)] {
        let open = api.ask(requester, community, "Rake the leaves").await;
        let cancelled = api.ask(requester, community, "Carry the piano").await;
        api.delete(&format!("/requests/{}", cancelled.id)).by(requester).expect(200).await;
        requests.extend([(open, None), (cancelled, None)]);
        for (accepted, completed) in
            [(false, false), (false, false), (true, false), (true, false), (true, true)]
        {
            let request = api.ask(requester, community, "Water the plants").await;
            let proposal = api.propose(helper, &request).await;
            if accepted {
                api.accept(requester, &proposal).await;
            }
            if completed {
                api.complete(helper, &proposal).await;
                api.complete(requester, &proposal).await;
            }
            requests.push((request, Some(proposal)));
        }
    }
    requests
}

/// The newest notices of somebody, by id, once there is one of this type.
async fn told(api: &Api, person: &Person, kind: &str) -> Vec<String> {
    let path = format!("/notifications/{}", person.id);
    eventually(&format!("{} is told of {kind}", person.name), Duration::from_secs(10), || async {
        let list = api.get(&path).by(person).query("limit", "50").expect(200).await;
        let is_there = list.items().iter().any(|it| it["type"] == kind);
        let ids = list.items().iter().filter_map(|it| it["id"].as_str()).map(str::to_owned);
        is_there.then(|| ids.take(NOTICES).collect())
    })
    .await
}
