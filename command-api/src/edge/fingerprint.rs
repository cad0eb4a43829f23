//! What makes two calls the same: method, route, path ids and body, secrets left out, under a key of the server.

use std::fmt::Write as _;

use event_schemas::CommandId;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

/// Members of a body that are never part of a fingerprint.
const SECRETS: [&str; 10] = [
    "challengeToken",
    "code",
    "currentPassword",
    "invitationCode",
    "newPassword",
    "password",
    "recoveryCode",
    "refreshToken",
    "token",
    "totpCode",
];

/// The key under which calls are fingerprinted; the same on all instances.
#[derive(Clone)]
pub(crate) struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    /// The key with these bytes.
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The fingerprint of a call. `ids` are the path's, in the order of the route.
    pub(crate) fn of(&self, method: &str, route: &str, ids: &[&str], body: &Value) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a MAC takes keys of any length");
        let mut text = String::new();
        canonical(body, true, &mut text);
        // Every part is preceded by its length, so that no two lists of parts give the same bytes.
        for part in [method, route].iter().chain(ids).chain(&[text.as_str()]) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Fingerprint(mac.finalize().into_bytes().into())
    }
}

impl FingerprintKey {
    /// What only an instance with this key can say of a text, in hex.
    pub(crate) fn seal_of(&self, text: &str) -> String {
        hex(&self.mac_of(text).finalize().into_bytes())
    }

    /// Whether an instance with this key said that.
    pub(crate) fn confirms(&self, text: &str, seal: &str) -> bool {
        let pairs =
            seal.as_bytes().chunks(2).map(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        let bytes: Option<Vec<u8>> = pairs.collect();
        bytes.is_some_and(|bytes| self.mac_of(text).verify_slice(&bytes).is_ok())
    }

    fn mac_of(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a MAC takes keys of any length");
        // No fingerprint begins like this: they begin with the length of a method.
        mac.update(b"\xffinstance\n");
        mac.update(text.as_bytes());
        mac
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

/// The fingerprint of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// What the ledger remembers of it.
    pub(crate) const fn short(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }

    /// The id of the command that this call asks for: scoped to the actor, else to the call itself.
    pub(crate) fn command_id(&self, actor: Option<Uuid>, key: &str) -> CommandId {
        let scope = actor.unwrap_or_else(|| Uuid::new_v5(&Uuid::nil(), hex(&self.0).as_bytes()));
        CommandId::new(Uuid::new_v5(&scope, key.as_bytes()))
    }
}

/// Lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// JSON without insignificant space, members in code point order, secrets of the top level left out.
fn canonical(value: &Value, top: bool, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().filter(|(name, _)| !top || !SECRETS.contains(&name.as_str())).collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (n, (name, value)) in members.into_iter().enumerate() {
                text.push_str(if n == 0 { "" } else { "," });
                let _ = write!(text, "{}:", Value::String(name.clone()));
                canonical(value, false, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                text.push_str(if n == 0 { "" } else { "," });
                canonical(item, false, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{Fingerprint, FingerprintKey, canonical};

    fn of(method: &str, route: &str, ids: &[&str], body: &Value) -> Fingerprint {
        FingerprintKey::new([7; 32]).of(method, route, ids, body)
    }

    #[test]
    fn the_order_of_members_does_not_matter_and_their_values_do() {
        let base = of("PUT", "/users/{id}", &["a"], &json!({"name": "Ana", "home": {"lat": 1, "lng": 2}}));
        let swapped: Value = serde_json::from_str(r#"{"home":{"lng":2,"lat":1}, "name":"Ana"}"#).unwrap();
        assert_eq!(base, of("PUT", "/users/{id}", &["a"], &swapped));
        assert_ne!(
            base,
            of("PUT", "/users/{id}", &["a"], &json!({"name": "Eva", "home": {"lat": 1, "lng": 2}}))
        );
        assert_ne!(base, of("PATCH", "/users/{id}", &["a"], &swapped));
        assert_ne!(base, of("PUT", "/users/{id}", &["b"], &swapped));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(of("PUT", "/a", &["b", "c"], &Value::Null), of("PUT", "/a", &["bc", ""], &Value::Null));
    }

    #[test]
    fn secrets_of_the_top_level_are_left_out() {
        let mut text = String::new();
        canonical(&json!({"password": "x", "email": "a@b.c", "payload": {"code": 1}}), true, &mut text);
        assert_eq!(text, r#"{"email":"a@b.c","payload":{"code":1}}"#);
    }

    #[test]
    fn instances_know_each_other_by_the_key() {
        let (ours, theirs) = (FingerprintKey::new([7; 32]), FingerprintKey::new([8; 32]));
        let seal = ours.seal_of("http://a");
        assert!(ours.confirms("http://a", &seal));
        assert!(!ours.confirms("http://b", &seal));
        assert!(!theirs.confirms("http://a", &seal));
        for forged in ["", "zz", "\u{e9}\u{e9}", &seal[2..]] {
            assert!(!ours.confirms("http://a", forged), "{forged}");
        }
    }

    #[test]
    fn a_command_id_depends_on_the_actor_and_without_one_on_the_call() {
        let call = of("POST", "/auth/register", &[], &json!({"email": "a@b.c"}));
        let other = of("POST", "/auth/register", &[], &json!({"email": "x@b.c"}));
        assert_eq!(call.command_id(None, "k"), call.command_id(None, "k"));
        assert_ne!(call.command_id(None, "k"), other.command_id(None, "k"));
        let actor = Uuid::from_u128(1);
        assert_eq!(call.command_id(Some(actor), "k"), other.command_id(Some(actor), "k"));
        assert_ne!(call.command_id(Some(actor), "k"), call.command_id(Some(actor), "l"));
    }
}
