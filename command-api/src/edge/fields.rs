//! Reading a JSON body: every fault is noted with its path, and a value exists only when it is good.
//!
//! A reader is a function from a [`Place`] (a value and where it stands) to an optional value; when it gives none it has
//! noted why. `values` has the readers of single values, [`object`] and [`list`] join them. Bodies of requests are read
//! by the domain, because what is right there depends on the type of the request.

use domain::Patch;
use domain::text::Fault;
use serde_json::{Map, Value};
use service_kit::answer::{FieldFault, Problem};

/// Reads the body of a call. A call without body reads as one without members.
///
/// # Errors
/// All faults at once.
pub(crate) fn read<T>(body: &Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problem> {
    let mut faults = Vec::new();
    let empty = Value::Object(Map::new());
    let body = if body.is_null() { &empty } else { body };
    let value = object(read)(Place { value: body, path: String::new(), faults: &mut faults });
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(Problem::validation(faults)),
    }
}

/// Reads a body that the domain knows.
///
/// # Errors
/// All faults at once.
pub(crate) fn read_with<T>(
    body: &Value,
    parse: impl FnOnce(&Map<String, Value>) -> Result<T, Vec<domain::text::FieldFault>>,
) -> Result<T, Problem> {
    let mut faults = Vec::new();
    let empty = Value::Object(Map::new());
    let body = if body.is_null() { &empty } else { body };
    let value = Place { value: body, path: String::new(), faults: &mut faults }.parse_object(parse);
    value.ok_or_else(|| Problem::validation(faults))
}

/// 400 for a body that is no object.
pub(crate) fn not_an_object(body: &Value) -> Problem {
    let mut faults = Vec::new();
    Place { value: body, path: String::new(), faults: &mut faults }
        .refuse::<()>(Fault::WrongType("an object"));
    Problem::validation(faults)
}

/// A value of the body and its path.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The value.
    pub(crate) value: &'a Value,
    path: String,
    faults: &'a mut Vec<FieldFault>,
}

impl Place<'_> {
    /// What `parse` makes of the value; a fault is noted.
    pub(crate) fn parse<T>(self, parse: impl FnOnce(&Value) -> Result<T, Fault>) -> Option<T> {
        match parse(self.value) {
            Ok(value) => Some(value),
            Err(fault) => self.refuse(fault),
        }
    }

    /// What the domain makes of an object; its faults are noted below this path.
    pub(crate) fn parse_object<T>(
        self,
        parse: impl FnOnce(&Map<String, Value>) -> Result<T, Vec<domain::text::FieldFault>>,
    ) -> Option<T> {
        let Value::Object(members) = self.value else { return self.refuse(Fault::WrongType("an object")) };
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}.", self.path) };
        let noted = |it: domain::text::FieldFault| described(&format!("{prefix}{}", it.field), it.fault);
        parse(members).map_err(|faults| self.faults.extend(faults.into_iter().map(noted))).ok()
    }

    /// Notes why the value is refused.
    pub(crate) fn refuse<T>(self, fault: Fault) -> Option<T> {
        self.faults.push(described(&self.path, fault));
        None
    }
}

/// The members of an object of the body.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    path: String,
    faults: &'a mut Vec<FieldFault>,
}

impl<'a> Fields<'a> {
    /// A member that must be there; null is absent.
    pub(crate) fn required<T>(&mut self, name: &str, read: impl FnOnce(Place<'_>) -> Option<T>) -> Option<T> {
        match self.present(name) {
            Some(value) => read(self.place(name, value)),
            None => self.refuse(name, Fault::Required),
        }
    }

    /// A member that may be absent or null. The outer option is none together with a fault.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Place<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.present(name) {
            Some(value) => read(self.place(name, value)).map(Some),
            None => Some(None),
        }
    }

    /// A member with a default.
    pub(crate) fn or<T>(
        &mut self,
        name: &str,
        default: T,
        read: impl FnOnce(Place<'_>) -> Option<T>,
    ) -> Option<T> {
        self.optional(name, read).map(|it| it.unwrap_or(default))
    }

    /// A member of a change: absent is unchanged, null clears.
    pub(crate) fn change<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Place<'_>) -> Option<T>,
    ) -> Option<Patch<T>> {
        match self.members.get(name) {
            None => Some(Patch::Keep),
            Some(Value::Null) => Some(Patch::Clear),
            Some(value) => read(self.place(name, value)).map(Patch::Set),
        }
    }

    /// A member of a change that cannot be cleared: absent is unchanged, null is refused.
    pub(crate) fn set<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Place<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.members.contains_key(name) { self.required(name, read).map(Some) } else { Some(None) }
    }

    /// Refuses every member that is not named.
    pub(crate) fn only(&mut self, names: &[&str]) -> Option<()> {
        let unknown: Vec<_> = self.members.keys().filter(|it| !names.contains(&it.as_str())).collect();
        for name in &unknown {
            self.refuse::<()>(name, Fault::Unknown);
        }
        unknown.is_empty().then_some(())
    }

    /// Whether a member is there, null or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Notes a fault of a member, as one that only shows beside another.
    pub(crate) fn refuse<T>(&mut self, name: &str, fault: Fault) -> Option<T> {
        self.faults.push(described(&format!("{}{name}", self.path), fault));
        None
    }

    /// Notes faults that the domain found among the members.
    pub(crate) fn note<T>(&mut self, faults: Vec<domain::text::FieldFault>) -> Option<T> {
        let path = &self.path;
        self.faults.extend(faults.into_iter().map(|it| described(&format!("{path}{}", it.field), it.fault)));
        None
    }

    fn present(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|it| !it.is_null())
    }

    fn place<'b>(&'b mut self, name: &str, value: &'b Value) -> Place<'b> {
        Place { value, path: format!("{}{name}", self.path), faults: self.faults }
    }
}

/// Reads an object.
pub(crate) fn object<T>(
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> impl FnOnce(Place<'_>) -> Option<T> {
    move |place| {
        let Value::Object(members) = place.value else { return place.refuse(Fault::WrongType("an object")) };
        let path = if place.path.is_empty() { String::new() } else { format!("{}.", place.path) };
        read(&mut Fields { members, path, faults: place.faults })
    }
}

/// Reads an array of at most so many items.
pub(crate) fn list<T>(
    max: usize,
    mut read: impl FnMut(Place<'_>) -> Option<T>,
) -> impl FnOnce(Place<'_>) -> Option<Vec<T>> {
    move |place| {
        let Value::Array(items) = place.value else { return place.refuse(Fault::WrongType("an array")) };
        if items.len() > max {
            return place.refuse(Fault::TooMany { max });
        }
        let mut item =
            |(n, value)| read(Place { value, path: format!("{}[{n}]", place.path), faults: place.faults });
        // All items are read before the first missing one ends it, so that no fault is lost.
        let read: Vec<_> = items.iter().enumerate().map(&mut item).collect();
        read.into_iter().collect()
    }
}

fn described(path: &str, fault: Fault) -> FieldFault {
    FieldFault::new(path, fault.code(), format!("{} {fault}", title(path)))
}

/// The name of a field for people: `payload.origin.avatarUrl` is "Avatar url", the body itself is "Body".
fn title(path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or_default();
    let mut text = String::with_capacity(name.len() + 4);
    for it in if name.is_empty() { "body" } else { name }.chars() {
        if text.is_empty() {
            text.extend(it.to_uppercase());
        } else if it.is_uppercase() {
            text.push(' ');
            text.extend(it.to_lowercase());
        } else {
            text.push(it);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::Patch;
    use serde_json::{Value, json};

    use super::{Fields, list, object, read, title};
    use crate::edge::values::{boolean, integer, number, text};

    /// Path and code of every fault.
    fn faults<T>(body: Value, reader: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Vec<(String, String)> {
        let problem = read(&body, reader).err().expect("it has faults");
        problem.fields().iter().map(|it| (it.field.clone(), it.code.to_string())).collect()
    }

    fn place(fields: &mut Fields<'_>) -> Option<(f64, f64)> {
        let (lat, lng) =
            (fields.required("lat", number(-90.0, 90.0)), fields.required("lng", number(-180.0, 180.0)));
        Some((lat?, lng?))
    }

    #[test]
    fn all_faults_are_told_with_their_paths() {
        let body = json!({"name": 1, "home": {"lat": 91}, "tags": ["a", 2, true], "on": "yes"});
        let faults = faults(body, |fields| {
            let name = fields.required("name", text::<1, 5>);
            let home = fields.required("home", object(place));
            let tags = fields.required("tags", list(5, text::<1, 5>));
            let on = fields.optional("on", boolean);
            let seats = fields.required("seats", integer(1, 10));
            Some((name?, home?, tags?, on?, seats?))
        });
        let expected = [
            ("name", "WRONG_TYPE"),
            ("home.lat", "OUT_OF_RANGE"),
            ("home.lng", "REQUIRED"),
            ("tags[1]", "WRONG_TYPE"),
            ("tags[2]", "WRONG_TYPE"),
            ("on", "WRONG_TYPE"),
            ("seats", "REQUIRED"),
        ];
        assert_eq!(faults, expected.map(|(path, code)| (path.to_owned(), code.to_owned())));
    }

    #[test]
    fn absent_null_and_value_of_a_change_differ() {
        let bio = |body| read(&body, |fields| fields.change("bio", text::<0, 9>)).expect("it is good");
        assert_eq!(bio(json!({})), Patch::Keep);
        assert_eq!(bio(json!({"bio": null})), Patch::Clear);
        assert!(matches!(bio(json!({"bio": ""})), Patch::Set(text) if text.as_str().is_empty()));
    }

    #[test]
    fn a_call_without_body_has_no_members_and_a_body_is_an_object() {
        assert_eq!(read(&Value::Null, |fields| fields.or("n", 7, integer(0, 9))), Ok(7));
        assert_eq!(faults(json!([1]), |_| Some(())), [(String::new(), "WRONG_TYPE".to_owned())]);
    }

    #[test]
    fn strict_objects_name_every_unknown_member() {
        let faults = faults(json!({"a": 1, "b": 2, "c": 3}), |fields| fields.only(&["b"]));
        assert_eq!(faults, ["a", "c"].map(|it| (it.to_owned(), "UNKNOWN_FIELD".to_owned())));
    }

    #[test]
    fn fields_have_names_for_people() {
        assert_eq!(title("email"), "Email");
        assert_eq!(title("payload.origin.avatarUrl"), "Avatar url");
        assert_eq!(title(""), "Body");
    }
}
