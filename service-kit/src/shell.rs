//! Commands that somebody may copy into a shell. The command line and the console tell the same ones.

use std::borrow::Cow;
use std::fmt;

/// `karmyq dead-letters …` about a key.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetters<'a> {
    /// show, redrive or discard.
    pub what: &'a str,
    /// The projection.
    pub projection: &'a str,
    /// The key, as lists show it.
    pub key: &'a str,
    /// The topic: the same key may be parked in another one, too.
    pub topic: Option<&'a str>,
    /// Why it is discarded.
    pub reason: Option<&'a str>,
    /// The record that is to be discarded, and no other that may be the first of the key by then.
    pub offset: Option<i64>,
    /// All of the key is discarded, and not only its first record.
    pub whole_key: bool,
}

impl<'a> DeadLetters<'a> {
    /// The command without a reason.
    #[must_use]
    pub const fn of(what: &'a str, projection: &'a str, key: &'a str, topic: Option<&'a str>) -> Self {
        Self { what, projection, key, topic, reason: None, offset: None, whole_key: false }
    }
}

impl fmt::Display for DeadLetters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, projection, key, topic, reason, offset, whole_key } = *self;
        write!(f, "karmyq dead-letters {what} {}", word(projection))?;
        // It would be taken for an option.
        let is_last = key.starts_with('-');
        if !is_last {
            write!(f, " {}", word(key))?;
        }
        if let Some(topic) = topic {
            write!(f, " --topic {}", word(topic))?;
        }
        if let Some(reason) = reason {
            let between = if reason.starts_with('-') { '=' } else { ' ' };
            write!(f, " --reason{between}{}", word(reason))?;
        }
        if let Some(offset) = offset {
            write!(f, " --offset {offset}")?;
        }
        if whole_key {
            f.write_str(" --whole-key")?;
        }
        if is_last {
            write!(f, " -- {}", word(key))?;
        }
        Ok(())
    }
}

/// As a shell takes it for one word.
#[must_use]
pub fn word(text: &str) -> Cow<'_, str> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@".contains(it);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::{DeadLetters, word};

    #[test]
    fn a_text_is_one_word_of_the_shell() {
        assert_eq!(word("0x"), "0x");
        assert_eq!(word("01a2028a-9e87-7546-8d28-caedc41f040c"), "01a2028a-9e87-7546-8d28-caedc41f040c");
        assert_eq!(word("$(rm x)"), "'$(rm x)'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn a_command_says_all_that_is_known() {
        let show = DeadLetters::of("show", "feed", "k-1", Some("request-events"));
        assert_eq!(show.to_string(), "karmyq dead-letters show feed k-1 --topic request-events");
        let discard = DeadLetters {
            reason: Some("-1 is no count"),
            offset: Some(12),
            whole_key: true,
            ..DeadLetters::of("discard", "feed", "-7", None)
        };
        let told = "karmyq dead-letters discard feed --reason='-1 is no count' --offset 12 --whole-key -- -7";
        assert_eq!(discard.to_string(), told);
    }
}
