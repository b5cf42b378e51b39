//! Questions in one canonical form: those that matching can't tell apart are one.

use serde::Serialize;
use url::Url;

use crate::enrich::matching::{domain_of, place};
use crate::enrich::phone;
use crate::enrich::words::{fold, name_words};
use crate::types::WebsearchPayload;

/// Whom an answer may serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Whoever asks the same: the question holds nothing but a page's address, or a business that somebody wants to find.
    Everybodys,
    /// Only the caller who asked: the question holds what may be of one lead.
    Callers,
}

/// What was asked. Not printable: it may hold personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    whose: Whose,
    text: String,
}

/// A business as matching sees it.
#[derive(Serialize)]
struct Canonical<'a> {
    kind: &'static str,
    name: Vec<String>,
    street: String,
    city: String,
    state: String,
    zip: String,
    country: &'a str,
    phone: Option<String>,
    domain: Option<String>,
    limit: usize,
    version: &'a str,
}

impl Question {
    /// For a page, by its address: the page is as public as it is.
    pub fn page(url: &Url) -> Self {
        Self { whose: Whose::Everybodys, text: format!("page {url}") }
    }

    /// For the entries of a directory in this `version` of it: what an import has replaced is never an answer.
    pub fn directory(whose: Whose, asked: &WebsearchPayload, limit: usize, version: &str) -> Self {
        let WebsearchPayload { business_name, city, state, zip, street, country, phone, domain, max_results: _, refresh: _ } = asked;
        let text = |value: &Option<String>, form: fn(&str) -> String| value.as_deref().map(form).unwrap_or_default();
        let canonical = Canonical {
            kind: "directory",
            name: name_words(business_name),
            street: text(street, fold),
            city: text(city, fold),
            state: text(state, place::state),
            zip: text(zip, place::zip),
            country,
            phone: phone.as_deref().and_then(|number| phone::key(number, country)),
            domain: domain.as_deref().and_then(|domain| domain_of(&format!("http://{domain}/"))),
            limit,
            version,
        };
        Self { whose, text: serde_json::to_string(&canonical).unwrap_or_default() }
    }

    /// For what the web says of a business by its name and place, and nothing else.
    pub fn business(name: &str, city: Option<&str>, state: Option<&str>, zip: Option<&str>) -> Self {
        let place = [city.map(fold), state.map(place::state), zip.map(place::zip)];
        let parts = ("business", name_words(name), place);
        Self { whose: Whose::Everybodys, text: serde_json::to_string(&parts).unwrap_or_default() }
    }

    /// For what the web says to these words, whatever they are.
    pub fn words(words: &str) -> Self {
        Self { whose: Whose::Callers, text: format!("words {words}") }
    }

    /// For a whole session with this canonical input.
    pub fn session(input: &str) -> Self {
        Self { whose: Whose::Callers, text: format!("session {input}") }
    }

    /// For the pages of a business that a source tells of in this way. It is looked for by what a lead says, and found where a source said
    /// the same.
    pub(super) fn entity(mark: &str) -> Self {
        Self { whose: Whose::Everybodys, text: format!("entity {mark}") }
    }

    /// Whom its answer may serve.
    pub fn whose(&self) -> Whose {
        self.whose
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(fields: &str) -> String {
        let asked = WebsearchPayload::parse(&format!("{{{fields}}}")).unwrap();
        Question::directory(Whose::Everybodys, &asked, 3, "1").text
    }

    #[test]
    fn what_matching_cannot_tell_apart_is_one_question() {
        let one = directory(
            r#""business_name":"Acme Corp","city":"Tampa","state":"FL","zip":"33602","phone":"(813) 555-0142","domain":"acme.example""#,
        );
        for same in [
            r#""business_name":"  ACME,  corporation ","city":"tampa","state":"Florida","zip":"33602-1234","phone":"+1 813 555 0142","domain":"www.Acme.example""#,
            r#""business_name":"Acme","city":"TAMPA ","state":"fl","zip":"33602","phone":"813.555.0142","domain":"acme.example","refresh":true"#,
        ] {
            assert_eq!(directory(same), one, "{same}");
        }
        for other in [
            r#""business_name":"Acme Roofing","city":"Tampa","state":"FL","zip":"33602","phone":"(813) 555-0142","domain":"acme.example""#,
            r#""business_name":"Acme Corp","city":"Tampa","state":"FL","zip":"33602","phone":"(813) 555-0143","domain":"acme.example""#,
            r#""business_name":"Acme Corp","city":"Tampa","state":"FL","zip":"33602","phone":"(813) 555-0142""#,
            r#""business_name":"Acme Corp","city":"Tampa","state":"FL","zip":"33602","phone":"(813) 555-0142","domain":"acme.example","country":"CA""#,
        ] {
            assert_ne!(directory(other), one, "{other}");
        }
        let asked = WebsearchPayload::parse(r#"{"business_name":"Acme"}"#).unwrap();
        let of = |limit, version| Question::directory(Whose::Everybodys, &asked, limit, version);
        assert!(of(3, "1") != of(5, "1") && of(3, "1") != of(3, "2"));
    }

    #[test]
    fn no_two_kinds_meet() {
        let of = |city, state, zip| Question::business("Acme", city, state, zip).text;
        assert_eq!(of(Some("Tampa"), Some("FL"), None), of(Some("TAMPA"), Some("florida"), None));
        assert_ne!(of(Some("Tampa"), None, None), of(None, Some("Tampa"), None));
        assert_ne!(Question::words("Acme").text, Question::business("Acme", None, None, None).text);
        assert_eq!(Question::words("Acme").whose, Whose::Callers);
    }
}
