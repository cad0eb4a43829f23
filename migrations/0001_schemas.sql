-- One schema per domain of read models, one for the bookkeeping of the projections.
-- The roles are made before the first migration (deploy/postgres/roles.sql).

CREATE SCHEMA auth;
CREATE SCHEMA community;
CREATE SCHEMA requests;
CREATE SCHEMA feed;
CREATE SCHEMA reputation;
CREATE SCHEMA notifications;
CREATE SCHEMA projection;

GRANT USAGE ON SCHEMA auth, community TO karmyq_command;
GRANT USAGE ON SCHEMA auth, community, requests, feed, reputation, notifications, projection TO karmyq_projector, karmyq_query;

-- Functions are executable by everybody unless told otherwise; here each one names who may call it.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
