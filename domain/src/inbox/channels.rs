//! On which channels a notice goes out: what its type offers, narrowed by the person's switches.

use event_schemas::CommunityId;
use serde::{Deserialize, Serialize};

use super::{Kind, Offer, Preferences};

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The inbox itself: stored, counted and streamed.
    InApp,
    /// To devices.
    Push,
    /// By mail.
    Email,
}

impl Channel {
    pub(super) const ALL: [Self; 3] = [Self::InApp, Self::Push, Self::Email];

    /// The name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InApp => "in_app",
            Self::Push => "push",
            Self::Email => "email",
        }
    }

    /// The name of its switch in `cleared`.
    pub(super) const fn switch(self) -> &'static str {
        match self {
            Self::InApp => "inApp",
            Self::Push => "push",
            Self::Email => "email",
        }
    }

    /// Whether notices of this type offer the channel.
    fn offered_by(self, kind: Kind) -> Offer {
        match self {
            Self::InApp => Offer::Switchable,
            Self::Push => kind.push(),
            Self::Email => kind.mail(),
        }
    }

    /// Whether it is on where no switch is set.
    const fn by_default(self) -> bool {
        match self {
            Self::InApp | Self::Push => true,
            Self::Email => false,
        }
    }
}

/// A switch per channel; unset ones leave the decision to what is more general.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// The inbox itself.
    pub in_app: Option<bool>,
    /// Push.
    pub push: Option<bool>,
    /// Mail.
    pub email: Option<bool>,
}

impl Switches {
    /// The switch of a channel.
    #[must_use]
    pub const fn of(&self, channel: Channel) -> Option<bool> {
        match channel {
            Channel::InApp => self.in_app,
            Channel::Push => self.push,
            Channel::Email => self.email,
        }
    }

    pub(super) const fn slot(&mut self, channel: Channel) -> &mut Option<bool> {
        match channel {
            Channel::InApp => &mut self.in_app,
            Channel::Push => &mut self.push,
            Channel::Email => &mut self.email,
        }
    }
}

impl Preferences {
    /// The channels on which a notice of this type goes out. The first switch that is set decides: type and community,
    /// type, global, default. Switches only ever narrow what the type offers.
    #[must_use]
    pub fn channels(&self, kind: Kind, community: Option<CommunityId>) -> Vec<Channel> {
        Channel::ALL.into_iter().filter(|channel| self.reaches(kind, community, *channel)).collect()
    }

    fn reaches(&self, kind: Kind, community: Option<CommunityId>, channel: Channel) -> bool {
        if channel == Channel::InApp && kind.required() {
            return true;
        }
        let here = community.and_then(|it| self.of(kind, Some(it)).of(channel));
        let chosen = here.or_else(|| self.of(kind, None).of(channel)).or_else(|| self.global.of(channel));
        match channel.offered_by(kind) {
            Offer::Never => false,
            Offer::Switchable => chosen.unwrap_or_else(|| channel.by_default()),
            Offer::Default => chosen.unwrap_or(true),
        }
    }
}
