//! `karmyq migrate`: the migrations of this version, run once each as the owner of the tables.

use std::process::ExitCode;

use anyhow::{Context, Result};
use service_kit::postgres;
use sqlx::migrate::{Migrate, Migrator};

use crate::settings;
use crate::terminal::say;

/// The migrations, part of the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Runs what has not run yet on `MIGRATIONS_DATABASE_URL`, each in a transaction, and tells it. Of several at once, one
/// waits for the other.
pub(crate) async fn run() -> Result<ExitCode> {
    let url = settings::required("MIGRATIONS_DATABASE_URL")?;
    let options = postgres::Options::for_tool("karmyq migrate", 1);
    let pool = postgres::pool(&url, &options)?;
    let mut connection = pool.acquire().await.context("cannot connect to MIGRATIONS_DATABASE_URL")?;
    let table = MIGRATIONS.table_name.as_ref();
    connection.ensure_migrations_table(table).await?;
    let before = connection.list_applied_migrations(table).await?;
    MIGRATIONS.run(&mut *connection).await.context("the migrations stopped")?;
    let new = MIGRATIONS.iter().filter(|it| before.iter().all(|done| done.version != it.version));
    let mut count = 0;
    for migration in new {
        say(format_args!("{:04} {}", migration.version, migration.description));
        count += 1;
    }
    let last = MIGRATIONS.iter().map(|it| it.version).max().unwrap_or_default();
    match count {
        0 => say(format_args!("database at migration {last:04}, nothing to do")),
        _ => say(format_args!("database at migration {last:04}, {count} new")),
    }
    Ok(ExitCode::SUCCESS)
}
