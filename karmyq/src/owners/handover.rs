//! Handing over: an instance is asked to leave the writers' group, and the others take over what it had.
//!
//! The group's assignor spreads partitions evenly and takes no wishes, so what can be moved in order is everything that an
//! instance has.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command_api::operators;
use owners::{Answers, Owners, Partition, Told};
use service_kit::config::Reader;

/// Longer than an instance takes to finish its windows.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the others may take: a rebalance, and reading the partitions from the log.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// A partition that has found another owner.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    /// Which.
    pub(crate) partition: Partition,
    /// Base address of its owner now.
    pub(crate) to: String,
    /// How long nobody served it, in milliseconds by the clocks of the two instances.
    pub(crate) away_ms: Option<i64>,
}

/// Asks an instance to hand over everything, and waits until others have it. Unless forced, only when others are there
/// who run the same domains.
pub(crate) async fn drain(all: &Owners, address: &str, forced: bool) -> Result<Vec<Moved>> {
    let told = all.told();
    let leaving = told.owned_at(address);
    let mut others = told.addresses();
    others.remove(address);
    let orphan = without_heir(&leaving, &owners::answers(others).await?).map(str::to_owned);
    if let Some(domain) = orphan.as_ref().filter(|_| !forced) {
        bail!(
            "no other owner that answers runs {domain}: its partitions would be away until {address} is back; \
             --force drains it all the same"
        );
    }
    ask(address, operators::DRAIN).await?;
    if orphan.is_some() {
        return Ok(Vec::new());
    }
    let elsewhere =
        |told: &Told| leaving.iter().all(|it| told.owner(it).is_some_and(|owner| owner.address != address));
    let told = tokio::time::timeout(TAKEN_OVER, all.become_so(elsewhere)).await;
    let told = told.context("the instance has let go, but not everything has found another owner yet")??;
    let moved = leaving.into_iter().filter_map(|partition| {
        let to = told.owner(&partition)?.address.clone();
        let away_ms = told.away_ms(&partition);
        Some(Moved { partition, to, away_ms })
    });
    Ok(moved.collect())
}

/// Asks an instance to take part again.
pub(crate) async fn resume(address: &str) -> Result<()> {
    ask(address, operators::RESUME).await
}

/// A domain of these partitions that none of the others runs.
fn without_heir<'a>(leaving: &'a [Partition], others: &Answers) -> Option<&'a str> {
    let runs = |domain: &str| others.values().any(|it| it.runs(domain));
    leaving.iter().map(|(domain, _)| domain.as_str()).find(|it| !runs(it))
}

async fn ask(address: &str, path: &str) -> Result<()> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let call = client
        .post(format!("{}{path}", address.trim_end_matches('/')))
        .header(operators::SEAL, operators::seal(key()?, address, path));
    let answer = call.send().await.with_context(|| format!("{address} does not answer"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{address} answered {status}: {text}");
    Ok(())
}

/// The key that all instances share.
fn key() -> Result<[u8; 32]> {
    let mut settings = Reader::from_environment();
    let secret = settings.required_file("FINGERPRINT_KEY_FILE");
    let secret = settings.build(|| secret)?;
    let bytes = STANDARD.decode(secret.expose()).ok().and_then(|it| it.try_into().ok());
    bytes.ok_or_else(|| anyhow!("FINGERPRINT_KEY_FILE must hold 32 bytes in base64"))
}

#[cfg(test)]
mod tests {
    use owners::{Answers, Figures};

    use super::without_heir;

    #[test]
    fn a_domain_needs_somebody_else_before_its_owner_leaves() {
        let leaving = [("community".to_owned(), 0), ("user".to_owned(), 1)];
        let others = |domains: &str| -> Answers {
            let text = format!("karmyq_writer_info{{instance=\"two\",domains=\"{domains}\"}} 1");
            [("http://two".to_owned(), Figures::parse(&text))].into()
        };
        assert_eq!(without_heir(&leaving, &Answers::new()), Some("community"), "nobody answers");
        assert_eq!(without_heir(&leaving, &others("community request")), Some("user"));
        assert_eq!(without_heir(&leaving, &others("user community")), None);
        assert_eq!(without_heir(&[], &Answers::new()), None, "has nothing");
    }
}
