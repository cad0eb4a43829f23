//! What the rules and the read side each know for themselves, because no arrow joins them: defaults, types of notice and how
//! changes add up. Both must say the same of one history.

use domain::inbox::{Channel, Kind, State};
use domain::{Aggregate, Meta};
use event_schemas::notification::{NotificationEvent, NotificationPreferencesChanged};
use event_schemas::{EventId, Timestamp};
use serde_json::{Value, json};
use tests::http::{Answer, Api, Call};
use tests::people::Person;
use tests::services::System;
use uuid::Uuid;

pub(crate) async fn rules_and_reads_know_the_same_terms_of_a_community(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Terry").await;
    let community = api.found(&mut founder).await;
    let place = format!("/communities/{}", community.id);
    let config = |changes: Value| api.put(&format!("{place}/config"), &json!({"configUpdates": changes}));
    let settings = |changes: &Value| api.patch(&format!("{place}/settings"), changes);
    let same = |seen: String| assert_terms_agree(api, &place, &founder, seen);

    same(community.position.clone()).await;
    // Each of these changes something that stands elsewhere, too: another field, the settings, the community's details.
    for changes in [
        json!({"karmaDecayHalfLifeDays": 45, "trustDepthWeight": 0.7}),
        json!({"memberCap": 90, "communityTrustBondingWeight": 0.9, "communityTrustBridgingWeight": 0.1, "outsiderResponseAllowed": true}),
        json!({"enabledRequestTypes": [{"name": "ride", "karmaMultiplier": 1.25, "description": "by car"}]}),
        json!({"karmaSplitRequester": -50, "trustFeedbackThreshold": 4.5, "trustCarryEnabled": false}),
    ] {
        same(config(changes).by(&founder).expect(200).await.position()).await;
    }
    for changes in [
        json!({"reputationHalfLifeMonths": 2.5, "activityTypes": ["post_offer", "join_community"]}),
        json!({"requestTtlDays": 3, "leaderboardEnabled": false, "messageWindowDays": 365}),
    ] {
        same(settings(&changes).by(&founder).expect(200).await.position()).await;
    }
    same(api.put(&place, &json!({"maxMembers": 40})).by(&founder).expect(200).await.position()).await;
}

/// A change to what is already so is answered with everything that the rules hold.
async fn assert_terms_agree(api: &Api, place: &str, founder: &Person, seen: String) {
    let get = async |view: &str| -> Answer {
        api.get(&format!("{place}/{view}")).by(founder).seeing(&seen).expect(200).await
    };
    let (config, settings) = (get("config").await, get("settings").await);
    let cap = json!({"configUpdates": {"memberCap": config.data()["memberCap"]}});
    let days = json!({"offerTtlDays": settings.data()["offerTtlDays"]});
    let unchanged: [(Call, &Answer, usize); 2] = [
        (api.put(&format!("{place}/config"), &cap), &config, 22),
        (api.patch(&format!("{place}/settings"), &days), &settings, 10),
    ];
    for (call, read, fields) in unchanged {
        let held = call.by(founder).expect(200).await;
        let mut held = held.data().as_object().expect("an object").clone();
        held.retain(|name, _| name != "position" && name != "version");
        assert_eq!(held.len(), fields, "everything is told: {held:?}");
        for (name, value) in held {
            assert!(same(&value, &read.data()[&name]), "{name} is {value} to the rules, but {read}");
        }
    }
}

/// Numbers are compared as such: 60 and 60.0 are one value.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

pub(crate) async fn rules_and_reads_know_the_same_types_of_notice(system: &System) {
    let person = system.api.register("Nora").await;
    let mut inbox = Inbox { api: &system.api, person, rules: State::default() };
    inbox.agrees().await;
    inbox.choose(None, json!({"inAppEnabled": false, "pushEnabled": false, "emailEnabled": true})).await;
    inbox.agrees().await;
    inbox.choose(None, json!({"inAppEnabled": true, "pushEnabled": true, "emailEnabled": false})).await;
    inbox.agrees().await;
    for kind in Kind::ALL {
        let mut switches = json!({"push": false, "email": true});
        if !kind.required() {
            switches["inApp"] = json!(false);
        }
        inbox.choose(Some(*kind), switches).await;
    }
    inbox.agrees().await;
}

/// How somebody wants to be told, as they said it to the API and, in events, to the rules.
struct Inbox<'a> {
    api: &'a Api,
    person: Person,
    rules: State,
}

impl Inbox<'_> {
    async fn choose(&mut self, kind: Option<Kind>, switches: Value) {
        let name = kind.map(Kind::name);
        let narrowed = name.map(|it| format!("/{it}")).unwrap_or_default();
        let path = format!("/notifications/{}/preferences{narrowed}", self.person.id);
        self.person.position = self.api.put(&path, &switches).by(&self.person).expect(200).await.position();

        let mut event = json!({"userId": self.person.id, "type": name});
        for (switch, on) in switches.as_object().expect("switches") {
            event[switch.trim_end_matches("Enabled")] = on.clone();
        }
        let event: NotificationPreferencesChanged = serde_json::from_value(event).expect("an event");
        let meta = Meta { event_id: EventId::new(Uuid::nil()), at: Timestamp::from_micros(0) };
        self.rules.evolve(&NotificationEvent::NotificationPreferencesChanged(event), meta);
    }

    async fn agrees(&self) {
        let path = format!("/notifications/{}/preferences", self.person.id);
        // A registration is nothing that an inbox waits for.
        let read = self.api.get(&path).by(&self.person).seeing(&self.person.position).expect(200).await;
        let held: Vec<_> = Kind::ALL.iter().map(|kind| self.line(*kind)).collect();
        assert_eq!(read.data()["types"], json!(held), "by rules, on the right");
    }

    fn line(&self, kind: Kind) -> Value {
        let on = self.rules.preferences.channels(kind, None);
        json!({
            "type": kind.name(), "required": kind.required(), "inApp": on.contains(&Channel::InApp),
            "push": on.contains(&Channel::Push), "email": on.contains(&Channel::Email),
        })
    }
}
