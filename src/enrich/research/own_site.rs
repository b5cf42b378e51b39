//! Whether a page is the business's own word, or a list's of many businesses.

use url::Url;

use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::{NAME_ALIKE, Subject, domain_of};
use crate::enrich::words::name_words;

/// How alike a host's label and a name must be, as a share of one, for the host to be named after it.
const HOST_ALIKE: f64 = 0.72;

/// What can be told before a page is believed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    /// The page.
    pub(super) url: &'a Url,
    /// What it says.
    pub(super) claims: &'a [Claim],
    /// A source that is about the business gave the page, or another of its host, as the business's website.
    pub(super) is_named: bool,
}

/// Whether the page is the business's own: its host goes by the business's name, or the page was given as its website, or it is
/// the front page of a site of that name. A page that names another site as the business's is a list's.
pub(super) fn is_own_site(evidence: Evidence<'_>, asked: &Subject) -> bool {
    let Evidence { url, claims, is_named } = evidence;
    // An address in digits is nobody's name; it is believed where it was given.
    let Some(host) = domain_of(url.as_str()) else { return is_named };
    let mut named = claims.iter().filter(|claim| claim.field == Field::Website).filter_map(|claim| domain_of(&claim.value));
    if named.any(|domain| domain != host) {
        return false;
    }
    let found = Subject::found(claims);
    let by_name = asked.names().any(|name| is_named_after(&host, name));
    let is_front_of_that_name = url.path() == "/" && asked.name_likeness(&found) >= NAME_ALIKE;
    is_named || asked.domains().contains(&host) || by_name || is_front_of_that_name
}

/// Whether a host's own label is made of the name: `harborview-dental.example` for "Harborview Dental, LLC".
pub(super) fn is_named_after(host: &str, name: &str) -> bool {
    let label: String = host.split('.').rev().nth(1).unwrap_or(host).replace('-', "");
    let whole: String = name_words(name).concat();
    if label.len() < 3 || whole.len() < 3 {
        return false;
    }
    let contains = (whole.len() >= 5 && label.contains(&whole)) || (label.len() >= 5 && whole.contains(&label));
    contains || strsim::normalized_damerau_levenshtein(&label, &whole) >= HOST_ALIKE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_go_by_a_name() {
        for (host, name, wanted) in [
            ("harborview-dental.example", "Harborview Dental, LLC", true),
            ("acme-tampa.example", "Acme Corp", false),
            ("acmeroofing.example", "Acme Roofing Co", true),
            ("listings.example", "Acme Roofing Co", false),
            ("haneyfurniture.example", "Haney Furniture Company", true),
            ("xy.example", "XY", false),
        ] {
            assert_eq!(is_named_after(host, name), wanted, "{host} {name}");
        }
    }
}
