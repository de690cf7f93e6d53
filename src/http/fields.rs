//! Reads the fields of a body or of a query string, and collects everything that is wrong with them.
//!
//! serde stops at the first fault and knows no rules; here each field is taken once, by a reader that either gives a
//! value of the right type or says in words what it must be, and whatever was not taken is unknown.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::problem::FieldError;
use crate::models::document::whole;

/// How much of a name goes back to whoever sent it. An unknown field's name is the caller's own text.
const NAME_CHARS_MAX: usize = 100;

/// How many faults are told. Nobody mends more at a time, and a hostile body could have hundreds of thousands.
const FAULTS_MAX: usize = 1_000;

/// What is wrong with a value, as the rest of a sentence that begins with its name: "must be a text".
pub type Fault = String;

/// The fields that a request may bring, each with its rules.
pub trait ReadFields: Sized {
    /// Takes every field that is known. `None` only if a fault was noted, so take all of them before giving up.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// The fields of one object, and the faults that were found so far.
pub struct Fields {
    values: Map<String, Value>,
    faults: Vec<FieldError>,
    more_faults: bool,
}

impl Fields {
    /// Reads a whole body.
    ///
    /// # Errors
    /// Every fault of every field, unknown ones among them.
    pub fn read_body<T: ReadFields>(body: Value) -> Result<T, Vec<FieldError>> {
        let Value::Object(values) = body else {
            return Err(vec![FieldError {
                field: String::new(),
                message: "must be a JSON object".to_owned(),
            }]);
        };
        Self::of(values).finish()
    }

    /// Reads the pairs of a query string; each value is a text.
    ///
    /// # Errors
    /// Every fault of every parameter: unknown ones and those given twice among them.
    pub fn read_query<T: ReadFields>(pairs: Vec<(String, String)>) -> Result<T, Vec<FieldError>> {
        let mut times: HashMap<String, usize> = HashMap::new();
        let mut values = Map::new();
        for (name, value) in pairs {
            *times.entry(name.clone()).or_default() += 1;
            values.insert(name, Value::String(value));
        }
        let mut fields = Self::of(values);
        for (name, _) in times.into_iter().filter(|(_, times)| *times > 1) {
            fields.fault(&name, "must not be given more than once");
        }
        fields.finish()
    }

    fn of(values: Map<String, Value>) -> Self {
        Self { values, faults: Vec::new(), more_faults: false }
    }

    /// Takes a field that must be there.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.values.remove(name) {
            Some(value) => self.value(name, value, read),
            None => {
                self.fault(name, "is required");
                None
            }
        }
    }

    /// Takes a field that may be missing. A `null` is handed to the reader like any other value.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        match self.values.remove(name) {
            Some(value) => self.value(name, value, read).map(Some),
            None => Some(None),
        }
    }

    /// Takes a field that may be missing, or `null`, which means the same.
    pub fn nullable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        if self.values.get(name).is_some_and(Value::is_null) {
            self.values.remove(name);
        }
        self.optional(name, read)
    }

    fn value<T>(
        &mut self,
        name: &'static str,
        value: Value,
        read: impl FnOnce(Value) -> Result<T, Fault>,
    ) -> Option<T> {
        match read(value) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault(name, fault);
                None
            }
        }
    }

    fn fault(&mut self, name: &str, message: impl Into<String>) {
        if self.faults.len() >= FAULTS_MAX {
            self.more_faults = true;
            return;
        }
        let field = name.chars().take(NAME_CHARS_MAX).collect();
        self.faults.push(FieldError { field, message: message.into() });
    }

    fn finish<T: ReadFields>(mut self) -> Result<T, Vec<FieldError>> {
        let read = T::read(&mut self);
        for name in std::mem::take(&mut self.values).keys() {
            if self.more_faults {
                break;
            }
            self.fault(name, "is not a known field");
        }
        if self.more_faults {
            let message = format!("there are more than {FAULTS_MAX} faults");
            self.faults.push(FieldError { field: String::new(), message });
        }
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }
}

/// Reads a text.
///
/// # Errors
/// Says that it is none.
pub fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a text".to_owned()),
    }
}

/// Reads a whole number that fits 32 bits.
///
/// # Errors
/// Says that it is none.
pub fn whole_number(value: Value) -> Result<i32, Fault> {
    let number = whole(&value).and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| format!("must be a whole number from {} to {}", i32::MIN, i32::MAX))
}

/// Reads a text that is written like `T`.
///
/// # Errors
/// Says what it must be, in the words of `expected`.
pub fn parsed<T: std::str::FromStr>(value: Value, expected: &str) -> Result<T, Fault> {
    text(value)?.parse().map_err(|_not_one| format!("must be {expected}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Pet {
        name: String,
        age: Option<i32>,
        note: Option<String>,
    }

    impl ReadFields for Pet {
        fn read(fields: &mut Fields) -> Option<Self> {
            let name = fields.required("name", text);
            let age = fields.optional("age", whole_number);
            let note = fields.nullable("note", text);
            Some(Self { name: name?, age: age?, note: note? })
        }
    }

    fn faults(body: Value) -> Vec<(String, String)> {
        let faults = Fields::read_body::<Pet>(body).unwrap_err();
        faults.into_iter().map(|fault| (fault.field, fault.message)).collect()
    }

    #[test]
    fn a_good_body_is_read() {
        let pet: Pet = Fields::read_body(json!({"name": "Rex", "note": null})).unwrap();
        assert_eq!(pet, Pet { name: "Rex".to_owned(), age: None, note: None });
    }

    #[test]
    fn every_fault_is_told_at_once_and_names_its_field() {
        let found = faults(json!({"age": "3", "colour": "red", "note": 1}));
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["name", "age", "note", "colour"]);
        assert_eq!(found[0].1, "is required");
        assert_eq!(found[3].1, "is not a known field");
    }

    #[test]
    fn null_is_a_value_unless_the_field_is_nullable() {
        assert_eq!(faults(json!({"name": null}))[0].0, "name");
        assert_eq!(faults(json!({"name": "Rex", "age": null}))[0].0, "age");
    }

    #[test]
    fn a_body_that_is_no_object_is_a_fault_of_the_whole() {
        assert_eq!(faults(json!([1])), [(String::new(), "must be a JSON object".to_owned())]);
    }

    #[test]
    fn whole_numbers_are_whole_and_fit() {
        for not_one in
            [json!(1.5), json!(1e10), json!(3_000_000_000_u64), json!("1"), json!(null), json!(true)]
        {
            assert!(whole_number(not_one.clone()).is_err(), "{not_one}");
        }
        assert_eq!(whole_number(json!(-7)), Ok(-7));
        assert_eq!(whole_number(json!(-7.0)), Ok(-7));
        assert_eq!(whole_number(json!(i32::MAX)), Ok(i32::MAX));
    }

    #[test]
    fn an_unknown_fields_name_comes_back_cut() {
        let name = "x".repeat(10_000);
        let found = faults(json!({"name": "Rex", (name): 1}));
        assert_eq!(found[0].0.len(), NAME_CHARS_MAX);
    }

    #[test]
    fn faults_are_many_but_not_without_end() {
        let body = |unknown: usize| (0..unknown).map(|index| (format!("x{index}"), json!(1))).collect();
        assert_eq!(faults(Value::Object(body(999))).len(), 1_000);
        let found = faults(Value::Object(body(100_000)));
        assert_eq!((found.len(), found[0].0.as_str()), (1_001, "name"));
        assert_eq!(found[1_000], (String::new(), "there are more than 1000 faults".to_owned()));
    }

    #[test]
    fn a_parameter_that_is_given_twice_is_a_fault() {
        let pairs = vec![("name".to_owned(), "a".to_owned()), ("name".to_owned(), "b".to_owned())];
        assert_eq!(Fields::read_query::<Pet>(pairs).unwrap_err()[0].field, "name");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaves = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaves.prop_recursive(4, 24, 4, |inner| {
            let names = prop_oneof![Just("name".to_owned()), Just("age".to_owned()), ".{0,200}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names, inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_has_short_faults_each_of_which_names_a_field_of_it_or_one_that_is_missing(body in values()) {
            if let Err(faults) = Fields::read_body::<Pet>(body.clone()) {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    let is_of_it = body.as_object().is_some_and(|fields| {
                        fields.keys().any(|name| name.starts_with(&fault.field))
                    });
                    prop_assert!(is_of_it || fault.field == "name" || fault.field.is_empty(), "{:?}", fault);
                    prop_assert!(fault.field.chars().count() <= NAME_CHARS_MAX && fault.message.len() < 100);
                }
            }
        }

        #[test]
        fn any_query_is_read_or_has_faults(pairs in prop::collection::vec(("name|note|.{0,5}", ".{0,10}"), 0..6)) {
            let names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
            match Fields::read_query::<Pet>(pairs.clone()) {
                Ok(pet) => prop_assert!(pairs.contains(&("name".to_owned(), pet.name))),
                Err(faults) => prop_assert!(faults.iter().all(|fault| fault.field == "name" || names.contains(&fault.field))),
            }
        }
    }
}
