package karmyq.peers;

import java.util.UUID;

/**
 * What an event carries, whatever the action was.
 *
 * @param account number of the account
 * @param command the command that led to it
 * @param amount in cents
 * @param balance what is in the account afterwards, in cents
 * @param version number of the event in its account, from 1
 * @param memo why, in words
 */
public record Entry(int account, UUID command, long amount, long balance, long version, String memo) {}
