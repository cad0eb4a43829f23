-- The three things that query-api may know of command-api's tables; it has no right to the tables themselves.

CREATE VIEW auth.own_sessions WITH (security_barrier) AS
SELECT session_id, created_at, last_used_at, expires_at, user_agent, ip_prefix
FROM auth.sessions
WHERE user_id = (SELECT auth.caller())
  AND revoked_at IS NULL
  AND expires_at > now();

-- Access tokens live 15 minutes, so older revocations need no check.
CREATE VIEW auth.revoked_sids AS
SELECT session_id, revoked_at
FROM auth.sessions
WHERE revoked_at > now() - interval '15 minutes';

-- Marks the ticket as used. No row when it is unknown, used or expired; of two callers at once one gets the row.
CREATE FUNCTION auth.use_stream_ticket(ticket_hash bytea)
    RETURNS TABLE (user_id uuid, session_id uuid, token_expires_at timestamptz)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    UPDATE auth.stream_tickets AS ticket
    SET used_at = now()
    WHERE ticket.ticket_hash = use_stream_ticket.ticket_hash
      AND ticket.used_at IS NULL
      AND ticket.expires_at > now()
    RETURNING ticket.user_id, ticket.session_id, ticket.token_expires_at;
END;

GRANT SELECT ON auth.own_sessions, auth.revoked_sids TO karmyq_query;
GRANT EXECUTE ON FUNCTION auth.use_stream_ticket(bytea) TO karmyq_query;
