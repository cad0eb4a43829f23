//! What can be done next about parked keys, as commands that can be copied.

use projectors::dead_letters::{ParkedKey, text_of};

/// After a list: how to look at the first key.
pub(super) fn to_look(keys: &[ParkedKey]) -> String {
    let show = keys.first().map_or_else(String::new, |it| command("show", it));
    format!("\nwhat its records say: {show}\nhow to heal a key: karmyq dead-letters --help")
}

/// After a look at its records: the two ways to heal the key.
pub(super) fn to_heal(key: &ParkedKey) -> String {
    format!(
        "\nwhen the cause is corrected (code that can fold it is deployed, its schema is in the registry): {}\n\
         when the first record is wrong and nothing will ever fold it: {} --reason WHY",
        command("redrive", key),
        command("discard", key)
    )
}

/// After a redrive that has left keys parked.
pub(super) fn to_go_on(stopped: &[ParkedKey]) -> String {
    let more = match stopped.len() {
        0 | 1 => String::new(),
        keys => format!("\n{} more stay parked: karmyq dead-letters list", keys - 1),
    };
    let first = stopped.first().map_or_else(String::new, |it| to_heal(it).trim_start().to_owned());
    format!("redriving helps once the cause is corrected; the records are still there\n{first}{more}")
}

/// The topic is always named: the same key may be parked in another one, too.
fn command(what: &str, key: &ParkedKey) -> String {
    let (name, text, topic) = (&key.projection, quoted(&text_of(&key.key)), &key.topic);
    format!("karmyq dead-letters {what} {name} {text} --topic {topic}")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use projectors::dead_letters::{Kind, ParkedKey};

    use super::{quoted, to_go_on, to_heal, to_look};

    fn parked(key: &str) -> ParkedKey {
        ParkedKey {
            projection: "feed".to_owned(),
            topic: "request-events".to_owned(),
            partition: 0,
            key: key.as_bytes().to_vec(),
            records: 2,
            first_offset: 7,
            kind: Kind::Unreadable,
            reason: "no schema".to_owned(),
            since: DateTime::<Utc>::UNIX_EPOCH,
        }
    }

    #[test]
    fn whoever_sees_a_parked_key_is_given_the_next_command() {
        let keys = [parked("a-1"), parked("it's b")];
        assert!(to_look(&keys).contains("karmyq dead-letters show feed a-1 --topic request-events\n"));
        let heal = to_heal(&keys[1]);
        assert!(heal.contains(r"redrive feed 'it'\''s b' --topic request-events"), "{heal}");
        assert!(heal.contains(r"discard feed 'it'\''s b' --topic request-events --reason WHY"), "{heal}");
        let go_on = to_go_on(&keys);
        assert!(go_on.contains("discard feed a-1") && go_on.contains("1 more stay parked"), "{go_on}");
        assert!(!to_go_on(&keys[..1]).contains("more stay parked"));
    }

    #[test]
    fn a_key_is_one_word_of_the_shell() {
        assert_eq!(quoted("0x"), "0x");
        assert_eq!(quoted("01a2028a-9e87-7546-8d28-caedc41f040c"), "01a2028a-9e87-7546-8d28-caedc41f040c");
        for (word, expected) in [("", "''"), ("a b", "'a b'"), ("$(x)", "'$(x)'"), ("'", r"''\'''")] {
            assert_eq!(quoted(word), expected);
        }
    }
}
