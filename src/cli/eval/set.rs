//! An evaluation set: a web with the businesses in it, questions, and the right answers. `samples/eval/README.md` is the format.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The format that this version reads.
const FORMAT_VERSION: u32 = 1;

/// A set, read whole.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) manifest: Manifest,
    pub(super) directory_csv: PathBuf,
    pub(super) pages: Vec<Page>,
    /// Mail servers by domain.
    pub(super) dns: BTreeMap<String, Vec<String>>,
    pub(super) websearch: Vec<Case<SearchExpect>>,
    pub(super) leads: Vec<Case<LeadExpect>>,
}

/// What the set says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) format_version: u32,
}

/// A page of the web.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) content_type: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

#[derive(Debug, Deserialize)]
struct Domain {
    name: String,
    mx: Vec<String>,
}

/// Which half of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(super) enum Split {
    /// Rules may be tuned on it.
    Tune,
    /// They may not.
    HeldOut,
}

/// One question.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Case<E> {
    pub(super) id: String,
    pub(super) split: Split,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) payload: Box<RawValue>,
    pub(super) expect: E,
}

/// The right answer to a websearch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SearchExpect {
    pub(super) matched: bool,
    pub(super) name: Vec<String>,
    pub(super) street: Vec<String>,
    pub(super) city: Vec<String>,
    pub(super) state: Vec<String>,
    pub(super) zip: Vec<String>,
    pub(super) country: Vec<String>,
    pub(super) phones: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) hours: Vec<String>,
    pub(super) website: Option<String>,
    pub(super) people: Vec<ExpectedPerson>,
    pub(super) tolerated: BTreeMap<String, Vec<String>>,
}

/// Somebody who works there.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ExpectedPerson {
    pub(super) name: String,
    #[serde(default)]
    pub(super) role: Option<String>,
}

/// The right answer to a lead.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct LeadExpect {
    pub(super) matched: bool,
    pub(super) fields: BTreeMap<String, Vec<String>>,
    pub(super) contradicted: BTreeMap<String, Vec<String>>,
    pub(super) tolerated: BTreeMap<String, Vec<String>>,
}

/// Why a set can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetError {
    #[error("{path}: {source}")]
    Read { path: String, source: io::Error },
    #[error("{path}, line {line}: {source}")]
    Line { path: String, line: usize, source: serde_json::Error },
    #[error("the set is of format {found}, and this version reads {FORMAT_VERSION}")]
    Format { found: u32 },
}

impl Set {
    pub(super) fn read(dir: &Path) -> Result<Self, SetError> {
        let manifest: Manifest = {
            let path = dir.join("manifest.json");
            serde_json::from_str(&text(&path)?).map_err(|source| SetError::Line { path: path.display().to_string(), line: 1, source })?
        };
        if manifest.format_version != FORMAT_VERSION {
            return Err(SetError::Format { found: manifest.format_version });
        }
        let dns: Vec<Domain> = lines(&dir.join("dns.ndjson"))?;
        Ok(Self {
            manifest,
            directory_csv: dir.join("directory.csv"),
            pages: lines(&dir.join("pages.ndjson"))?,
            dns: dns.into_iter().map(|domain| (domain.name, domain.mx)).collect(),
            websearch: lines(&dir.join("websearch.ndjson"))?,
            leads: lines(&dir.join("leads.ndjson"))?,
        })
    }
}

fn text(path: &Path) -> Result<String, SetError> {
    std::fs::read_to_string(path).map_err(|source| SetError::Read { path: path.display().to_string(), source })
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, SetError> {
    let text = text(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| SetError::Line { path: path.display().to_string(), line: index + 1, source })
        })
        .collect()
}
