-- The identity of a community, (name, location) case-folded and space-collapsed, unique among the active ones. Claimed
-- before the event is written, freed by archiving. Owned by command-api.

CREATE TABLE community.name_claims (
    name_key       text        NOT NULL,
    -- '' without a location.
    location_key   text        NOT NULL,
    community_id   uuid        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('reserved', 'active')),
    -- A reservation that nothing confirmed lapses then.
    reserved_until timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name_key, location_key),
    CHECK (state <> 'reserved' OR reserved_until IS NOT NULL)
);
-- A renamed community holds two claims for a moment.
CREATE INDEX name_claims_community_id ON community.name_claims (community_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON community.name_claims TO karmyq_command;
