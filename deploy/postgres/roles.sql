-- Roles and the database, before the first migration. Safe to run again: it also renews the passwords.
--
-- psql variables: owner_password, command_password, projector_password, query_password.
--
-- karmyq_owner      owns every schema and table, runs the migrations
-- karmyq_command    command-api: accounts' secrets and name claims
-- karmyq_projector  projectors: writes the read models
-- karmyq_query      query-api: reads them under row-level security, which it cannot bypass

\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['karmyq_owner', 'karmyq_command', 'karmyq_projector', 'karmyq_query']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE karmyq_owner     LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE karmyq_command   LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'command_password';
ALTER ROLE karmyq_projector LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'projector_password';
ALTER ROLE karmyq_query     LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'query_password';

SELECT 'CREATE DATABASE karmyq OWNER karmyq_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'karmyq')
\gexec

REVOKE ALL ON DATABASE karmyq FROM PUBLIC;
GRANT CONNECT ON DATABASE karmyq TO karmyq_command, karmyq_projector, karmyq_query;
