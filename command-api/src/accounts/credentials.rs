//! Who may log in: table `auth.credentials`.
//!
//! An address is reserved for five minutes before `UserRegistered` is written and active afterwards, so that two
//! registrations of one address never both succeed. `completion` activates what a crash left reserved.

use std::time::{Duration, Instant};

use event_schemas::UserId;
use service_kit::answer::Problem;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Accounts;
use super::failures::Failures;

/// A row of the table, without the address.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    /// Whose it is.
    pub(crate) user: UserId,
    /// PHC string; none once erased.
    pub(crate) password_hash: Option<String>,
    /// Whether the account is known to exist.
    pub(crate) standing: Standing,
    /// Failed logins that still count.
    pub(crate) failures: Option<Failures>,
}

/// Whether an account stands behind a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its registration is under way.
    Reserved,
    /// Its registration was under way for longer than it takes.
    Lapsed,
    /// It exists.
    Active,
}

/// What came of a reservation.
#[derive(Clone, Debug)]
pub(crate) enum Reservation {
    /// The address is ours.
    Ours,
    /// Somebody holds it.
    Held(Credential),
}

const COLUMNS: &str = "SELECT user_id, password_hash, state, reserved_until < now() AS lapsed, failed_count, \
     extract(epoch FROM failed_since + interval '15 minutes' - now())::float8 AS remaining \
     FROM auth.credentials WHERE email_normalized = $1 AND state <> 'erased'";

impl Accounts {
    /// Reserves an address for a new user.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn reserve(
        &self,
        user: UserId,
        address: &str,
        hash: &str,
    ) -> Result<Reservation, Problem> {
        let sealed = self.addresses.seal(user, address).map_err(Problem::internal)?;
        let inserted = sqlx::query(
            "INSERT INTO auth.credentials (user_id, email_normalized, email_ciphertext, password_hash, state, reserved_until) \
             VALUES ($1, $2, $3, $4, 'reserved', now() + interval '5 minutes') \
             ON CONFLICT (email_normalized) DO NOTHING",
        )
        .bind(user.uuid())
        .bind(address)
        .bind(sealed)
        .bind(hash)
        .execute(&self.pool)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(Reservation::Ours);
        }
        match self.credential(address).await? {
            Some(holder) => Ok(Reservation::Held(holder)),
            // It was released between the two statements; the next attempt gets it.
            None => Err(Problem::conflict("EMAIL_TAKEN", "the address is being registered")),
        }
    }

    /// Takes over a reservation that lapsed without an account, for a new user. False when somebody was faster.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn take_over(
        &self,
        lapsed: UserId,
        user: UserId,
        address: &str,
        hash: &str,
    ) -> Result<bool, Problem> {
        let sealed = self.addresses.seal(user, address).map_err(Problem::internal)?;
        let updated = sqlx::query(
            "UPDATE auth.credentials SET user_id = $2, email_ciphertext = $3, password_hash = $4, \
             reserved_until = now() + interval '5 minutes', failed_count = 0, failed_since = NULL, updated_at = now() \
             WHERE user_id = $1 AND state = 'reserved' AND reserved_until < now()",
        )
        .bind(lapsed.uuid())
        .bind(user.uuid())
        .bind(sealed)
        .bind(hash)
        .execute(&self.pool)
        .await?;
        Ok(updated.rows_affected() == 1)
    }

    /// The account of a reservation exists.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn activate(&self, user: UserId) -> Result<(), Problem> {
        sqlx::query(
            "UPDATE auth.credentials SET state = 'active', reserved_until = NULL, updated_at = now() \
             WHERE user_id = $1 AND state = 'reserved'",
        )
        .bind(user.uuid())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives up a reservation whose account was not created.
    ///
    /// # Errors
    /// 503 when the database is away; the reservation then lapses by itself.
    pub(crate) async fn release(&self, user: UserId) -> Result<(), Problem> {
        sqlx::query("DELETE FROM auth.credentials WHERE user_id = $1 AND state = 'reserved'")
            .bind(user.uuid())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The credential of an address.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn credential(&self, address: &str) -> Result<Option<Credential>, Problem> {
        let row = sqlx::query(COLUMNS).bind(address).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(Credential::from_row).transpose()?)
    }

    /// The address of a user.
    ///
    /// # Errors
    /// 404 when there is none, 503 when the database is away.
    pub(crate) async fn address_of(&self, user: UserId) -> Result<String, Problem> {
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT email_ciphertext FROM auth.credentials WHERE user_id = $1")
                .bind(user.uuid())
                .fetch_optional(&self.pool)
                .await?
                .flatten();
        let sealed = sealed.ok_or_else(|| Problem::not_found("USER_NOT_FOUND"))?;
        self.addresses.open(user, &sealed).map_err(Problem::internal)
    }

    /// Failed logins at an address that nobody has.
    pub(crate) fn failures_at_unknown(&self, address: &str) -> Option<Failures> {
        self.unknown.at(address, Instant::now())
    }

    /// Counts a failed login; an unknown address costs the same statement.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn note_failure(&self, address: &str) -> Result<(), Problem> {
        let updated = sqlx::query(
            "UPDATE auth.credentials SET \
             failed_count = CASE WHEN failed_since > now() - interval '15 minutes' THEN failed_count + 1 ELSE 1 END, \
             failed_since = CASE WHEN failed_since > now() - interval '15 minutes' THEN failed_since ELSE now() END \
             WHERE email_normalized = $1",
        )
        .bind(address)
        .execute(&self.pool)
        .await?;
        if updated.rows_affected() == 0 {
            self.unknown.note(address, Instant::now());
        }
        Ok(())
    }

    /// Forgets failed logins, and keeps a stronger hash when there is one.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn note_success(
        &self,
        user: UserId,
        stronger_hash: Option<String>,
    ) -> Result<(), Problem> {
        sqlx::query(
            "UPDATE auth.credentials SET failed_count = 0, failed_since = NULL, \
             password_hash = coalesce($2, password_hash), updated_at = now() WHERE user_id = $1",
        )
        .bind(user.uuid())
        .bind(stronger_hash)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl Credential {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let state: String = row.try_get("state")?;
        let lapsed: Option<bool> = row.try_get("lapsed")?;
        let standing = match (state.as_str(), lapsed) {
            ("reserved", Some(true)) => Standing::Lapsed,
            ("reserved", _) => Standing::Reserved,
            _ => Standing::Active,
        };
        let count = row.try_get("failed_count")?;
        let remaining: Option<f64> = row.try_get("remaining")?;
        let remaining = remaining.filter(|it| *it > 0.0).map(Duration::from_secs_f64);
        Ok(Self {
            user: UserId::new(row.try_get::<Uuid, _>("user_id")?),
            password_hash: row.try_get("password_hash")?,
            standing,
            failures: remaining.map(|remaining| Failures { count, remaining }),
        })
    }
}
