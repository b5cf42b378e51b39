//! What serde would let pass: a key given twice in an object whose keys are free, and nesting without end.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::field::{FieldError, push_token};

/// How deep a payload may nest.
pub const DEPTH_MAX: usize = 32;

/// Checks that `text` is one JSON value without duplicate keys, at most [`DEPTH_MAX`] deep.
///
/// Numbers are checked for their grammar only, so an amount like `1e400` is left to the field that reads it (safety.md N3, N4).
///
/// # Errors
/// A `Syntax` error at the first fault.
pub fn check(text: &str) -> Result<(), FieldError> {
    let value: &RawValue = serde_json::from_str(text).map_err(|error| FieldError::syntax("", error.to_string()))?;
    check_value(value, &mut String::new(), 0)
}

fn check_value(value: &RawValue, pointer: &mut String, depth: usize) -> Result<(), FieldError> {
    let fault = |error: serde_json::Error, pointer: &str| FieldError::syntax(pointer, error.to_string());
    let text = value.get();
    if text.starts_with(['{', '[']) && depth >= DEPTH_MAX {
        return Err(FieldError::syntax(pointer.as_str(), format!("must not nest deeper than {DEPTH_MAX}")));
    }
    let here = pointer.len();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(|error| fault(error, pointer))?;
            let mut seen = HashSet::new();
            for (key, member) in &members {
                push_token(pointer, key);
                if !seen.insert(key) {
                    return Err(FieldError::syntax(pointer.as_str(), "is given twice"));
                }
                check_value(member, pointer, depth.saturating_add(1))?;
                pointer.truncate(here);
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| fault(error, pointer))?;
            for (index, item) in items.into_iter().enumerate() {
                push_token(pointer, &index.to_string());
                check_value(item, pointer, depth.saturating_add(1))?;
                pointer.truncate(here);
            }
        }
        // A skipped string isn't decoded, and half a surrogate pair would only be found when somebody reads it.
        Some(b'"') => {
            let _decoded: Cow<'_, str> = serde_json::from_str(text).map_err(|error| fault(error, pointer))?;
        }
        _ => {}
    }
    Ok(())
}

/// An object's members in order, a repeated key as often as it stands there.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pointer(text: &str) -> Option<String> {
        check(text).err().map(|error| error.pointer)
    }

    #[test]
    fn a_key_given_twice_is_found_anywhere() {
        assert_eq!(pointer(r#"{"a":1,"b":{"a":1}}"#), None);
        assert_eq!(pointer(r#"{"a":1,"b":2,"a":3}"#).as_deref(), Some("/a"));
        assert_eq!(pointer(r#"{"x":[{},{"a/b":{"~":1,"\u007e":2}}]}"#).as_deref(), Some("/x/1/a~1b/~0"));
    }

    #[test]
    fn numbers_are_left_to_their_fields_and_halves_of_characters_are_not() {
        assert_eq!(pointer(r#"{"a":1e400,"b":-0}"#), None);
        assert_eq!(pointer(r#"{"a":01}"#).as_deref(), Some(""));
        assert_eq!(pointer(r#"{"a":"\ud800"}"#).as_deref(), Some("/a"));
        assert_eq!(pointer("{} {}").as_deref(), Some(""));
    }

    /// Safety.md N4: depth is bounded before anything recurses over it.
    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check(&nested(DEPTH_MAX)).is_ok());
        assert!(check(&nested(DEPTH_MAX + 1)).is_err());
        assert!(check(&nested(30_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in r#"[\{\}\[\]",:0-9a\\ ]{0,60}"#) {
            let taken = check(&text).is_ok();
            prop_assert!(!taken || serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}
