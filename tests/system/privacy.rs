//! Nothing personal leaves the process in clear.

use serde_json::json;
use tests::services::System;
use uuid::Uuid;

/// Plants texts that stand nowhere else and looks for them in every byte of every topic.
pub(crate) async fn no_personal_text_stands_in_any_byte_of_any_topic(system: &System) {
    let api = &system.api;
    let planted = |what: &str| format!("{what}{}", Uuid::now_v7().simple());
    let [name, bio, title, description, address, category, message, comment, skill] =
        ["Name", "bio", "title", "description", "address", "category", "message", "comment", "skill"]
            .map(planted);
    let mut requester = api.register(&name).await;
    let mut helper = api.register("Quentin").await;
    api.put(&format!("/users/{}", requester.id), &json!({"bio": bio, "phone": "+49 30 1234567890"}))
        .by(&requester)
        .expect(200)
        .await;
    api.post(&format!("/users/{}/skills", requester.id), &json!({"skill": skill}))
        .by(&requester)
        .expect(201)
        .await;
    let community = api.found(&mut requester).await;
    api.join(&mut helper, &community).await;
    let body = json!({
        "communityId": community.id, "requestType": "ride", "category": category,
        "title": title, "description": description,
        "payload": {
            "origin": {"address": address, "lat": 52.52, "lng": 13.405},
            "destination": {"address": "Airport", "lat": 52.36, "lng": 13.5},
            "seatsNeeded": 1, "departureTime": "2099-01-01T09:00:00Z"
        },
    });
    let request = api.post("/requests", &body).by(&requester).expect(201).await.str("/id");
    let body = json!({"requestId": request, "message": message});
    let proposal = api.post("/matches", &body).by(&helper).expect(201).await.str("/id");
    let proposal = tests::people::Thing { id: proposal, position: String::new() };
    api.accept(&requester, &proposal).await;
    api.complete(&helper, &proposal).await;
    api.complete(&requester, &proposal).await;
    let body = json!({"rating": 5, "comment": comment});
    api.post(&format!("/matches/{}/feedback", proposal.id), &body).by(&requester).expect(201).await;

    let email = requester.email.clone();
    let secrets = [
        &name,
        &bio,
        &title,
        &description,
        &address,
        &category,
        &message,
        &comment,
        &skill,
        &email,
        &"1234567890".to_owned(),
        &tests::people::PASSWORD.to_owned(),
    ]
    .map(|it| it.to_lowercase());
    assert_absent(system, &secrets).await;
}

async fn assert_absent(system: &System, secrets: &[String]) {
    let mut records = 0;
    for topic in system.log.topics() {
        for record in system.log.records(&topic.name).await {
            records += 1;
            let headers = record.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_slice()]);
            let parts = [record.key.as_slice(), record.value.as_deref().unwrap_or_default()];
            for part in parts.into_iter().chain(headers) {
                let text = String::from_utf8_lossy(part).to_lowercase();
                for secret in secrets {
                    assert!(
                        !text.contains(secret.as_str()),
                        "{secret} stands in clear at {}",
                        record.position
                    );
                }
            }
        }
    }
    assert!(records > 20, "the log was read: {records}");
}
