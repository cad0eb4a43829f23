//! Reading a JSON object of a call: every fault is noted with its path, and what is right comes out parsed.

use serde_json::{Map, Value};

use crate::Patch;
use crate::text::{Fault, FieldFault};

/// A JSON object that is being read, with the faults found so far.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    members: &'a Map<String, Value>,
    asked_for: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

impl<'a> Body<'a> {
    /// Nothing read yet.
    pub(crate) const fn new(members: &'a Map<String, Value>) -> Self {
        Self { members, asked_for: Vec::new(), faults: Vec::new() }
    }

    /// A change of a field that cannot become null.
    pub(crate) fn change<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.patch(name, parse) {
            Patch::Keep => None,
            Patch::Set(value) => Some(value),
            Patch::Clear => {
                self.note(name, Fault::Required);
                None
            }
        }
    }

    /// A field that may be absent or null.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.patch(name, parse) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// A field that must be there; none when it is at fault.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<T> {
        if !self.members.contains_key(name) {
            self.note(name, Fault::Required);
        }
        self.change(name, parse)
    }

    /// A change of a field that null clears.
    pub(crate) fn patch<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Patch<T> {
        self.asked_for.push(name);
        match self.members.get(name) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(value) => match parse(value) {
                Ok(value) => Patch::Set(value),
                Err(fault) => {
                    self.note(name, fault);
                    Patch::Keep
                }
            },
        }
    }

    /// A change of a list of at least `fewest`; each entry tells its own faults, with paths below its own.
    pub(crate) fn entries<T>(
        &mut self,
        name: &'static str,
        fewest: usize,
        parse: impl Fn(&Value) -> Result<T, Vec<FieldFault>>,
    ) -> Option<Vec<T>> {
        let list = self.change(name, |value| value.as_array().cloned().ok_or(Fault::WrongType("a list")))?;
        if list.len() < fewest {
            self.note(name, Fault::TooFew { min: fewest });
        }
        let mut entries = Vec::with_capacity(list.len());
        for (n, value) in list.iter().enumerate() {
            match parse(value) {
                Ok(entry) => entries.push(entry),
                Err(faults) => {
                    self.faults.extend(faults.into_iter().map(|it| it.below(&format!("{name}[{n}]"))))
                }
            }
        }
        Some(entries)
    }

    /// Notes a fault.
    pub(crate) fn note(&mut self, field: &str, fault: Fault) {
        self.faults.push(FieldFault::new(field, fault));
    }

    /// Notes the faults of a part that was read elsewhere.
    pub(crate) fn note_all(&mut self, faults: Vec<FieldFault>) {
        self.faults.extend(faults);
    }

    /// Whether the object has a member of this name.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Notes every member that was not asked for.
    pub(crate) fn refuse_the_rest(&mut self) {
        let unknown = self.members.keys().filter(|name| !self.asked_for.contains(&name.as_str()));
        self.faults.extend(unknown.map(|name| FieldFault::new(name, Fault::Unknown)));
    }

    /// What was read, unless there was a fault.
    ///
    /// # Errors
    /// All faults.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Vec<FieldFault>> {
        if self.faults.is_empty() { Ok(value) } else { Err(self.faults) }
    }
}

/// A truth value.
pub(crate) fn truth(value: &Value) -> Result<bool, Fault> {
    value.as_bool().ok_or(Fault::WrongType("true or false"))
}

/// A number from `min` to `max`.
pub(crate) fn number(min: f64, max: f64) -> impl Fn(&Value) -> Result<f64, Fault> {
    move |value| {
        let number = value.as_f64().ok_or(Fault::WrongType("a number"))?;
        if (min..=max).contains(&number) { Ok(number) } else { Err(Fault::OutOfRange { min, max }) }
    }
}

/// A whole number from `min` to `max`, also when it is written with a point.
pub(crate) fn whole(min: i32, max: i32) -> impl Fn(&Value) -> Result<i32, Fault> {
    move |value| {
        let number = value.as_f64().ok_or(Fault::WrongType("a number"))?;
        if number.fract() != 0.0 {
            return Err(Fault::WrongType("a whole number"));
        }
        if !(f64::from(min)..=f64::from(max)).contains(&number) {
            return Err(Fault::OutOfRange { min: min.into(), max: max.into() });
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range of i32")]
        Ok(number as i32)
    }
}

/// One of the names in a text such as `public, private`.
pub(crate) fn one_of(names: &'static str) -> impl Fn(&Value) -> Result<String, Fault> {
    move |value| {
        let text = value.as_str().ok_or(Fault::WrongType("text"))?.trim();
        let known = names.split(", ").any(|name| name == text);
        if known { Ok(text.to_owned()) } else { Err(Fault::NotAllowed(names)) }
    }
}
