-- Secrets and sessions. Not read models: command-api owns them, they never leave PostgreSQL and no rebuild touches them.

CREATE TABLE auth.credentials (
    user_id          uuid        NOT NULL PRIMARY KEY,
    -- NULL once erased: the address is free again.
    email_normalized text        UNIQUE,
    email_ciphertext bytea,
    password_hash    text,
    state            text        NOT NULL CHECK (state IN ('reserved', 'active', 'erased')),
    reserved_until   timestamptz,
    failed_count     integer     NOT NULL DEFAULT 0,
    -- Start of the window that failed_count counts in.
    failed_since     timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'reserved' OR reserved_until IS NOT NULL),
    CHECK (state = 'erased' OR (email_normalized IS NOT NULL AND password_hash IS NOT NULL))
);

-- A session is a family of refresh tokens.
CREATE TABLE auth.sessions (
    session_id   uuid        NOT NULL PRIMARY KEY,
    user_id      uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    user_agent   text,
    ip_prefix    text
);
CREATE INDEX sessions_user_id ON auth.sessions (user_id, created_at DESC);
CREATE INDEX sessions_revoked_at ON auth.sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expires_at ON auth.sessions (expires_at);

CREATE TABLE auth.refresh_tokens (
    token_hash bytea       NOT NULL PRIMARY KEY,
    session_id uuid        NOT NULL REFERENCES auth.sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session_id ON auth.refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON auth.refresh_tokens (expires_at);

-- Single-use stand-ins for an access token, for clients of live streams that cannot send a header.
CREATE TABLE auth.stream_tickets (
    ticket_hash      bytea       NOT NULL PRIMARY KEY,
    user_id          uuid        NOT NULL,
    session_id       uuid        NOT NULL,
    token_expires_at timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    used_at          timestamptz
);
CREATE INDEX stream_tickets_expires_at ON auth.stream_tickets (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.credentials, auth.sessions, auth.refresh_tokens, auth.stream_tickets
    TO karmyq_command;
