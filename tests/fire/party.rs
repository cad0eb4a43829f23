//! Who takes part: every process, and the clients as one.

use std::fmt;

/// Brokers, which are controllers, too.
pub(crate) const BROKERS: u8 = 3;
/// Instances of command-api.
pub(crate) const COMMAND_APIS: u8 = 3;
/// Instances of projectors.
pub(crate) const PROJECTORS: u8 = 2;
/// Instances of query-api.
pub(crate) const QUERY_APIS: u8 = 2;

/// A process, or all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Party {
    /// A Kafka broker, from 1.
    Broker(u8),
    /// The schema registry.
    Registry,
    /// PostgreSQL.
    Postgres,
    /// An instance of command-api, from 1.
    CommandApi(u8),
    /// An instance of projectors, from 1.
    Projectors(u8),
    /// An instance of query-api, from 1.
    QueryApi(u8),
    /// The harness itself.
    Clients,
}

impl Party {
    /// Everybody, servers first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<_> = (1..=BROKERS).map(Self::Broker).collect();
        all.extend([Self::Registry, Self::Postgres]);
        all.extend(Self::services());
        all.push(Self::Clients);
        all
    }

    /// Our own processes.
    pub(crate) fn services() -> Vec<Self> {
        let command_apis = (1..=COMMAND_APIS).map(Self::CommandApi);
        let projectors = (1..=PROJECTORS).map(Self::Projectors);
        let query_apis = (1..=QUERY_APIS).map(Self::QueryApi);
        command_apis.chain(projectors).chain(query_apis).collect()
    }

    /// Whether it opens connections to `to`.
    pub(crate) const fn calls(self, to: Self) -> bool {
        use Party::{Broker, Clients, CommandApi, Postgres, Projectors, QueryApi, Registry};
        match (self, to) {
            (Broker(from), Broker(to)) | (CommandApi(from), CommandApi(to)) => from != to,
            (Registry | CommandApi(_) | Projectors(_) | QueryApi(_), Broker(_))
            | (CommandApi(_) | Projectors(_), Registry)
            | (CommandApi(_) | Projectors(_) | QueryApi(_), Postgres)
            | (Clients, CommandApi(_) | QueryApi(_)) => true,
            (Broker(_) | Registry | Postgres | CommandApi(_) | Projectors(_) | QueryApi(_) | Clients, _) => {
                false
            }
        }
    }

    /// Who can be cut off from whom: the one that calls, and the one that is called.
    pub(crate) fn links() -> Vec<(Self, Self)> {
        let all = Self::all();
        let pairs = all.iter().flat_map(|from| all.iter().map(|to| (*from, *to)));
        pairs.filter(|(from, to)| from.calls(*to)).collect()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(n) => write!(f, "broker-{n}"),
            Self::Registry => f.write_str("registry"),
            Self::Postgres => f.write_str("postgres"),
            Self::CommandApi(n) => write!(f, "command-api-{n}"),
            Self::Projectors(n) => write!(f, "projectors-{n}"),
            Self::QueryApi(n) => write!(f, "query-api-{n}"),
            Self::Clients => f.write_str("clients"),
        }
    }
}
