//! Bad calls of inboxes, and of reads.

use serde_json::json;
use uuid::Uuid;

use super::{Bad, INVALID, PUT, Stage, Who, bad};

pub(crate) fn inboxes(stage: &Stage) -> Vec<Bad> {
    let own = format!("/notifications/{}", stage.member.id);
    let other = format!("/notifications/{}", stage.founder.id);
    vec![
        bad(
            Who::Member,
            PUT,
            &format!("/notifications/{}/read", Uuid::now_v7()),
            &json!({}),
            (404, "NOTIFICATION_NOT_FOUND"),
            &[],
        ),
        bad(Who::Member, PUT, &format!("{other}/read-all"), &json!({}), (403, "FORBIDDEN"), &[]),
        bad(
            Who::Member,
            PUT,
            &format!("{other}/preferences"),
            &json!({"pushEnabled": false}),
            (403, "FORBIDDEN"),
            &[],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences"),
            &json!({"pushEnabled": "no"}),
            INVALID,
            &["pushEnabled"],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences"),
            &json!({"quietHoursStart": "25:00"}),
            INVALID,
            &["quietHoursStart"],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences/unheard_of"),
            &json!({"push": false}),
            (400, "VALIDATION_ERROR"),
            &[],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences/security_notice"),
            &json!({"inApp": false}),
            (400, "REQUIRED_TYPE"),
            &[],
        ),
    ]
}
