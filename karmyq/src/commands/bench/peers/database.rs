//! A database for one rival, on the server of the run.

use anyhow::{Context, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};

/// Where a rival keeps everything.
#[derive(Debug)]
pub(super) struct Database {
    server: PgConnection,
    name: String,
    url: String,
}

impl Database {
    /// Creates it, in place of one that was left behind. `superuser` is the address of any database of the server.
    pub(super) async fn create(superuser: &str, rival: &str) -> Result<Self> {
        let name = format!("peers_{}", rival.replace('-', "_"));
        let options: PgConnectOptions = superuser.parse()?;
        let mut server = PgConnection::connect_with(&options).await?;
        drop_if_there(&mut server, &name).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await?;
        let (server_url, _) = superuser.rsplit_once('/').context("an address ends with a database")?;
        Ok(Self { server, url: format!("{server_url}/{name}"), name })
    }

    /// Its address, with credentials.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Deletes it with all that is in it.
    pub(super) async fn delete(mut self) -> Result<()> {
        drop_if_there(&mut self.server, &self.name).await?;
        Ok(self.server.close().await?)
    }
}

async fn drop_if_there(server: &mut PgConnection, name: &str) -> Result<()> {
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::query(AssertSqlSafe(sql)).execute(server).await?;
    Ok(())
}
