package karmyq.peers.pekko;

import karmyq.peers.Entry;

/** What happened to an account; Jackson writes it as CBOR, under the name of its class. */
sealed interface AccountEvent {
    Entry entry();

    record Opened(Entry entry) implements AccountEvent {}

    record Deposited(Entry entry) implements AccountEvent {}

    record Withdrawn(Entry entry) implements AccountEvent {}
}
