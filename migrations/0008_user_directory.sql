-- Projection `user_directory`: accounts as others and they themselves see them, from user-events.

CREATE TABLE auth.users (
    id                     uuid        NOT NULL PRIMARY KEY,
    email                  text,
    name                   text        NOT NULL,
    bio                    text,
    avatar_url             text,
    phone                  text,
    home                   jsonb,
    vehicle                jsonb,
    email_verified         boolean     NOT NULL,
    two_factor             boolean     NOT NULL,
    state                  text        NOT NULL,
    invited_by             uuid,
    invitation_accepted_at timestamptz,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    version                bigint      NOT NULL
) PARTITION BY LIST (id);
CALL projection.make_read_table('auth.users');

-- Whole rows: the caller's own and those of people in the caller's communities. email, phone and home are for the
-- owner only; query-api selects them for nobody else. Names beyond that come from auth.people() (0013).
CREATE POLICY reader ON auth.users FOR SELECT TO karmyq_query
    USING (
        id = (SELECT auth.caller())
        OR EXISTS (
            SELECT FROM community.memberships AS m
            WHERE m.user_id = users.id AND m.status = 'active'
              AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
        )
    );

CREATE TABLE auth.user_skills (
    skill_id   uuid        NOT NULL PRIMARY KEY,
    user_id    uuid        NOT NULL,
    skill      text        NOT NULL,
    slug       text        NOT NULL,
    created_at timestamptz NOT NULL
) PARTITION BY LIST (skill_id);
CALL projection.make_read_table('auth.user_skills');

CREATE INDEX user_skills_by_user ON auth.user_skills (user_id, created_at DESC, skill_id DESC);

CREATE POLICY reader ON auth.user_skills FOR SELECT TO karmyq_query
    USING (
        user_id = (SELECT auth.caller())
        OR EXISTS (
            SELECT FROM community.memberships AS m
            WHERE m.user_id = user_skills.user_id AND m.status = 'active'
              AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
        )
    );

-- One row per user from registration on, defaults filled in.
CREATE TABLE auth.user_settings (
    user_id              uuid        NOT NULL PRIMARY KEY,
    show_my_karma_to_me  boolean     NOT NULL,
    share_reputation     boolean     NOT NULL,
    show_connection_path boolean     NOT NULL,
    show_who_invited_me  boolean     NOT NULL,
    show_who_i_invited   boolean     NOT NULL,
    timezone             text        NOT NULL,
    locale               text,
    updated_at           timestamptz NOT NULL,
    version              bigint      NOT NULL
) PARTITION BY LIST (user_id);
CALL projection.make_read_table('auth.user_settings');

CREATE POLICY reader ON auth.user_settings FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()));

-- Whether an account is neither deactivated nor erased. One that the directory has not seen yet counts as active, so
-- that a new account's first request is not hidden by the directory's lag.
CREATE FUNCTION auth.is_active(account uuid) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = ''
    RETURN NOT EXISTS (SELECT FROM auth.users AS u WHERE u.id = is_active.account AND u.state <> 'active');

-- Whether an account lets members of its communities see its exact karma and trust.
CREATE FUNCTION auth.shares_reputation(account uuid) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = ''
    RETURN EXISTS (SELECT FROM auth.user_settings AS s WHERE s.user_id = shares_reputation.account AND s.share_reputation);

GRANT EXECUTE ON FUNCTION auth.is_active(uuid), auth.shares_reputation(uuid) TO karmyq_query;
