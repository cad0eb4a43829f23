-- Who asks: what query-api sets for the length of one transaction with set_config('app.…', …, true).
-- A pooled connection that has been used before holds '' instead of NULL, hence NULLIF. Unset matches nothing: a
-- comparison with NULL is never true.
-- Policies call these as (SELECT auth.caller()), so that they are evaluated once a statement and indexes stay usable.

CREATE FUNCTION auth.caller() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.user_id', true), '')::uuid;

-- The caller's live memberships, or only the community that the call names.
CREATE FUNCTION auth.caller_communities() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.community_ids', true), '')::uuid[];

GRANT EXECUTE ON FUNCTION auth.caller(), auth.caller_communities() TO karmyq_projector, karmyq_query;
