-- The table comes first and the log second: a session that ended knows whether SessionsRevoked has yet to tell of it, so
-- that command-api tells after a crash in between. NULL: nothing is left to tell.

ALTER TABLE auth.sessions ADD COLUMN unannounced text
    CHECK (unannounced IN ('logout_all', 'refresh_reuse'));
CREATE INDEX sessions_unannounced ON auth.sessions (revoked_at) WHERE unannounced IS NOT NULL;
