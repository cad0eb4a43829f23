//! Bad calls of communities.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bad, DELETE, INVALID, PATCH, POST, PUT, Stage, Who, bad};

pub(crate) fn communities(stage: &Stage) -> Vec<Bad> {
    let own = format!("/communities/{}", stage.community.id);
    let unknown = format!("/communities/{}", Uuid::now_v7());
    let member = format!("{own}/members/{}", stage.founder.id);
    vec![
        bad(Who::Nobody, POST, "/communities", &json!({"name": "Somewhere"}), (401, "UNAUTHENTICATED"), &[]),
        bad(Who::Member, POST, "/communities", &json!({}), INVALID, &["name"]),
        bad(Who::Member, POST, "/communities", &json!({"name": "ab"}), INVALID, &["name"]),
        bad(
            Who::Member,
            POST,
            "/communities",
            &json!({"name": "abc", "maxMembers": 151}),
            INVALID,
            &["maxMembers"],
        ),
        bad(
            Who::Member,
            POST,
            "/communities",
            &json!({"name": "abc", "maxMembers": "many"}),
            INVALID,
            &["maxMembers"],
        ),
        bad(
            Who::Member,
            POST,
            "/communities",
            &json!({"name": "abc", "accessType": "secret"}),
            INVALID,
            &["accessType"],
        ),
        bad(Who::Member, PUT, &own, &json!({"name": "Taken over"}), (403, "ROLE_REQUIRED"), &[]),
        bad(Who::Stranger, PUT, &own, &json!({"name": "Taken over"}), (403, "NOT_A_MEMBER"), &[]),
        bad(Who::Founder, PUT, &own, &json!({"maxMembers": 1}), (400, "MAX_MEMBERS_BELOW_COUNT"), &[]),
        bad(Who::Founder, PUT, &own, &json!({}), (400, "NOTHING_TO_CHANGE"), &[]),
        bad(Who::Founder, PUT, &unknown, &json!({"name": "Nowhere"}), (404, "COMMUNITY_NOT_FOUND"), &[]),
        bad(
            Who::Founder,
            PUT,
            "/communities/no-uuid",
            &json!({"name": "Nowhere"}),
            (404, "COMMUNITY_NOT_FOUND"),
            &[],
        ),
        bad(Who::Founder, PUT, &format!("{own}/tags"), &json!({"tags": "one"}), INVALID, &["tags"]),
        bad(Who::Founder, PUT, &format!("{own}/location"), &json!({"lat": 91, "lng": 0}), INVALID, &["lat"]),
        bad(Who::Member, POST, &format!("{own}/join"), &json!({}), (409, "ALREADY_MEMBER"), &[]),
        bad(Who::Stranger, POST, &format!("{unknown}/join"), &json!({}), (404, "COMMUNITY_NOT_FOUND"), &[]),
        bad(Who::Founder, DELETE, &member, &Value::Null, (400, "LAST_ADMIN"), &[]),
        bad(Who::Member, DELETE, &member, &Value::Null, (403, "ROLE_REQUIRED"), &[]),
        bad(Who::Founder, PUT, &member, &json!({"role": "member"}), (400, "LAST_ADMIN"), &[]),
        bad(Who::Founder, PUT, &member, &json!({"role": "king"}), INVALID, &["role"]),
        bad(
            Who::Founder,
            PATCH,
            &format!("{own}/settings"),
            &json!({"requestTtlDays": 0}),
            INVALID,
            &["requestTtlDays"],
        ),
        bad(
            Who::Member,
            PATCH,
            &format!("{own}/settings"),
            &json!({"requestTtlDays": 30}),
            (403, "ROLE_REQUIRED"),
            &[],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/config"),
            &json!({"configUpdates": {"memberCap": 20}}),
            (403, "FOUNDER_ONLY"),
            &[],
        ),
    ]
}
