//! Structured data that is woven into the HTML: microdata, `RDFa` Lite, and the classes of `hCard` and `h-card`.
//!
//! The three differ in how they name things only, so one walk reads them all: elements that begin a node, elements that are a
//! property of the nearest node above, and what an element has for a value. Full `RDFa` (prefixes of one's own, `rel`, chaining)
//! is deliberately absent: schema.org asks for `RDFa` Lite.

use std::collections::HashMap;

use scraper::{ElementRef, Html};

use super::html::{Pattern, pattern, select, short_text};
use super::node::{Graph, Value};

/// Elements that are looked at.
const ELEMENTS_MAX: usize = 5000;
/// How far up the node that a property belongs to is looked for.
const LEVELS_MAX: usize = 64;
/// Scattered parts that microdata gathers with `itemref`.
const REFERENCES_MAX: usize = 200;

static MICRODATA: Pattern = pattern!("[itemscope], [itemprop]");
static RDFA: Pattern = pattern!("[typeof], [property]");
static HCARD: Pattern = pattern!(".vcard, .h-card, .vcard [class], .h-card [class]");

/// Adds what the elements say.
pub(super) fn read(document: &Html, graph: &mut Graph) {
    walk(document, graph, &Microdata);
    walk(document, graph, &Rdfa);
    walk(document, graph, &HCard);
}

/// A way to weave.
trait Syntax {
    fn pattern(&self) -> &'static Pattern;
    /// The types, where the element begins a node.
    fn scope(&self, element: ElementRef<'_>) -> Option<Vec<String>>;
    fn properties(&self, element: ElementRef<'_>) -> Vec<String>;
    fn id<'a>(&self, element: ElementRef<'a>) -> Option<&'a str>;
    /// Ids of elements elsewhere that belong to the node.
    fn references<'a>(&self, element: ElementRef<'a>) -> Option<&'a str>;
}

fn walk(document: &Html, graph: &mut Graph, syntax: &dyn Syntax) {
    let elements: Vec<ElementRef<'_>> = select(document, syntax.pattern()).take(ELEMENTS_MAX).collect();
    let mut nodes = HashMap::new();
    let mut referred: HashMap<&str, usize> = HashMap::new();
    for element in &elements {
        let Some(types) = syntax.scope(*element) else { continue };
        let Some(at) = graph.node(syntax.id(*element)) else { break };
        for kind in &types {
            graph.add_type(at, kind);
        }
        nodes.insert(element.id(), at);
        for id in syntax.references(*element).unwrap_or_default().split_ascii_whitespace() {
            if referred.len() < REFERENCES_MAX {
                referred.entry(id).or_insert(at);
            }
        }
    }
    let by_reference = |element: ElementRef<'_>| if referred.is_empty() { None } else { referred.get(element.attr("id")?).copied() };
    let owner = |element: ElementRef<'_>| {
        by_reference(element).or_else(|| {
            let mut above = element.ancestors().take(LEVELS_MAX).filter_map(ElementRef::wrap);
            above.find_map(|above| nodes.get(&above.id()).copied().or_else(|| by_reference(above)))
        })
    };
    for element in elements {
        let own = nodes.get(&element.id()).copied();
        let names = syntax.properties(element);
        let owner = if names.is_empty() { None } else { owner(element).filter(|owner| Some(*owner) != own) };
        match (owner, own) {
            (Some(owner), own) => {
                for name in names.iter().take(5) {
                    let value = own.map_or_else(|| Value::Text(value(element, name)), Value::Node);
                    graph.add(owner, name, value);
                }
            }
            (None, Some(own)) => graph.add_root(own),
            (None, None) => {}
        }
    }
}

/// What an element says of a property: for machines before for people, and a link's target only where the property is a link.
fn value(element: ElementRef<'_>, name: &str) -> String {
    let attribute = |name: &str| element.attr(name).map(str::to_owned);
    if let Some(content) = attribute("content") {
        return content;
    }
    let target = || attribute("href").or_else(|| attribute("src")).or_else(|| attribute("data"));
    let shown = || short_text(element, 1000);
    let is_link = matches!(name.rsplit(['/', ':']).next(), Some("url" | "sameAs" | "image" | "logo" | "hasMap" | "additionalType"));
    match element.value().name() {
        "link" => target().unwrap_or_default(),
        "time" => attribute("datetime").unwrap_or_else(shown),
        "data" | "meter" => attribute("value").unwrap_or_else(shown),
        _ if is_link => target().unwrap_or_else(shown),
        "a" | "area" => {
            let spoken = target().filter(|target| {
                let scheme = target.split(':').next().unwrap_or_default();
                scheme.eq_ignore_ascii_case("tel") || scheme.eq_ignore_ascii_case("mailto")
            });
            spoken.unwrap_or_else(shown)
        }
        _ => shown(),
    }
}

fn words(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split_ascii_whitespace().take(20).map(str::to_owned).collect()
}

struct Microdata;

impl Syntax for Microdata {
    fn pattern(&self) -> &'static Pattern {
        &MICRODATA
    }

    fn scope(&self, element: ElementRef<'_>) -> Option<Vec<String>> {
        element.attr("itemscope").map(|_| words(element.attr("itemtype")))
    }

    fn properties(&self, element: ElementRef<'_>) -> Vec<String> {
        words(element.attr("itemprop"))
    }

    fn id<'a>(&self, element: ElementRef<'a>) -> Option<&'a str> {
        element.attr("itemid")
    }

    fn references<'a>(&self, element: ElementRef<'a>) -> Option<&'a str> {
        element.attr("itemref")
    }
}

struct Rdfa;

impl Syntax for Rdfa {
    fn pattern(&self) -> &'static Pattern {
        &RDFA
    }

    fn scope(&self, element: ElementRef<'_>) -> Option<Vec<String>> {
        element.attr("typeof").map(|types| words(Some(types)))
    }

    fn properties(&self, element: ElementRef<'_>) -> Vec<String> {
        words(element.attr("property"))
    }

    fn id<'a>(&self, element: ElementRef<'a>) -> Option<&'a str> {
        element.attr("typeof").and_then(|_| element.attr("resource").or_else(|| element.attr("about")))
    }

    fn references<'a>(&self, _element: ElementRef<'a>) -> Option<&'a str> {
        None
    }
}

/// Classes by the names of schema.org. The old and the new ones mean the same.
const CLASSES: [(&str, &str); 32] = [
    ("fn", "name"),
    ("p-name", "name"),
    ("tel", "telephone"),
    ("p-tel", "telephone"),
    ("email", "email"),
    ("u-email", "email"),
    ("url", "url"),
    ("u-url", "url"),
    ("adr", "address"),
    ("p-adr", "address"),
    ("h-adr", "address"),
    ("street-address", "streetAddress"),
    ("p-street-address", "streetAddress"),
    ("locality", "addressLocality"),
    ("p-locality", "addressLocality"),
    ("region", "addressRegion"),
    ("p-region", "addressRegion"),
    ("postal-code", "postalCode"),
    ("p-postal-code", "postalCode"),
    ("country-name", "addressCountry"),
    ("p-country-name", "addressCountry"),
    ("title", "jobTitle"),
    ("p-job-title", "jobTitle"),
    ("role", "jobTitle"),
    ("p-role", "jobTitle"),
    ("agent", "employee"),
    ("p-agent", "employee"),
    ("org", "orgName"),
    ("p-org", "orgName"),
    ("organization-name", "orgName"),
    ("category", "category"),
    ("p-category", "category"),
];

struct HCard;

impl Syntax for HCard {
    fn pattern(&self) -> &'static Pattern {
        &HCARD
    }

    fn scope(&self, element: ElementRef<'_>) -> Option<Vec<String>> {
        let has = |class: &str| element.value().classes().any(|known| known == class);
        if has("vcard") || has("h-card") {
            return Some(vec!["hCard".to_owned()]);
        }
        (has("adr") || has("h-adr") || has("p-adr")).then(|| vec!["PostalAddress".to_owned()])
    }

    fn properties(&self, element: ElementRef<'_>) -> Vec<String> {
        let classes = element.value().classes().take(20);
        let mut names: Vec<&str> =
            classes.filter_map(|class| CLASSES.iter().find(|(known, _)| *known == class).map(|(_, name)| *name)).collect();
        names.dedup();
        names.into_iter().map(str::to_owned).collect()
    }

    fn id<'a>(&self, _element: ElementRef<'a>) -> Option<&'a str> {
        None
    }

    fn references<'a>(&self, _element: ElementRef<'a>) -> Option<&'a str> {
        None
    }
}
