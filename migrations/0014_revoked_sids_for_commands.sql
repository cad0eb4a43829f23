-- Both APIs refuse the tokens of revoked sessions and read them from the same place.

GRANT SELECT ON auth.revoked_sids TO karmyq_command;
