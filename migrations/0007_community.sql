-- Projection `community`: communities, members, join requests, settings and config, from community-events.

CREATE TABLE community.communities (
    id                        uuid        NOT NULL PRIMARY KEY,
    name                      text        NOT NULL,
    description               text,
    location                  text,
    category                  text,
    type                      text        NOT NULL,
    access_type               text        NOT NULL,
    max_members               integer     NOT NULL,
    current_members           integer     NOT NULL,
    creator_id                uuid        NOT NULL,
    status                    text        NOT NULL,
    lat                       double precision,
    lng                       double precision,
    tags                      text[]      NOT NULL,
    visibility_mode           text        NOT NULL,
    -- Of the config; here because it decides who sees the community's requests.
    outsider_response_allowed boolean     NOT NULL,
    last_activity_at          timestamptz NOT NULL,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    version                   bigint      NOT NULL
) PARTITION BY LIST (id);
CALL projection.make_read_table('community.communities');

CREATE INDEX communities_by_activity ON community.communities (status, last_activity_at DESC, id DESC);
CREATE INDEX communities_by_age ON community.communities (status, created_at DESC, id DESC);
CREATE INDEX communities_by_members ON community.communities (status, current_members DESC, id DESC);
CREATE INDEX communities_by_name ON community.communities (status, lower(name), id);

CREATE POLICY reader ON community.communities FOR SELECT TO karmyq_query
    USING ((SELECT auth.caller()) IS NOT NULL);

CREATE TABLE community.memberships (
    community_id uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    role         text        NOT NULL,
    status       text        NOT NULL,
    joined_at    timestamptz NOT NULL,
    left_at      timestamptz,
    invited_by   uuid,
    version      bigint      NOT NULL,
    PRIMARY KEY (community_id, user_id)
) PARTITION BY LIST (community_id);
CALL projection.make_read_table('community.memberships');

CREATE INDEX memberships_by_joining ON community.memberships (community_id, joined_at, user_id);
CREATE INDEX memberships_by_user ON community.memberships (user_id, joined_at, community_id);

-- A public community of free access shows its member list to every signed-in user.
CREATE POLICY reader ON community.memberships FOR SELECT TO karmyq_query
    USING (
        community_id = ANY ((SELECT auth.caller_communities())::uuid[])
        OR user_id = (SELECT auth.caller())
        OR EXISTS (
            SELECT FROM community.communities AS c
            WHERE c.id = memberships.community_id AND c.visibility_mode = 'public' AND c.access_type = 'public'
        )
    );

CREATE TABLE community.join_requests (
    community_id uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    status       text        NOT NULL,
    message      text,
    invited_by   uuid,
    created_at   timestamptz NOT NULL,
    decided_at   timestamptz,
    decided_by   uuid,
    version      bigint      NOT NULL,
    PRIMARY KEY (community_id, user_id)
) PARTITION BY LIST (community_id);
CALL projection.make_read_table('community.join_requests');

CREATE INDEX join_requests_by_age ON community.join_requests (community_id, status, created_at, user_id);
CREATE INDEX join_requests_by_user ON community.join_requests (user_id, created_at DESC);

CREATE POLICY reader ON community.join_requests FOR SELECT TO karmyq_query
    USING (
        user_id = (SELECT auth.caller())
        OR community_id = ANY ((SELECT auth.caller_communities())::uuid[])
        AND EXISTS (
            SELECT FROM community.memberships AS m
            WHERE m.community_id = join_requests.community_id AND m.user_id = (SELECT auth.caller())
              AND m.status = 'active' AND m.role IN ('admin', 'moderator')
        )
    );

-- One row per community from its first event on, defaults filled in.
CREATE TABLE community.settings (
    community_id                  uuid             NOT NULL PRIMARY KEY,
    request_ttl_days              integer          NOT NULL,
    offer_ttl_days                integer          NOT NULL,
    message_ttl_days              integer          NOT NULL,
    notification_ttl_days         integer          NOT NULL,
    completed_request_window_days integer          NOT NULL,
    message_window_days           integer          NOT NULL,
    expired_request_window_days   integer          NOT NULL,
    reputation_half_life_months   double precision NOT NULL,
    activity_types                text[]           NOT NULL,
    leaderboard_enabled           boolean          NOT NULL,
    updated_at                    timestamptz      NOT NULL,
    version                       bigint           NOT NULL
) PARTITION BY LIST (community_id);
CALL projection.make_read_table('community.settings');

CREATE POLICY reader ON community.settings FOR SELECT TO karmyq_query
    USING (community_id = ANY ((SELECT auth.caller_communities())::uuid[]));

-- One row per community from its first event on, defaults filled in.
CREATE TABLE community.configs (
    community_id                    uuid             NOT NULL PRIMARY KEY,
    template_id                     text,
    member_cap                      integer          NOT NULL,
    visibility_mode                 text             NOT NULL,
    outsider_response_allowed       boolean          NOT NULL,
    enabled_request_types           jsonb            NOT NULL,
    default_request_scope           text             NOT NULL,
    request_approval_required       boolean          NOT NULL,
    base_karma_pool_per_request     integer          NOT NULL,
    karma_split_helper              integer          NOT NULL,
    karma_split_requester           integer          NOT NULL,
    karma_decay_half_life_days      double precision NOT NULL,
    new_member_karma_lockout_days   integer          NOT NULL,
    trust_depth_weight              double precision NOT NULL,
    trust_breadth_weight            double precision NOT NULL,
    trust_feedback_threshold        double precision NOT NULL,
    min_interactions_for_trust      integer          NOT NULL,
    trust_carry_enabled             boolean          NOT NULL,
    trust_carry_factor              double precision NOT NULL,
    trust_carry_cap                 integer          NOT NULL,
    trust_decay_half_life_days      integer          NOT NULL,
    trust_path_max_hops             integer          NOT NULL,
    community_trust_bonding_weight  double precision NOT NULL,
    community_trust_bridging_weight double precision NOT NULL,
    -- No event changes these yet; they answer with their defaults.
    commerce_enabled                boolean          NOT NULL DEFAULT false,
    commerce_currency               text             NOT NULL DEFAULT 'EUR',
    commerce_shipping_minor         bigint           NOT NULL DEFAULT 0,
    project_review_required         boolean          NOT NULL DEFAULT false,
    feed_weights                    jsonb            NOT NULL DEFAULT
        '{"skillMatch": 0.29, "trustDistance": 0.23, "communityRelevance": 0.18, "urgency": 0.12, "priorInteraction": 0.12, "recency": 0.06}',
    updated_at                      timestamptz      NOT NULL,
    version                         bigint           NOT NULL
) PARTITION BY LIST (community_id);
CALL projection.make_read_table('community.configs');

CREATE POLICY reader ON community.configs FOR SELECT TO karmyq_query
    USING (community_id = ANY ((SELECT auth.caller_communities())::uuid[]));
