//! `karmyq topics`: the broker's topics against the manifest.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use event_log::EventLog;
use event_schemas::topics::{Topic, manifest};

use crate::settings::Cluster;
use crate::terminal::{MISCONFIGURED, say};

/// What can be asked about topics.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the topics of `TOPIC_PROFILE` that do not exist yet; existing ones stay as they are
    Create,
    /// Tell what on the broker differs from the manifest, with the fix; exits with 78 when anything does
    Diff,
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let cluster = Cluster::from_environment()?;
        let topics = manifest(cluster.profile);
        match self {
            Self::Create => create(&cluster, &topics).await,
            Self::Diff => diff(&cluster, &topics).await,
        }
    }
}

async fn create(cluster: &Cluster, topics: &[Topic]) -> Result<ExitCode> {
    let created = cluster.log()?.create_topics(topics, cluster.profile.replication()).await?;
    created.iter().for_each(say);
    let name = cluster.profile.name();
    match created.len() {
        0 => say(format_args!("all {} topics of profile {name} exist", topics.len())),
        new => say(format_args!("created {new} of {} topics of profile {name}", topics.len())),
    }
    Ok(ExitCode::SUCCESS)
}

async fn diff(cluster: &Cluster, topics: &[Topic]) -> Result<ExitCode> {
    let drift = cluster.log()?.drift(topics).await?;
    drift.iter().for_each(say);
    if !drift.is_empty() {
        return Ok(ExitCode::from(MISCONFIGURED));
    }
    say(format_args!("all {} topics are as profile {} says", topics.len(), cluster.profile.name()));
    Ok(ExitCode::SUCCESS)
}
