//! What a job is asked to do: each route's payload, read from its raw text.
//!
//! Everything is checked at submit, before any charge, and every fault names its field. Limits stand twice, as a check and as
//! a schema attribute, because a schema-valid body must be taken; a test holds the two together. Deliberately absent: limits
//! that depend on settings, such as a ceiling.

pub mod cohort;
pub mod country;
pub mod field;
pub mod lead;
pub mod strict;
pub mod websearch;

pub use cohort::Cohort;
pub use field::{FieldError, FieldErrorKind};
pub use lead::{KNOWN_KEYS, Lead, LeadMode, LeadPayload};
pub use websearch::WebsearchPayload;
