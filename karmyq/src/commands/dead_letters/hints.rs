//! What can be done next about parked keys, as commands that can be copied.

use projectors::dead_letters::{ParkedKey, text_of};
use service_kit::shell::DeadLetters;

/// After a list: how to look at the first key.
pub(super) fn to_look(keys: &[ParkedKey]) -> String {
    let show = keys.first().map_or_else(String::new, |it| command("show", it, &text_of(&it.key)).to_string());
    format!("\nwhat its records say: {show}\nhow to heal a key: karmyq dead-letters --help")
}

/// After a look at its records: the two ways to heal the key.
pub(super) fn to_heal(key: &ParkedKey) -> String {
    let text = text_of(&key.key);
    // Whatever is the first of the key by then, nobody has looked at another one.
    let offset = Some(key.first_offset);
    let discard = DeadLetters { reason: Some("WHY"), offset, ..command("discard", key, &text) };
    format!(
        "\nwhen the cause is corrected (code that can fold it is deployed, its schema is in the registry): {}\n\
         when the first record is wrong and nothing will ever fold it: {discard}",
        command("redrive", key, &text),
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

fn command<'a>(what: &'a str, key: &'a ParkedKey, text: &'a str) -> DeadLetters<'a> {
    DeadLetters::of(what, &key.projection, text, Some(&key.topic))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use clap::Parser;
    use projectors::dead_letters::{Kind, ParkedKey};
    use service_kit::shell::DeadLetters;

    use super::super::Command;
    use super::{to_go_on, to_heal, to_look};

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
        assert!(
            heal.contains(r"discard feed 'it'\''s b' --topic request-events --reason WHY --offset 7"),
            "{heal}"
        );
        let go_on = to_go_on(&keys);
        assert!(go_on.contains("discard feed a-1") && go_on.contains("1 more stay parked"), "{go_on}");
        assert!(!to_go_on(&keys[..1]).contains("more stay parked"));
    }

    /// The subcommand alone.
    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn the_command_that_is_told_is_one_that_karmyq_takes_for_the_same_key() {
        for (key, reason) in
            [("a-1", "WHY"), ("it's b", "it's"), ("-7", "-1"), ("--json", "$(x)"), ("0x", "two words")]
        {
            let discard = DeadLetters {
                reason: Some(reason),
                offset: Some(7),
                ..DeadLetters::of("discard", "feed", key, Some("t"))
            };
            let discard = discard.to_string().replace(" discard ", " discard --by ana ");
            let script = format!("karmyq() {{ printf '%s\\0' \"$@\"; }}; {discard}");
            let split = std::process::Command::new("sh").args(["-c", &script]).output();
            let split = String::from_utf8(split.expect("there is a shell").stdout).expect("it is text");
            let line = Line::try_parse_from(split.trim_end_matches('\0').split('\0').map(str::to_owned));
            let Ok(Line { command: Command::Discard { of, reason: told, offset, .. } }) = line else {
                panic!("{script}: {:?}", line.err())
            };
            assert_eq!((of.key.as_str(), of.topic.as_deref(), told.as_str()), (key, Some("t"), reason));
            assert_eq!(offset, Some(7));
        }
    }
}
