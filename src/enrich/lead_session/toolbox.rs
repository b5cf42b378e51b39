//! The tools that a model may call, and what it may report.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::converse::want_names;
use super::grounds::stands_in;
use super::session::Session;
use super::want::Want;
use crate::enrich::claim::{Claim, Field, plain};
use crate::enrich::research::Tools;
use crate::enrich::vendors::llm::{Schema, SchemaError, Tool, ToolCall};
use crate::enrich::vendors::website::Person;
use crate::enrich::words::fold;

/// How far a value is relied on that a model read out of a source's text, in percent.
const READ_BY_MODEL: u8 = 65;

/// A call, read by its schema.
pub(super) enum Called {
    Directory,
    Search { query: String },
    Read { url: String },
    CheckEmail { address: String },
    Report { values: Vec<Reported>, done: bool },
}

/// One value that the model reports.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reported {
    pub(super) field: String,
    pub(super) value: String,
    /// The number of the source in which it stands.
    pub(super) source: usize,
}

#[derive(Deserialize)]
struct Query {
    query: String,
}

#[derive(Deserialize)]
struct Page {
    url: String,
}

#[derive(Deserialize)]
struct Address {
    address: String,
}

#[derive(Deserialize)]
struct Report {
    values: Vec<Reported>,
    done: bool,
}

/// Those tools whose vendors are configured, and `report`.
pub(super) struct Toolbox {
    tools: Vec<Tool>,
}

impl Toolbox {
    pub(super) fn new(tools: &Tools) -> Result<Self, SchemaError> {
        let text = |description: &str| json!({ "type": "string", "description": description });
        let object = |properties: Value| {
            let required: Vec<&String> = properties.as_object().map(|object| object.keys().collect()).unwrap_or_default();
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
        };
        let tool = |name: &str, description: &str, parameters: Value| {
            Ok(Tool { parameters: Arc::new(Schema::new(name, parameters)?), description: description.to_owned() })
        };
        let value = object(json!({
            "field": { "type": "string", "enum": want_names() },
            "value": text("Word for word as it stands in the source."),
            "source": { "type": "integer", "description": "The number of the source." },
        }));
        let offered = [
            tools
                .directory
                .is_some()
                .then(|| tool("find_in_directory", "Looks the record up in a directory of businesses.", object(json!({})))),
            tools.search.is_some().then(|| tool("search_web", "Searches the web.", object(json!({ "query": text("A few words.") })))),
            tools.website.is_some().then(|| {
                tool("read_page", "Reads a page that a tool has returned the address of.", object(json!({ "url": text("Its address.") })))
            }),
            tools
                .email
                .is_some()
                .then(|| tool("check_email", "Says whether an address can take mail.", object(json!({ "address": text("The address.") })))),
            Some(tool(
                "report",
                "Reports what was found.",
                object(json!({
                    "values": { "type": "array", "items": value },
                    "done": { "type": "boolean", "description": "Nothing more is to be looked for." },
                })),
            )),
        ];
        Ok(Self { tools: offered.into_iter().flatten().collect::<Result<_, _>>()? })
    }

    pub(super) fn tools(&self) -> Vec<Tool> {
        self.tools.clone()
    }

    /// Reads a call by its tool's schema.
    pub(super) fn read(&self, call: &ToolCall) -> Result<Called, String> {
        let tool = self.tools.iter().find(|tool| tool.parameters.name() == call.name).ok_or("there is no such tool")?;
        let (schema, text) = (&tool.parameters, call.arguments.as_str());
        let called = match call.name.as_str() {
            "find_in_directory" => schema.read::<Value>(text).map(|_| Called::Directory),
            "search_web" => schema.read(text).map(|Query { query }| Called::Search { query }),
            "read_page" => schema.read(text).map(|Page { url }| Called::Read { url }),
            "check_email" => schema.read(text).map(|Address { address }| Called::CheckEmail { address }),
            _ => schema.read(text).map(|Report { values, done }| Called::Report { values, done }),
        };
        called.map_err(|mismatch| mismatch.to_string())
    }
}

impl Session<'_> {
    /// Takes a value that the model reports as a claim of its source, where it stands there. Whether it did.
    pub(super) fn take(&mut self, reported: &Reported) -> bool {
        let Some(want) = Want::ALL.into_iter().find(|want| want.key() == reported.field) else { return false };
        let person = self.record.person().map(str::to_owned);
        let at = reported.source.wrapping_sub(1);
        let Some(finding) = self.research.findings.get_mut(at) else { return false };
        if !stands_in(want, &reported.value, &finding.text, &finding.claims) {
            return false;
        }
        match (want, want.field(), person) {
            // What is a person's is theirs only where the source names them.
            (Want::Title | Want::Email, _, Some(name)) => {
                let (text, is_email) = (fold(&finding.text), want == Want::Email);
                if !fold(&name).split(' ').all(|word| text.contains(word)) {
                    return false;
                }
                let (role, email) = if is_email { (None, Some(plain(&reported.value))) } else { (Some(plain(&reported.value)), None) };
                finding.people.push(Person { name, role, email, phone: None });
                true
            }
            (Want::Title, _, None) | (_, None, _) => false,
            (_, Some(field), _) => {
                let value =
                    if field == Field::Website { format!("https://{}/", reported.value.trim_matches('/')) } else { reported.value.clone() };
                let claim = Claim::new(field, &value, READ_BY_MODEL).filter(|claim| !finding.claims.contains(claim));
                finding.claims.extend(claim);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_one_that_servers_keep_strictly() {
        assert_eq!(Toolbox::new(&Tools::default()).unwrap().tools().len(), 1);
    }
}
