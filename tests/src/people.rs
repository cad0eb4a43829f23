//! Stories through the API: people, communities, requests, matches.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::http::{Answer, Api, Call};

/// The password of everybody in these tests.
pub const PASSWORD: &str = "a long and quiet evening";

/// Somebody with an account and a session.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// Normalized e-mail address.
    pub email: String,
    /// Display name.
    pub name: String,
    /// The newest access token.
    pub token: String,
    /// The newest refresh token.
    pub refresh_token: String,
    /// The position of the registration.
    pub position: String,
}

/// Something that a command brought about, and where it can be seen.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Its id.
    pub id: String,
    /// The position of the command's last event.
    pub position: String,
}

impl Api {
    /// Registers somebody whose address nobody else has.
    pub async fn register(&self, name: &str) -> Person {
        let email = format!("{}.{}@example.org", name.to_lowercase(), Uuid::now_v7().simple());
        let body = json!({"email": email, "name": name, "password": PASSWORD});
        let answer = self.post("/auth/register", &body).expect(201).await;
        Person {
            id: answer.str("/user/id"),
            email,
            name: name.to_owned(),
            token: answer.str("/token"),
            refresh_token: answer.str("/refreshToken"),
            position: answer.position(),
        }
    }

    /// Founds a public community of a name that no other has.
    pub async fn found(&self, founder: &mut Person) -> Thing {
        let name = format!("Hillside {}", Uuid::now_v7().simple());
        self.found_with(founder, &json!({"name": name})).await
    }

    /// Founds a community with these fields.
    pub async fn found_with(&self, founder: &mut Person, body: &Value) -> Thing {
        let answer = self.post("/communities", body).by(founder).expect(201).await;
        founder.token = answer.str("/token");
        Thing { id: answer.str("/community/id"), position: answer.position() }
    }

    /// Joins a public community.
    pub async fn join(&self, person: &mut Person, community: &Thing) -> Answer {
        let path = format!("/communities/{}/join", community.id);
        let answer = self.post(&path, &json!({})).by(person).expect(200).await;
        if answer.data()["token"].is_string() {
            person.token = answer.str("/token");
        }
        answer
    }

    /// Asks a community for help.
    pub async fn ask(&self, requester: &Person, community: &Thing, title: &str) -> Thing {
        let body = json!({
            "communityId": community.id,
            "title": title,
            "description": format!("{title}, on Saturday morning if that suits you"),
            "category": "gardening",
        });
        let answer = self.post("/requests", &body).by(requester).expect(201).await;
        Thing { id: answer.str("/id"), position: answer.position() }
    }

    /// Offers to help with a request.
    pub async fn propose(&self, helper: &Person, request: &Thing) -> Thing {
        let body = json!({"requestId": request.id, "message": "I have a free morning"});
        let answer = self.post("/matches", &body).by(helper).expect(201).await;
        Thing { id: answer.str("/id"), position: answer.position() }
    }

    /// Accepts a proposal.
    pub async fn accept(&self, requester: &Person, proposal: &Thing) -> Answer {
        self.put(&format!("/matches/{}/accept", proposal.id), &json!({})).by(requester).expect(200).await
    }

    /// Says that the help was given.
    pub async fn complete(&self, participant: &Person, proposal: &Thing) -> Answer {
        self.put(&format!("/matches/{}/complete", proposal.id), &json!({})).by(participant).expect(200).await
    }
}

impl Call {
    /// By this person.
    #[must_use]
    pub fn by(self, person: &Person) -> Self {
        self.token(&person.token)
    }
}
