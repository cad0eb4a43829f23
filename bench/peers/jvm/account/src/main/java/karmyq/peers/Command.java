package karmyq.peers;

import java.util.UUID;

/**
 * What a client asks of one account.
 *
 * @param id unique
 * @param account its number
 * @param amount in cents
 * @param memo why, in words
 */
public record Command(UUID id, int account, Action action, long amount, String memo) {
    public enum Action {
        /** Open the account with this amount. */
        OPEN,
        /** Pay the amount in. */
        DEPOSIT,
        /** Take the amount out, which must be there. */
        WITHDRAW
    }

    static Command of(int account, Action action, long amount) {
        return new Command(UUID.randomUUID(), account, action, amount,
                "Two strong arms for a sofa, " + amount + " cents");
    }
}
