package karmyq.peers.pekko;

import karmyq.peers.Account;
import karmyq.peers.Command;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.pattern.StatusReply;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandlerWithReply;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehaviorWithEnforcedReplies;
import org.apache.pekko.persistence.typed.javadsl.ReplyEffect;

/** One account as a persistent actor. */
final class AccountBehavior
        extends EventSourcedBehaviorWithEnforcedReplies<AccountBehavior.Carry, AccountEvent, Account> {
    static final String KIND = "account";

    /** A command, and who waits for its answer. */
    record Carry(Command command, ActorRef<StatusReply<Done>> replyTo) {}

    AccountBehavior(int number) {
        super(PersistenceId.of(KIND, Integer.toString(number)));
    }

    @Override
    public Account emptyState() {
        return Account.UNOPENED;
    }

    @Override
    public CommandHandlerWithReply<Carry, AccountEvent, Account> commandHandler() {
        return newCommandHandlerWithReplyBuilder().forAnyState().onCommand(Carry.class, this::carry).build();
    }

    @Override
    public EventHandler<Account, AccountEvent> eventHandler() {
        return newEventHandlerBuilder().forAnyState().onAnyEvent((state, event) -> Account.after(event.entry()));
    }

    private ReplyEffect<AccountEvent, Account> carry(Account state, Carry carry) {
        try {
            var entry = state.decide(carry.command());
            AccountEvent event = switch (carry.command().action()) {
                case OPEN -> new AccountEvent.Opened(entry);
                case DEPOSIT -> new AccountEvent.Deposited(entry);
                case WITHDRAW -> new AccountEvent.Withdrawn(entry);
            };
            return Effect().persist(event).thenReply(carry.replyTo(), after -> StatusReply.ack());
        } catch (Account.Refusal refusal) {
            return Effect().reply(carry.replyTo(), StatusReply.error(refusal));
        }
    }
}
