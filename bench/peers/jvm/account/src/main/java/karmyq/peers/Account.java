package karmyq.peers;

import karmyq.peers.Command.Action;

/**
 * What decisions need to know.
 *
 * @param balance in cents
 * @param version number of the last event; 0 before the account is opened
 */
public record Account(long balance, long version) {
    public static final Account UNOPENED = new Account(0, 0);

    /** Why a command is not carried out. */
    public static final class Refusal extends Exception {
        public Refusal(String why) {
            super(why, null, false, false);
        }
    }

    /** Decides a command. */
    public Entry decide(Command command) throws Refusal {
        if (command.amount() <= 0) {
            throw new Refusal("the amount is not positive");
        }
        if (command.action() == Action.OPEN && version > 0) {
            throw new Refusal("the account is open already");
        }
        if (command.action() != Action.OPEN && version == 0) {
            throw new Refusal("the account is not open");
        }
        long after = command.action() == Action.WITHDRAW ? balance - command.amount() : balance + command.amount();
        if (after < 0) {
            throw new Refusal("the account holds only " + balance);
        }
        return new Entry(command.account(), command.id(), command.amount(), after, version + 1, command.memo());
    }

    /** The state after an event. */
    public static Account after(Entry entry) {
        return new Account(entry.balance(), entry.version());
    }
}
