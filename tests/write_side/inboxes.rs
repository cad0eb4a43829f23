//! Notifications: read, deleted, and how one wants to be told.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn items_are_read_and_deleted_by_their_owner() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    // The welcome arrives by a policy.
    let all = loop {
        let answer = ana.call("PUT /notifications/{userId}/read-all", &[&ana.id], Value::Null).await;
        if answer.is(200)["count"] != 0 {
            break answer;
        }
    };
    assert_eq!(all.body["data"]["count"], 1);
    let again = ana.call("PUT /notifications/{userId}/read-all", &[&ana.id], Value::Null).await;
    assert_eq!(
        (&again.is(200)["count"], &again.body["data"]["version"]),
        (&json!(0), &all.body["data"]["version"])
    );
    eva.call("PUT /notifications/{userId}/read-all", &[&ana.id], Value::Null)
        .await
        .is_refused(403, "FORBIDDEN");

    let item = world.first_notification_of(&ana.id).await;
    let (read, delete) = ("PUT /notifications/{id}/read", "DELETE /notifications/{id}");
    eva.call(read, &[&item], Value::Null).await.is_refused(404, "NOTIFICATION_NOT_FOUND");
    assert_eq!(ana.call(read, &[&item], Value::Null).await.is(200)["read"], true);
    ana.call(delete, &[&item], Value::Null).await.is(200);
    ana.call(delete, &[&item], Value::Null).await.is_refused(404, "NOTIFICATION_NOT_FOUND");
    ana.call(read, &["x"], Value::Null).await.is_refused(404, "NOTIFICATION_NOT_FOUND");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn preferences_are_set_for_everything_and_for_one_type() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let global = "PUT /notifications/{userId}/preferences";
    let body = json!({ "pushEnabled": false, "quietHoursStart": "22:00", "quietHoursEnd": "07:00" });
    let set = ana.call(global, &[&ana.id], body).await;
    assert_eq!(
        (&set.is(200)["pushEnabled"], &set.body["data"]["quietHoursStart"]),
        (&json!(false), &json!("22:00"))
    );
    let cleared = ana.call(global, &[&ana.id], json!({ "quietHoursStart": null })).await;
    assert_eq!(cleared.is(200).get("quietHoursStart"), Some(&Value::Null));
    ana.call(global, &[&ana.id], json!({ "pushEnabled": 0, "quietHoursEnd": "24:00", "timezone": null }))
        .await
        .is_invalid(&[("pushEnabled", "WRONG_TYPE"), ("quietHoursEnd", "INVALID"), ("timezone", "REQUIRED")]);
    ana.call(global, &[&ana.id], json!({})).await.is_refused(400, "NOTHING_TO_CHANGE");
    eva.call(global, &[&ana.id], json!({ "pushEnabled": true })).await.is_refused(403, "FORBIDDEN");

    let one = "PUT /notifications/{userId}/preferences/{type}";
    let set = ana.call(one, &[&ana.id, "match_accepted"], json!({ "inApp": false })).await;
    assert_eq!((&set.is(200)["type"], &set.body["data"]["inApp"]), (&json!("match_accepted"), &json!(false)));
    ana.call(one, &[&ana.id, "security_notice"], json!({ "inApp": false }))
        .await
        .is_refused(400, "REQUIRED_TYPE");
    ana.call(one, &[&ana.id, "nonsense"], json!({ "inApp": false })).await.is_invalid(&[("type", "INVALID")]);
    ana.call(one, &[&ana.id, "match_accepted"], json!({ "push": "no", "communityId": 1 }))
        .await
        .is_invalid(&[("push", "WRONG_TYPE"), ("communityId", "WRONG_TYPE")]);
    instance.stop().await;
    world.drop().await;
}
