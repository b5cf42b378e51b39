//! Values on the wire, each with how certain it is and who says so.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Finding;
use crate::types::Timestamp;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leaf {
    /// The value, on one line.
    pub value: String,
    /// In percent; a fraction of one on the wire.
    #[serde(serialize_with = "as_fraction")]
    pub confidence: u32,
    /// The ids of those who say so.
    pub sources: Vec<String>,
    /// What others say instead, the most certain first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Leaf>,
}

/// The business, value by value.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Business {
    /// The name it trades under.
    pub name: Option<Leaf>,
    /// Its name in the register.
    pub legal_name: Option<Leaf>,
    /// The most certain first, in E.164 where that is known.
    pub phones: Vec<Leaf>,
    /// The most certain first.
    pub emails: Vec<Leaf>,
    /// Its own website.
    pub website: Option<Leaf>,
    /// Where it is.
    pub address: Address,
    /// Its profiles by network.
    pub social: BTreeMap<String, Leaf>,
    /// What it does.
    pub categories: Vec<Leaf>,
    /// When it is open.
    pub hours: Option<Leaf>,
    /// Who works there.
    pub people: Vec<PersonLeaf>,
}

/// An address, part by part.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Address {
    /// House number and street.
    pub street: Option<Leaf>,
    /// City or town.
    pub city: Option<Leaf>,
    /// State, province or region.
    pub state: Option<Leaf>,
    /// Postal code.
    pub zip: Option<Leaf>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Leaf>,
}

/// Somebody who works there.
#[derive(Debug, Clone, Serialize)]
pub struct PersonLeaf {
    /// Given and family name.
    pub name: Leaf,
    /// What they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Leaf>,
}

/// Who said something.
#[derive(Debug, Clone, Serialize)]
pub struct Source<'a> {
    id: String,
    url: Option<&'a str>,
    title: &'a str,
    fetched_at: Timestamp,
    tool: &'static str,
}

impl Leaf {
    /// A value that the findings at `sources` say.
    pub fn new(value: &str, confidence: u32, sources: impl Iterator<Item = usize>) -> Self {
        Self { value: value.to_owned(), confidence, sources: sources.map(source_id).collect(), alternatives: Vec::new() }
    }

    /// Another value out of the same mouths.
    pub fn as_sure_of(&self, value: &str) -> Self {
        Self { value: value.to_owned(), alternatives: Vec::new(), ..self.clone() }
    }
}

impl<'a> Source<'a> {
    /// All of them, in the order of the findings.
    pub fn all(findings: &'a [Finding]) -> Vec<Self> {
        let sources = findings.iter().enumerate();
        sources
            .map(|(index, finding)| {
                let Finding { tool, url, title, fetched_at, .. } = finding;
                Self { id: source_id(index), url: url.as_deref(), title, fetched_at: *fetched_at, tool }
            })
            .collect()
    }
}

/// The id of the finding at `index`.
pub fn source_id(index: usize) -> String {
    format!("s{}", index + 1)
}

/// Percent as a fraction of one.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
pub fn as_fraction<S: Serializer>(percent: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(f64::from(*percent) / 100.0)
}
