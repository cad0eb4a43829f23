//! Configuration from environment variables: typed, and with all faults told at once.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Reads settings and collects what is wrong with them until [`Reader::build`].
///
/// Every method that finds a fault notes it and returns a value that only lets the reading go on.
#[derive(Debug)]
pub struct Reader {
    variables: HashMap<String, String>,
    profile: Profile,
    faults: Vec<String>,
}

impl Reader {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        }))
    }

    /// Reads the given variables, as an embedding process or a test has them.
    #[must_use]
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut reader = Self {
            variables: variables.into_iter().collect(),
            profile: Profile::Production,
            faults: Vec::new(),
        };
        reader.profile = reader.or("KARMYQ_PROFILE", Profile::Production);
        reader
    }

    /// `KARMYQ_PROFILE`: where this runs.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// A setting without which nothing works. `None` only together with a fault.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        if self.variable(name).is_none() {
            self.fault(name, "is not set");
        }
        self.optional(name)
    }

    /// A setting that may be absent or empty.
    pub fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        match self.variable(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // The value itself is never printed: it may be a secret.
                self.fault(name, format_args!("cannot be read: {error}"));
                None
            }
        }
    }

    /// A setting with a default.
    pub fn or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// A setting with a default that is one of a few names; `names` lists them as a sentence does. `None` only together
    /// with a fault.
    pub fn named<T>(
        &mut self,
        name: &str,
        default: T,
        named: impl FnOnce(&str) -> Option<T>,
        names: &str,
    ) -> Option<T> {
        let Some(text) = self.variable(name) else { return Some(default) };
        let found = named(&text);
        if found.is_none() {
            self.fault(name, format_args!("must be {names}"));
        }
        found
    }

    /// A setting that has a default on a developer's machine and must be named anywhere else.
    pub fn local_default<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> Option<T> {
        match self.profile {
            Profile::Local => Some(self.or(name, default)),
            Profile::Production => self.required(name),
        }
    }

    /// `true` or `false` (also `1`, `0`), false when absent.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.variable(name).as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => {
                self.fault(name, "must be true or false");
                false
            }
        }
    }

    /// Comma-separated values without surrounding spaces; empty when absent.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.variable(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// Content of the file that the variable names, without surrounding white space; for secrets.
    pub fn required_file(&mut self, name: &str) -> Option<Secret> {
        let path: String = self.required(name)?;
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(Secret(text.trim().to_owned())),
            Err(error) => {
                self.fault(name, format_args!("names {path}, which cannot be read: {error}"));
                None
            }
        }
    }

    /// Notes a fault that the caller found.
    pub fn fault(&mut self, name: &str, problem: impl fmt::Display) {
        self.faults.push(format!("{name} {problem}"));
    }

    /// The configuration, built from the values read.
    ///
    /// # Errors
    /// All faults noted; also when `build` gives nothing.
    pub fn build<C>(mut self, build: impl FnOnce() -> Option<C>) -> Result<C, Faults> {
        let built = build();
        if built.is_none() && self.faults.is_empty() {
            self.faults.push("the configuration is incomplete".to_owned());
        }
        match built {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(Faults(self.faults)),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
    }
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} fault(s):\n  {}", .0.len(), .0.join("\n  "))]
pub struct Faults(Vec<String>);

/// Where a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A developer's machine: defaults for addresses, schemas registered by the services.
    Local,
    /// Anywhere else.
    Production,
}

impl FromStr for Profile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "local" => Ok(Self::Local),
            "production" => Ok(Self::Production),
            _ => Err("it must be local or production"),
        }
    }
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::{Profile, Reader, Secret};

    fn reader(variables: &[(&str, &str)]) -> Reader {
        Reader::from_variables(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn all_faults_are_told_at_once_and_no_value_is_printed() {
        let mut settings = reader(&[("LISTEN", "hunter2"), ("KARMYQ_PROFILE", "moon"), ("DIGEST", "maybe")]);
        let listen = settings.required::<SocketAddr>("LISTEN");
        let url = settings.required::<Secret>("DATABASE_URL");
        settings.flag("DIGEST");
        let faults = settings.build(|| Some((listen?, url?))).expect_err("it has faults").to_string();
        for name in ["KARMYQ_PROFILE", "LISTEN", "DATABASE_URL is not set", "DIGEST must be true or false"] {
            assert!(faults.contains(name), "{faults}");
        }
        assert!(!faults.contains("hunter2"), "{faults}");
    }

    #[test]
    fn a_local_default_is_for_the_local_profile_only() {
        let mut local = reader(&[("KARMYQ_PROFILE", "local")]);
        assert_eq!(local.local_default("LISTEN", 1_u16), Some(1));
        let mut elsewhere = reader(&[]);
        assert_eq!(elsewhere.profile(), Profile::Production);
        assert_eq!(elsewhere.local_default("LISTEN", 1_u16), None);
        assert!(elsewhere.build(|| Some(())).is_err());
    }

    #[test]
    fn lists_are_split_and_secrets_are_not_shown() {
        let mut settings = reader(&[("ORIGINS", " a, b,,"), ("KEY", "k")]);
        assert_eq!(settings.list("ORIGINS"), ["a", "b"]);
        assert_eq!(format!("{:?}", settings.required::<Secret>("KEY")), "Some(Secret(…))");
    }
}
