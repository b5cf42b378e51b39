//! What is sold.

use serde::{Deserialize, Serialize};

/// A kind of enrichment, with its own payload and price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Route {
    /// Find a business and what is publicly known of it.
    #[serde(rename = "enrich/websearch")]
    Websearch,
    /// Complete a CRM record in rounds.
    #[serde(rename = "enrich/lead-session")]
    LeadSession,
}

impl Route {
    /// Every route, in the order of the price list.
    pub const ALL: [Self; 2] = [Self::Websearch, Self::LeadSession];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Websearch => "enrich/websearch",
            Self::LeadSession => "enrich/lead-session",
        }
    }

    /// The route of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.as_str() == text)
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
