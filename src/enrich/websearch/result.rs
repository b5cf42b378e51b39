//! The result on the wire, and its summary for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::enrich::Stop;
use crate::enrich::research::markdown::escaped;
use crate::enrich::research::{Address, Business, Finding, Leaf, Source};
use crate::types::WebsearchPayload;

/// Everything that the result says.
pub(super) struct Report<'a> {
    pub(super) payload: &'a WebsearchPayload,
    /// All that was answered was kept from earlier searches.
    pub(super) cache_hit: bool,
    pub(super) business: Option<Business>,
    pub(super) findings: &'a [Finding],
    pub(super) score: Option<u32>,
    pub(super) rivalled: bool,
    pub(super) closed: bool,
    pub(super) stopped: Option<Stop>,
}

#[derive(Serialize)]
struct Wire<'a> {
    matched: bool,
    cache_hit: bool,
    business: Option<&'a Business>,
    sources: Vec<Source<'a>>,
    summary_markdown: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_because: Option<&'static str>,
}

impl Report<'_> {
    pub(super) fn to_json(&self) -> String {
        let wire = Wire {
            matched: self.score.is_some(),
            cache_hit: self.cache_hit,
            business: self.business.as_ref(),
            sources: Source::all(self.findings),
            summary_markdown: self.summary(),
            stopped_because: self.stopped.map(|stop| match stop {
                Stop::Budget => "budget",
                Stop::Deadline => "deadline",
                Stop::Cancelled => "cancelled",
                Stop::Insolvent => "insolvent",
            }),
        };
        // Strings, whole numbers and finite fractions always become JSON.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    fn summary(&self) -> String {
        let mut text = match (&self.business, self.score) {
            (Some(business), Some(score)) => self.found(business, score),
            (Some(_) | None, _) => self.not_found(),
        };
        if let Some(stop) = self.stopped {
            write!(text, "\n\nThe search ended early: {stop}.").unwrap_or_default();
        }
        text
    }

    fn not_found(&self) -> String {
        let WebsearchPayload { business_name, city, state, zip, .. } = self.payload;
        let place: Vec<String> = [city, state, zip].into_iter().flatten().map(|part| escaped(part)).collect();
        let place = if place.is_empty() { String::new() } else { format!(" in {}", place.join(", ")) };
        let why = if self.closed {
            "The business that fits is closed for good."
        } else if self.rivalled {
            "Several businesses fit equally well; a city, a street or a phone number would tell them apart."
        } else {
            "No source knows a business that fits."
        };
        format!("**No match** for {}{place}. {why}", escaped(business_name))
    }

    fn found(&self, business: &Business, score: u32) -> String {
        let name = business.name.as_ref().map_or(&self.payload.business_name, |leaf| &leaf.value);
        let mut text = format!("**{}** (match, {score} of 100 points)\n", escaped(name));
        let Address { street, city, state, zip, country } = &business.address;
        let state_zip = [state, zip].into_iter().flatten().map(|leaf| leaf.value.as_str()).collect::<Vec<_>>().join(" ");
        let parts = [text_of(street.as_ref()), text_of(city.as_ref()), state_zip.as_str(), text_of(country.as_ref())];
        let address = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let values = |leaves: &[Leaf]| leaves.iter().map(|leaf| leaf.value.as_str()).collect::<Vec<_>>().join(", ");
        let people = business.people.iter().map(|person| match &person.role {
            Some(role) => format!("{} ({})", person.name.value, role.value),
            None => person.name.value.clone(),
        });
        for (label, value) in [
            ("Registered as", text_of(business.legal_name.as_ref()).to_owned()),
            ("Address", address),
            ("Phone", values(&business.phones)),
            ("E-mail", values(&business.emails)),
            ("Website", text_of(business.website.as_ref()).to_owned()),
            ("Profiles", business.social.values().map(|leaf| leaf.value.as_str()).collect::<Vec<_>>().join(", ")),
            ("Does", values(&business.categories)),
            ("Hours", text_of(business.hours.as_ref()).to_owned()),
            ("People", people.collect::<Vec<_>>().join(", ")),
        ] {
            if !value.is_empty() {
                write!(text, "\n- {label}: {}", escaped(&value)).unwrap_or_default();
            }
        }
        text.push_str("\n\nSources:");
        for (index, finding) in self.findings.iter().enumerate() {
            let url = finding.url.as_deref().map(|url| format!(", {}", escaped(url))).unwrap_or_default();
            write!(text, "\n{}. {}{url}", index + 1, escaped(&finding.title)).unwrap_or_default();
        }
        text
    }
}

fn text_of(leaf: Option<&Leaf>) -> &str {
    leaf.map_or("", |leaf| leaf.value.as_str())
}
