//! Changing the terms: settings by admins, the config by whoever keeps it.

use event_schemas::CommunityId;
use event_schemas::community::{CommunityConfigChanged, CommunityEvent, CommunitySettingsChanged};

use super::changes::check_weights;
use super::terms::{Config, DAYS_OF_MONTH, Settings};
use super::{Active, ChangeConfig, ChangeSettings, ConfigChange, Rejection, Role};

/// The config that a community begins with, beside what is default.
pub(super) fn first_config(
    change: &ConfigChange,
    community: CommunityId,
) -> Result<CommunityConfigChanged, Rejection> {
    let first = change.of(community);
    let mut config = Config::default();
    config.fold(&first);
    check_weights(&config).map_err(Rejection::Invalid)?;
    Ok(first)
}

impl Active {
    pub(super) fn change_settings(&self, change: &ChangeSettings) -> Result<Vec<CommunityEvent>, Rejection> {
        if change.change.is_empty() {
            return Err(Rejection::NothingToChange);
        }
        self.at_least(Role::Admin, change.by)?;
        let mut wanted = change.change.of(self.id);
        let half_life = self.terms.config.karma_decay_half_life_days;
        wanted.reputation_half_life_months =
            wanted.reputation_half_life_months.filter(|months| !same(months * DAYS_OF_MONTH, half_life));
        if wanted.reputation_half_life_months.is_some() {
            self.keeper_of_config(change.by)?;
        }
        let changed: CommunitySettingsChanged = self.terms.settings.changes_in(wanted);
        Ok(if Settings::nothing_in(&changed) { vec![] } else { vec![changed.into()] })
    }

    pub(super) fn change_config(&self, change: &ChangeConfig) -> Result<Vec<CommunityEvent>, Rejection> {
        if change.change.is_empty() {
            return Err(Rejection::NothingToChange);
        }
        self.keeper_of_config(change.by)?;
        let changed = self.terms.config.changes_in(change.change.of(self.id));
        let mut after = self.terms.config.clone();
        after.fold(&changed);
        check_weights(&after).map_err(Rejection::Invalid)?;
        self.members.fit_into(after.member_cap)?;
        Ok(if Config::nothing_in(&changed) { vec![] } else { vec![changed.into()] })
    }
}

/// Whether two half-lives are one: months × 30 rarely meets the same binary fraction twice.
fn same(days: f64, others: f64) -> bool {
    (days - others).abs() < 1e-9
}
