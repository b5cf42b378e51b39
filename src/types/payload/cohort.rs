//! Which jobs of a route cost about alike, as far as their payload tells.

use serde::{Deserialize, Serialize};

use super::{LeadMode, LeadPayload, WebsearchPayload};
use crate::types::Route;

/// A kind of payload. Its order is a stored format: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cohort {
    /// A websearch that is given a name and nothing else.
    NameAlone,
    /// One that is given where the business is, or its phone number.
    NameAndPlace,
    /// One that is given its domain.
    NameAndDomain,
    /// A lead session in the mode `auto`.
    Auto,
    /// The same, with a domain in the record.
    AutoWithDomain,
    /// A lead session in the mode `waterfall`.
    Waterfall,
    /// The same, with a domain in the record.
    WaterfallWithDomain,
    /// A lead session in the mode `llm`.
    Llm,
    /// The same, with a domain in the record.
    LlmWithDomain,
}

impl Cohort {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::NameAlone,
        Self::NameAndPlace,
        Self::NameAndDomain,
        Self::Auto,
        Self::AutoWithDomain,
        Self::Waterfall,
        Self::WaterfallWithDomain,
        Self::Llm,
        Self::LlmWithDomain,
    ];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NameAlone => "name",
            Self::NameAndPlace => "name_and_place",
            Self::NameAndDomain => "name_and_domain",
            Self::Auto => "auto",
            Self::AutoWithDomain => "auto_with_domain",
            Self::Waterfall => "waterfall",
            Self::WaterfallWithDomain => "waterfall_with_domain",
            Self::Llm => "llm",
            Self::LlmWithDomain => "llm_with_domain",
        }
    }

    /// Of a route's payload; none where that can't be read.
    pub fn of(route: Route, payload: &str) -> Option<Self> {
        match route {
            Route::Websearch => WebsearchPayload::parse(payload).ok().as_ref().map(Self::of_websearch),
            Route::LeadSession => LeadPayload::parse(payload).ok().as_ref().map(Self::of_lead),
        }
    }

    fn of_websearch(payload: &WebsearchPayload) -> Self {
        let WebsearchPayload { city, state, zip, street, phone, domain, .. } = payload;
        if domain.is_some() {
            Self::NameAndDomain
        } else if [city, state, zip, street, phone].into_iter().any(Option::is_some) {
            Self::NameAndPlace
        } else {
            Self::NameAlone
        }
    }

    fn of_lead(payload: &LeadPayload) -> Self {
        let has_domain = payload.lead.text("domain").is_some();
        match (payload.mode, has_domain) {
            (LeadMode::Auto, false) => Self::Auto,
            (LeadMode::Auto, true) => Self::AutoWithDomain,
            (LeadMode::Waterfall, false) => Self::Waterfall,
            (LeadMode::Waterfall, true) => Self::WaterfallWithDomain,
            (LeadMode::Llm, false) => Self::Llm,
            (LeadMode::Llm, true) => Self::LlmWithDomain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_what_is_given() {
        for (route, payload, wanted) in [
            (Route::Websearch, r#"{"business_name":"A"}"#, Some("name")),
            (Route::Websearch, r#"{"business_name":"A","city":" "}"#, Some("name")),
            (Route::Websearch, r#"{"business_name":"A","country":"DE","max_results":9}"#, Some("name")),
            (Route::Websearch, r#"{"business_name":"A","phone":"1"}"#, Some("name_and_place")),
            (Route::Websearch, r#"{"business_name":"A","zip":"1","domain":"a.example"}"#, Some("name_and_domain")),
            (Route::Websearch, "{}", None),
            (Route::LeadSession, r#"{"lead":{"company":"A"}}"#, Some("auto")),
            (Route::LeadSession, r#"{"lead":{"domain":"a.example"}}"#, Some("auto_with_domain")),
            (Route::LeadSession, r#"{"lead":{"domain":" ","company":"A"},"mode":"waterfall"}"#, Some("waterfall")),
            (Route::LeadSession, r#"{"lead":{"domain":"a.example"},"mode":"llm"}"#, Some("llm_with_domain")),
            (Route::LeadSession, r#"{"business_name":"A"}"#, None),
        ] {
            assert_eq!(Cohort::of(route, payload).map(Cohort::as_str), wanted, "{payload}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        let names: std::collections::BTreeSet<_> = Cohort::ALL.iter().map(|cohort| cohort.as_str()).collect();
        assert_eq!(names.len(), Cohort::ALL.len());
        assert!(Cohort::ALL.is_sorted());
    }
}
