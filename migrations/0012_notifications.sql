-- Projection `notifications`: inbox items, preferences and deliveries, from notification-events.

CREATE TABLE notifications.notifications (
    id              uuid        NOT NULL PRIMARY KEY,
    user_id         uuid        NOT NULL,
    type            text        NOT NULL,
    priority        text        NOT NULL,
    subject_type    text        NOT NULL,
    subject_id      uuid        NOT NULL,
    actor_id        uuid,
    community_id    uuid,
    params          jsonb       NOT NULL,
    action_url      text        NOT NULL,
    read            boolean     NOT NULL,
    count           integer     NOT NULL,
    created_at      timestamptz NOT NULL,
    read_at         timestamptz,
    expires_at      timestamptz NOT NULL,
    -- Where its (last) NotificationRaised stands: `notification-events/3@1042`, the id of the live stream's message.
    position        text        NOT NULL,
    -- The offset of that position; a person's items are all in one partition, so it orders them.
    position_offset bigint      NOT NULL,
    version         bigint      NOT NULL
) PARTITION BY LIST (id);
CALL projection.make_read_table('notifications.notifications');

CREATE INDEX notifications_by_age ON notifications.notifications (user_id, created_at DESC, id DESC);
CREATE INDEX notifications_by_position ON notifications.notifications (user_id, position_offset);
CREATE INDEX notifications_unread ON notifications.notifications (user_id, expires_at) WHERE NOT read;

CREATE POLICY reader ON notifications.notifications FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()));

-- NULL in a channel: not set here, the next wider preference decides.
CREATE TABLE notifications.preferences (
    user_id      uuid   NOT NULL,
    community_id uuid,
    type         text   NOT NULL,
    in_app       boolean,
    push         boolean,
    email        boolean,
    version      bigint NOT NULL,
    CONSTRAINT preferences_key UNIQUE NULLS NOT DISTINCT (user_id, community_id, type)
) PARTITION BY LIST (user_id);
CALL projection.make_read_table('notifications.preferences');

CREATE POLICY reader ON notifications.preferences FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()));

CREATE TABLE notifications.global_preferences (
    user_id           uuid   NOT NULL PRIMARY KEY,
    in_app            boolean,
    push              boolean,
    email             boolean,
    email_digest      boolean,
    quiet_hours_start text,
    quiet_hours_end   text,
    timezone          text,
    version           bigint NOT NULL
) PARTITION BY LIST (user_id);
CALL projection.make_read_table('notifications.global_preferences');

CREATE POLICY reader ON notifications.global_preferences FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()));

CREATE TABLE notifications.deliveries (
    notification_id uuid        NOT NULL,
    channel         text        NOT NULL,
    user_id         uuid        NOT NULL,
    status          text        NOT NULL,
    attempts        integer     NOT NULL,
    code            text,
    at              timestamptz NOT NULL,
    PRIMARY KEY (notification_id, channel)
) PARTITION BY LIST (notification_id);
CALL projection.make_read_table('notifications.deliveries');

CREATE INDEX deliveries_by_user ON notifications.deliveries (user_id);

CREATE POLICY reader ON notifications.deliveries FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()));
