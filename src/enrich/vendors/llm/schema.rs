//! JSON schemas: what a model's JSON must be, for the server to keep and for us to make sure of.

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde::de::DeserializeOwned;
use serde_json::Value;

const NAME_BYTES_MAX: usize = 64;

/// A schema with a name: of an answer's form, or of a function with its parameters.
pub struct Schema {
    name: String,
    document: Value,
    validator: Validator,
}

/// Why a schema can't be used. It is ours, so this is a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Not 1 to 64 letters, digits, `_` and `-`.
    #[error("{0:?} is no name for a schema")]
    Name(String),
    /// Not a JSON schema, or one that refers to another document.
    #[error("it is no schema by itself: {0}")]
    Invalid(String),
    /// Servers that keep a schema strictly take only objects that are closed, with all of their properties required.
    #[error("an object at {0:?} is open, or has a property that isn't required")]
    Loose(String),
}

/// Why a text isn't what the schema says. The message holds places in the schema and in the text, and nothing of what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Not JSON.
    #[error("it isn't JSON")]
    Syntax,
    /// JSON of another form.
    #[error("it doesn't fit the schema: {at:?} breaks the rule at {rule:?}")]
    Rule {
        /// Where in the text, as a JSON pointer.
        at: String,
        /// Where in the schema, as a JSON pointer.
        rule: String,
    },
    /// It fits the schema, but not our type: the two disagree.
    #[error("it fits the schema, but can't be read")]
    Type,
}

impl Schema {
    /// A schema for strict use.
    ///
    /// # Errors
    /// [`SchemaError`]
    pub fn new(name: impl Into<String>, document: Value) -> Result<Self, SchemaError> {
        let name = name.into();
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !is_plain {
            return Err(SchemaError::Name(name));
        }
        check_strict(&document, "")?;
        // Nothing is fetched, and no pattern can be made slow by what it is tried on.
        let options = jsonschema::options().offline().with_pattern_options(PatternOptions::regex());
        let validator = options.build(&document).map_err(|error| SchemaError::Invalid(error.to_string()))?;
        Ok(Self { name, document, validator })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it goes out.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Reads a text that must be as the schema says, whatever the server promised.
    ///
    /// # Errors
    /// [`Mismatch`]; a model may be told of it and try again.
    pub fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, Mismatch> {
        let value: Value = serde_json::from_str(text).map_err(|_| Mismatch::Syntax)?;
        self.validator
            .validate(&value)
            .map_err(|error| Mismatch::Rule { at: error.instance_path().to_string(), rule: error.schema_path().to_string() })?;
        serde_json::from_value(value).map_err(|_| Mismatch::Type)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Every object that the document describes is closed and whole.
fn check_strict(schema: &Value, at: &str) -> Result<(), SchemaError> {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            if properties.is_some() || members.get("type").is_some_and(|kind| kind == "object") {
                let required: Vec<&str> =
                    members.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
                let is_closed = members.get("additionalProperties") == Some(&Value::Bool(false));
                if !is_closed
                    || !properties.into_iter().flat_map(|properties| properties.keys()).all(|name| required.contains(&name.as_str()))
                {
                    return Err(SchemaError::Loose(at.to_owned()));
                }
            }
            // An enum's values and a constant are no schemas, but then they describe no objects of ours either.
            members
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "enum" | "const"))
                .try_for_each(|(name, below)| check_strict(below, &format!("{at}/{name}")))
        }
        Value::Array(items) => items.iter().enumerate().try_for_each(|(number, below)| check_strict(below, &format!("{at}/{number}"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Person {
        name: String,
        age: Option<u8>,
    }

    fn person() -> Value {
        json!({
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 5, "pattern": "^[A-Z]"}, "age": {"type": ["integer", "null"]}},
            "required": ["name", "age"],
            "additionalProperties": false
        })
    }

    #[test]
    fn what_fits_is_read_and_what_does_not_is_told_by_its_place() {
        let schema = Schema::new("person", person()).unwrap();
        let read = |text: &str| schema.read::<Person>(text);
        assert_eq!(read(r#"{"name":"Ann","age":null}"#), Ok(Person { name: "Ann".to_owned(), age: None }));
        for (text, at, rule) in [
            (r#"{"name":"Ann"}"#, "", "/required"),
            (r#"{"name":7,"age":1}"#, "/name", "/properties/name/type"),
            (r#"{"name":"Hunter2","age":1}"#, "/name", "/properties/name/maxLength"),
            (r#"{"name":"ann","age":1}"#, "/name", "/properties/name/pattern"),
            (r#"{"name":"Ann","age":1.5}"#, "/age", "/properties/age/type"),
            (r#"{"name":"Ann","age":1,"hunter2":1}"#, "", "/additionalProperties"),
            ("[]", "", "/type"),
            ("null", "", "/type"),
        ] {
            assert_eq!(read(text), Err(Mismatch::Rule { at: at.to_owned(), rule: rule.to_owned() }), "{text}");
            assert!(!read(text).unwrap_err().to_string().to_lowercase().contains("hunter2"));
        }
        assert_eq!(read(r#"{"name":"Ann","age":300}"#), Err(Mismatch::Type));
        let deep = "[".repeat(100_000);
        for text in ["", "{", "```json\n{}\n```", r#"{"name":"Ann","age":1} and more"#, deep.as_str()] {
            assert_eq!(read(text), Err(Mismatch::Syntax));
        }
    }

    #[test]
    fn what_a_strict_server_would_refuse_is_refused_here() {
        let mut open = person();
        open["additionalProperties"] = json!(true);
        let mut optional = person();
        optional["required"] = json!(["name"]);
        for loose in [open, optional] {
            assert_eq!(Schema::new("a", loose.clone()).unwrap_err(), SchemaError::Loose(String::new()));
            let nested = json!({"type": "array", "items": {"anyOf": [{"type": "null"}, loose]}});
            assert_eq!(Schema::new("a", nested).unwrap_err(), SchemaError::Loose("/items/anyOf/1".to_owned()));
        }
        assert!(Schema::new("a", json!({"type": "object"})).is_err(), "open to anything");
        for name in ["", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(Schema::new(name, person()).unwrap_err(), SchemaError::Name(name.to_owned()));
        }
    }

    /// A schema by itself: nothing is fetched for it, and no pattern takes for ever.
    #[test]
    fn nothing_outside_and_nothing_slow() {
        for reference in ["https://example.com/schema.json", "file:///etc/hostname", "other.json"] {
            assert!(matches!(Schema::new("a", json!({"$ref": reference})), Err(SchemaError::Invalid(_))), "{reference}");
        }
        assert!(matches!(Schema::new("a", json!({"type": 7})), Err(SchemaError::Invalid(_))));
        let slow = Schema::new("a", json!({"type": "string", "pattern": "^(a+)+$"})).unwrap();
        assert!(slow.read::<String>(&format!("\"{}!\"", "a".repeat(50_000))).is_err());
        assert!(Schema::new("a", json!({"type": "string", "pattern": "(a)\\1"})).is_err(), "needs going back");
    }
}
