//! From HTML to claims.

use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{html, json_ld, prose};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::phone;
use crate::enrich::words::one_line;

/// How far each way of saying it is relied on, in percent.
const LINK: u8 = 75;
const TYPESET_ADDRESS: u8 = 65;
const SITE_NAME: u8 = 60;
const PROSE: u8 = 50;
const TITLE: u8 = 30;

const VALUES_MAX: usize = 20;
const SCRIPTS_MAX: usize = 20;
const PROSE_CHARS_MAX: usize = 200_000;
/// All the claims of a page, as they are recorded; each needs about so much around its value.
const BYTES_MAX: usize = 48 * 1024;
const CLAIM_BYTES: usize = 64;

/// Networks whose profiles are worth keeping, by the domain of their links.
const NETWORKS: [(&str, &str); 10] = [
    ("facebook.com", "facebook"),
    ("instagram.com", "instagram"),
    ("linkedin.com", "linkedin"),
    ("twitter.com", "x"),
    ("x.com", "x"),
    ("youtube.com", "youtube"),
    ("tiktok.com", "tiktok"),
    ("pinterest.com", "pinterest"),
    ("yelp.com", "yelp"),
    ("threads.net", "threads"),
];

/// What one page says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFacts {
    /// Where it was found, after redirects.
    pub url: String,
    /// Its title, on one line.
    pub title: String,
    /// The organizations that its structured data describes, in order; a chain's page has several.
    pub entities: Vec<Vec<Claim>>,
    /// What the page says outside of that.
    pub claims: Vec<Claim>,
    /// Pages of the same host that promise a way to get in touch, best first.
    pub contact_pages: Vec<String>,
}

/// Reads a page. Never fails: a parser of HTML takes anything, and a page that says nothing has no claims.
pub fn extract(url: &Url, text: &str) -> PageFacts {
    let document = html::parse(text);
    let title = select(&document, &TITLE_TAG).next().map(|element| one_line(&element.text().collect::<String>(), 200)).unwrap_or_default();
    let scripts = select(&document, &JSON_LD).take(SCRIPTS_MAX);
    let entities: Vec<Vec<Claim>> = scripts.flat_map(|script| json_ld::entities(&script.text().collect::<String>())).take(50).collect();
    let mut claims = Vec::new();
    for name in select(&document, &SITE_NAME_TAG).filter_map(|element| element.attr("content")).take(1) {
        claims.extend(Claim::new(Field::Name, name, SITE_NAME));
    }
    claims.extend(
        title.split(['|', '–', '—', '·', '»']).flat_map(|part| part.split(" - ")).filter_map(|part| Claim::new(Field::Name, part, TITLE)),
    );
    let links = links(&document, url);
    claims.extend(links.claims);
    let said = |field: Field| entities.iter().flatten().chain(&claims).any(|claim| claim.field == field);
    let (phone_known, address_known) = (said(Field::Phone), said(Field::Zip));
    if !phone_known || !address_known {
        let text = visible_text(&document);
        if !address_known {
            let typeset =
                select(&document, &ADDRESS).map(lines).map(|text| prose::address(&text, TYPESET_ADDRESS)).find(|found| !found.is_empty());
            claims.extend(typeset.unwrap_or_else(|| prose::address(&text, PROSE)));
        }
        if !phone_known {
            let shown = prose::phones(&text, VALUES_MAX).into_iter().filter_map(|number| phone::shown(&number, "US"));
            claims.extend(shown.filter_map(|number| Claim::new(Field::Phone, &number, PROSE)));
        }
    }
    let mut room = BYTES_MAX;
    let entities = entities.into_iter().map(|entity| kept(entity, &mut room)).filter(|entity| !entity.is_empty()).collect();
    let claims = kept(claims, &mut room);
    PageFacts { url: url.to_string(), title, entities, claims, contact_pages: links.contact_pages }
}

/// Each claim once, as long as there is room: everything here is written to the job's record.
fn kept(claims: Vec<Claim>, room: &mut usize) -> Vec<Claim> {
    let mut kept: Vec<Claim> = Vec::new();
    for claim in claims {
        let bytes = claim.value.len() + claim.note.as_ref().map_or(0, String::len) + CLAIM_BYTES;
        if bytes <= *room && !kept.contains(&claim) {
            *room -= bytes;
            kept.push(claim);
        }
    }
    kept
}

/// The network and the address of a profile, where the link is one: a path below the network's domain.
pub(super) fn social(link: &str) -> Option<(&'static str, String)> {
    let url = Url::parse(link.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.domain()?;
    let (_, network) =
        NETWORKS.iter().find(|(domain, _)| host == *domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))?;
    let path = url.path().trim_matches('/');
    // Buttons to share the page, and pixels that watch its visitors.
    let profile = !path.is_empty()
        && !["share", "sharer", "intent", "tr", "dialog", "sharer.php", "shareArticle", "plugins", "pin", "embed", "watch"]
            .iter()
            .any(|button| path.split('/').next() == Some(button));
    profile.then(|| (*network, format!("https://{host}/{path}")))
}

/// An address out of `mailto:…?subject=…` or bare, lower-cased; `None` where it is none.
pub(super) fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto")).map_or(text, |(_, rest)| rest);
    let address = text.split(['?', ',', ';']).next()?.trim().replace("%40", "@").to_lowercase();
    let (user, host) = address.split_once('@')?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
    (address.len() <= 254 && plain(user) && plain(host) && host.contains('.') && !host.starts_with('.') && !host.ends_with('.'))
        .then_some(address)
}

#[derive(Default)]
struct Links {
    claims: Vec<Claim>,
    contact_pages: Vec<String>,
}

fn links(document: &Html, page: &Url) -> Links {
    let mut links = Links::default();
    let mut contact_pages: Vec<(usize, String)> = Vec::new();
    for link in select(document, &LINK_TAG).take(2000) {
        let Some(href) = link.attr("href").map(str::trim) else { continue };
        let (scheme, rest) = href.split_once(':').unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let claim = match scheme.as_str() {
            "tel" => phone::shown(&rest.replace("%20", " "), "US").and_then(|number| Claim::new(Field::Phone, &number, LINK)),
            "mailto" => email(href).and_then(|email| Claim::new(Field::Email, &email, LINK)),
            _ => social(href).and_then(|(network, url)| Claim::new(Field::Social(network.to_owned()), &url, LINK)),
        };
        if claim.is_some() {
            links.claims.extend(claim.filter(|_| links.claims.len() < 3 * VALUES_MAX));
            continue;
        }
        let words = format!("{} {}", href, link.text().take(20).collect::<String>()).to_lowercase();
        let rank = ["contact", "impressum", "about", "location"].iter().position(|word| words.contains(word));
        if let (Some(rank), Ok(mut url)) = (rank, page.join(href)) {
            url.set_fragment(None);
            if url.origin() == page.origin() && url != *page {
                contact_pages.push((rank, url.into()));
            }
        }
    }
    contact_pages.sort();
    contact_pages.dedup();
    links.contact_pages = contact_pages.into_iter().map(|(_, url)| url).take(3).collect();
    links
}

/// Text that people see, a line an element, without scripts and styles.
fn visible_text(document: &Html) -> String {
    select(document, &BODY).next().map(lines).unwrap_or_default()
}

fn lines(element: ElementRef<'_>) -> String {
    let mut text = String::new();
    for node in element.descendants() {
        let hidden = node
            .parent()
            .and_then(ElementRef::wrap)
            .is_some_and(|parent| matches!(parent.value().name(), "script" | "style" | "noscript" | "template"));
        let Some(piece) = node.value().as_text().filter(|_| !hidden) else { continue };
        let piece = one_line(piece, 20_000);
        if !piece.is_empty() {
            text.push_str(&piece);
            text.push('\n');
        }
        if text.len() > PROSE_CHARS_MAX {
            break;
        }
    }
    text
}

type Pattern = LazyLock<Option<Selector>>;
static TITLE_TAG: Pattern = LazyLock::new(|| Selector::parse("title").ok());
static JSON_LD: Pattern = LazyLock::new(|| Selector::parse(r#"script[type="application/ld+json" i]"#).ok());
static SITE_NAME_TAG: Pattern = LazyLock::new(|| Selector::parse(r#"meta[property="og:site_name"]"#).ok());
static LINK_TAG: Pattern = LazyLock::new(|| Selector::parse("a[href]").ok());
static ADDRESS: Pattern = LazyLock::new(|| Selector::parse("address").ok());
static BODY: Pattern = LazyLock::new(|| Selector::parse("body").ok());

fn select<'a>(document: &'a Html, pattern: &'static Pattern) -> impl Iterator<Item = ElementRef<'a>> {
    pattern.iter().flat_map(|selector| document.select(selector))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(html: &str) -> PageFacts {
        extract(&Url::parse("https://acme.example/").unwrap(), html)
    }

    fn said(page: &PageFacts) -> Vec<String> {
        page.claims.iter().map(|claim| format!("{:?} {}", claim.field, claim.value)).collect()
    }

    #[test]
    fn links_say_how_to_get_in_touch() {
        let page = page(
            r#"<title>Contact - Acme Corp | Tampa</title><meta property="og:site_name" content="Acme Corp">
            <a href="tel:+1-813-555-0142">call</a> <A HREF="MAILTO:Sales@Acme.example?subject=hi">write</A> <a href="tel:nonsense">x</a>
            <a href="https://m.facebook.com/acme?ref=x">f</a> <a href="https://facebook.com/sharer/sharer.php?u=x">share</a>
            <a href="https://notfacebook.com/acme">no</a> <a href="/about#team">About us</a> <a href="contact.html">Write to us</a>
            <a href="https://other.example/contact">elsewhere</a>"#,
        );
        assert_eq!(
            said(&page),
            [
                "Name Acme Corp",
                "Name Contact",
                "Name Acme Corp",
                "Name Tampa",
                "Phone +18135550142",
                "Email sales@acme.example",
                "Social(\"facebook\") https://m.facebook.com/acme",
            ]
        );
        assert_eq!(page.contact_pages, ["https://acme.example/contact.html", "https://acme.example/about"]);
    }

    #[test]
    fn plain_text_is_read_where_nothing_else_speaks() {
        let page = page(
            "<title>Haney</title><p>Since 1952.<p>44 Mill Rd<br>New Castle, PA 16101<p>Phone (724) 555-0123<script>var x='(724) 555-0199'</script>",
        );
        assert_eq!(said(&page), ["Name Haney", "Street 44 Mill Rd", "City New Castle", "State PA", "Zip 16101", "Phone +17245550123"]);
    }

    #[test]
    fn broken_markup_still_says_what_it_can() {
        let page = page(
            "<html><head><title>Acme <b>Corp</title><script type=application/ld+json>{\"@type\":\"Store\",\"name\":\"Acme Corp\"}</script>\
             <script type=application/ld+json>{oops</script><body><div><a href='tel:8135550142'>call</div></p></table><address>1 Main St<br>Tampa, FL 33602",
        );
        assert_eq!(page.entities.len(), 1);
        assert!(
            said(&page).contains(&"Phone +18135550142".to_owned()) && said(&page).contains(&"City Tampa".to_owned()),
            "{:?}",
            said(&page)
        );
    }

    /// F-V2: what a page can put into the job's record is bounded.
    #[test]
    fn a_page_that_says_too_much_is_cut() {
        let organization =
            |n: usize| format!(r#"{{"@type":"Store","name":"{}","category":["{}","{}"]}}"#, n, "a".repeat(300), "b".repeat(300));
        let script = (0..1000).map(organization).collect::<Vec<_>>().join(",");
        let page = page(&format!("<script type=application/ld+json>[{script}]</script>"));
        let recorded = serde_json::to_string(&page).unwrap().len();
        assert!((20_000..64_000).contains(&recorded), "{recorded}");
    }

    #[test]
    fn what_is_an_email_address() {
        for (text, wanted) in [
            ("a@b.example", Some("a@b.example")),
            ("mailto:A%40b.example,c@d.example", Some("a@b.example")),
            ("a@b", None),
            ("a@.example", None),
            ("a b@c.example", None),
            ("<x>@c.example", None),
            ("mailto:", None),
            ("é@b.example", None),
        ] {
            assert_eq!(email(text).as_deref(), wanted, "{text}");
        }
    }

    proptest! {
        /// F-V2: no page makes it panic.
        #[test]
        fn any_bytes_are_a_page(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _any = page(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_link_is_read(scheme in "(tel|TEL|mailto|MAILTO|https):?", rest in ".{0,30}") {
            let _any = page(&format!("<a href='{scheme}{rest}'>x</a>"));
        }
    }
}
