//! What is wrong with a field, and where it stands.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::strict;

/// One fault of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where: a JSON Pointer (RFC 6901) relative to the payload, `""` for the whole of it.
    pub pointer: String,
    /// What it should be, in words for its sender.
    pub detail: String,
    /// Whether the text is no JSON of ours at all, or JSON that says something we can't take.
    pub kind: FieldErrorKind,
}

/// What sort of fault it is; the edge answers with 400 or 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// Not JSON, a key given twice, or nested too deeply.
    Syntax,
    /// An unknown field, a wrong type, or a value outside its limits.
    Invalid,
}

impl FieldError {
    /// A value that can't be taken.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), kind: FieldErrorKind::Invalid }
    }

    /// Text that is no JSON of ours.
    pub fn syntax(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), kind: FieldErrorKind::Syntax }
    }
}

/// Appends a reference token to a pointer, with `~` and `/` escaped (RFC 6901 section 3).
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// Reads an object into `T`: first its syntax, then its types, with the pointer of the first fault of either.
///
/// # Errors
/// The one fault at which reading stopped.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, FieldError> {
    strict::check(text)?;
    // Serde would fill a struct from an array too, by place: nobody who sent one meant it.
    if !is_object(text) {
        return Err(FieldError::invalid("", "must be an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let mut pointer = pointer_to(error.path());
        let inner = error.inner();
        let mut detail = without_position(&inner.to_string());
        if let Some(field) = missing_field(&detail) {
            push_token(&mut pointer, field);
            detail = String::from("is required");
        }
        if inner.is_data() { FieldError::invalid(pointer, detail) } else { FieldError::syntax(pointer, detail) }
    })
}

/// The same for a type whose own reading refuses whatever [`read`] refuses: quick where all is well, careful where it is not, to
/// find the words and the place.
///
/// # Errors
/// As [`read`].
pub fn read_quickly<T: DeserializeOwned>(text: &str) -> Result<T, FieldError> {
    match serde_json::from_str(text) {
        Ok(value) if is_object(text) => Ok(value),
        Ok(_) | Err(_) => read(text),
    }
}

/// By its first character: whatever follows is for the reader.
fn is_object(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{')
}

/// Collects a fault where `fault` is one.
pub(super) fn note(faults: &mut Vec<FieldError>, pointer: &str, fault: Result<(), String>) {
    if let Err(detail) = fault {
        faults.push(FieldError::invalid(pointer, detail));
    }
}

/// At most `max` characters, counted as JSON Schema counts them.
pub(super) fn at_most(text: &str, max: usize) -> Result<(), String> {
    if text.chars().count() > max { Err(format!("must have at most {max} characters")) } else { Ok(()) }
}

/// From `min` to `max`.
pub(super) fn within(value: i64, min: i64, max: i64) -> Result<(), String> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(format!("must be from {min} to {max}")) }
}

fn pointer_to(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push_token(&mut pointer, &index.to_string()),
            Segment::Map { key } => push_token(&mut pointer, key),
            Segment::Enum { variant } => push_token(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Serde reports a missing field at the object that lacks it; its sender looks for the field's own name.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// The line and column would be those of the payload inside the body, which helps nobody; the pointer does.
fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(before, _)| before).to_owned()
}
