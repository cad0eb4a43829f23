//! The broker: the log of the partition and its transactions.

/// A client's command, by number from 0; its key is the number, too.
pub type Command = u8;

/// The commands that were applied, in order: the state of the one aggregate. A nibble each, so at most eight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Applied(u32);

impl Applied {
    /// After one more command.
    #[must_use]
    pub const fn and(self, command: Command) -> Self {
        Self(self.0 << 4 | (command as u32 + 1))
    }

    /// Before the last `count` commands.
    #[must_use]
    pub const fn before_last(self, count: usize) -> Self {
        Self(self.0 >> (4 * count))
    }

    /// How many there are: the version of the aggregate.
    #[must_use]
    pub const fn version(self) -> u32 {
        (32 - self.0.leading_zeros()).div_ceil(4)
    }
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The command that brought it about.
    pub command: Command,
    /// The state that it was decided on.
    pub on: Applied,
}

/// A session of an instance: both numbers from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The instance.
    pub instance: u8,
    /// Which of its sessions.
    pub number: u8,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Records may still come.
    Open,
    /// The coordinator has decided that it counts, and readers do not know yet.
    Committing,
    /// It counts, and readers know.
    Committed,
    /// It does not count.
    Aborted,
}

/// A transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// Whose lane began it.
    pub by: SessionId,
    /// What became of it.
    pub status: Status,
    /// A caller was told that nothing of it is in the log.
    pub disowned: bool,
}

/// The log of the partition with the transactions that wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broker {
    /// Records with the index of their transaction; a record's offset is its place.
    pub log: Vec<(u8, Record)>,
    /// In the order in which they began.
    pub transactions: Vec<Transaction>,
    /// Sessions whose transactional ids somebody took over.
    pub barred: Vec<SessionId>,
}

impl Broker {
    /// Begins a transaction; none when the lane's transactional id has a newer holder.
    pub(crate) fn begin(&mut self, by: SessionId) -> Option<u8> {
        let index = u8::try_from(self.transactions.len()).ok()?;
        let allowed = !self.barred.contains(&by);
        allowed.then(|| {
            self.transactions.push(Transaction { by, status: Status::Open, disowned: false });
            index
        })
    }

    /// Appends a record; false when its transaction is not open any more.
    pub(crate) fn produce(&mut self, transaction: u8, record: Record) -> bool {
        let open = self.status(transaction) == Status::Open;
        if open {
            self.log.push((transaction, record));
        }
        open
    }

    /// Decides that a transaction counts; false when it was decided otherwise.
    pub(crate) fn commit(&mut self, transaction: u8) -> bool {
        let open = self.status(transaction) == Status::Open;
        if open {
            self.transactions[usize::from(transaction)].status = Status::Committing;
        }
        open
    }

    /// Ends a transaction that is open.
    pub(crate) fn abort(&mut self, transaction: u8) {
        let it = &mut self.transactions[usize::from(transaction)];
        if it.status == Status::Open {
            it.status = Status::Aborted;
        }
    }

    /// Takes over the transactional ids of a session.
    pub(crate) fn bar(&mut self, session: SessionId) {
        self.barred.push(session);
        for it in self.transactions.iter_mut().filter(|it| it.by == session && it.status == Status::Open) {
            it.status = Status::Aborted;
        }
    }

    /// What became of a transaction so far.
    #[must_use]
    pub fn status(&self, transaction: u8) -> Status {
        self.transactions[usize::from(transaction)].status
    }

    /// One past the last record.
    #[must_use]
    pub fn high_watermark(&self) -> u8 {
        u8::try_from(self.log.len()).unwrap_or(u8::MAX)
    }

    /// The offset of the first record whose transaction readers must wait for.
    #[must_use]
    pub fn last_stable_offset(&self) -> u8 {
        let waits = |(it, _): &(u8, Record)| matches!(self.status(*it), Status::Open | Status::Committing);
        self.log
            .iter()
            .position(waits)
            .and_then(|it| u8::try_from(it).ok())
            .unwrap_or_else(|| self.high_watermark())
    }

    /// The records that count.
    pub fn committed(&self) -> impl Iterator<Item = Record> + '_ {
        let counts = |it: u8| matches!(self.status(it), Status::Committing | Status::Committed);
        self.log.iter().filter(move |(it, _)| counts(*it)).map(|(_, record)| *record)
    }

    /// The records below `end` that a reader of committed records is given.
    pub(crate) fn readable(&self, end: u8) -> impl Iterator<Item = Record> + '_ {
        let below = self.log.iter().take(usize::from(end));
        below.filter(|(it, _)| self.status(*it) == Status::Committed).map(|(_, record)| *record)
    }
}

#[cfg(test)]
mod tests {
    use super::Applied;

    #[test]
    fn a_state_is_the_list_of_what_was_applied() {
        let two = Applied::default().and(0).and(1);
        assert_eq!(
            (two.version(), two.before_last(1), two.before_last(2)),
            (2, Applied::default().and(0), Applied::default())
        );
        assert_ne!(two, Applied::default().and(1).and(0));
    }
}
