//! An account: what it may do, and what it remembers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a client asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Open the account with this amount.
    Open,
    /// Pay the amount in.
    Deposit,
    /// Take the amount out, which must be there.
    Withdraw,
}

/// A command to one account.
#[derive(Clone, Debug)]
pub struct Command {
    /// Unique.
    pub id: Uuid,
    /// Number of the account.
    pub account: i64,
    /// What to do.
    pub action: Action,
    /// How much of it, in cents.
    pub amount: i64,
    /// Why, in words.
    pub memo: String,
}

/// What an event carries, whatever the action was.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Number of the account.
    pub account: i64,
    /// The command that led to it.
    pub command: Uuid,
    /// How much, in cents.
    pub amount: i64,
    /// What is in the account afterwards, in cents.
    pub balance: i64,
    /// Number of the event in its account, from 1.
    pub version: i64,
    /// Why, in words.
    pub memo: String,
}

/// What decisions need to know.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Account {
    /// In cents.
    pub balance: i64,
    /// Number of its last event; 0 before it is opened.
    pub version: i64,
}

/// Why a command is not carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Amounts are positive.
    #[error("the amount is not positive")]
    AmountNotPositive,
    /// There is an account of this number.
    #[error("the account is open already")]
    AlreadyOpen,
    /// There is no account of this number.
    #[error("the account is not open")]
    NotOpen,
    /// There is less in it than asked for.
    #[error("the account holds only {balance}")]
    InsufficientFunds {
        /// What it holds, in cents.
        balance: i64,
    },
}

impl Account {
    /// Decides a command.
    ///
    /// # Errors
    ///
    /// If the account's state does not allow it.
    pub fn decide(&self, command: &Command) -> Result<Entry, Refusal> {
        if command.amount <= 0 {
            return Err(Refusal::AmountNotPositive);
        }
        let balance = match (self.version, command.action) {
            (0, Action::Open) => command.amount,
            (_, Action::Open) => return Err(Refusal::AlreadyOpen),
            (0, Action::Deposit | Action::Withdraw) => return Err(Refusal::NotOpen),
            (_, Action::Deposit) => self.balance + command.amount,
            (_, Action::Withdraw) => self.balance - command.amount,
        };
        if balance < 0 {
            return Err(Refusal::InsufficientFunds { balance: self.balance });
        }
        let Command { id, account, amount, ref memo, .. } = *command;
        Ok(Entry { account, command: id, amount, balance, version: self.version + 1, memo: memo.clone() })
    }

    /// Takes an event in; twice is as good as once.
    pub const fn evolve(&mut self, entry: &Entry) {
        self.balance = entry.balance;
        self.version = entry.version;
    }
}
