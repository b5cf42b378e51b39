//! Where a page leads: which pages of the same host are worth reading, and which links are a number, an address or a profile.

use scraper::{ElementRef, Html};
use url::Url;

use super::contact;
use super::facts::PageKind;
use super::html::{self, Pattern, pattern, select, short_text};
use super::prose::{self, Label};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::words::fold;

/// How far a link is relied on, in percent: it was made to be used.
const LINK: u8 = 75;
/// An address that is kept from machines is as good, but what was put together again may be wrong.
const HIDDEN: u8 = 60;

const LINKS_MAX: usize = 2000;
const URL_BYTES_MAX: usize = 400;
const CLAIMS_MAX: usize = 60;
const PAGES_MAX: usize = 20;
const PAGES_OF_A_KIND_MAX: usize = 6;
/// A link with more words than that is a headline.
const WORDS_MAX: usize = 6;

static LINK_TAG: Pattern = pattern!("a[href], area[href]");
static HIDDEN_MAIL: Pattern = pattern!("[data-cfemail], [data-domain], [data-email], [data-mail], [data-mailto]");

/// Words by kind, folded, in English, German, French, Spanish, Portuguese, Italian and Dutch. A word that is the beginning of
/// another stands for it, from five letters on.
const WORDS: [(PageKind, &[&str]); 5] = [
    (
        PageKind::Contact,
        &[
            "contact",
            "contacts",
            "contactus",
            "kontakt",
            "kontaktieren",
            "contacto",
            "contactez",
            "contactenos",
            "contato",
            "contatos",
            "contatti",
            "contattaci",
            "reach us",
            "get in touch",
            "find us",
            "fale conosco",
            "nous joindre",
            "bereikbaarheid",
            "anfahrt",
            "coordonnees",
            "write to us",
        ],
    ),
    (
        PageKind::Imprint,
        &["impressum", "imprint", "mentions legales", "legal notice", "aviso legal", "note legali", "colofon", "anbieterkennzeichnung"],
    ),
    (
        PageKind::About,
        &[
            "about",
            "aboutus",
            "uber uns",
            "ueber uns",
            "a propos",
            "qui sommes nous",
            "sobre nosotros",
            "quienes somos",
            "sobre nos",
            "quem somos",
            "chi siamo",
            "over ons",
            "wir uber uns",
            "our story",
            "who we are",
            "company",
            "unternehmen",
            "nosotros",
            "notre histoire",
            "azienda",
        ],
    ),
    (
        PageKind::Locations,
        &[
            "location",
            "locations",
            "store locator",
            "our stores",
            "find a store",
            "branches",
            "standorte",
            "standort",
            "filialen",
            "filiale",
            "nos agences",
            "nos magasins",
            "agences",
            "sucursales",
            "ubicaciones",
            "ubicacion",
            "tiendas",
            "lojas",
            "unidades",
            "sedi",
            "dove siamo",
            "vestigingen",
            "winkels",
            "onde estamos",
            "donde estamos",
            "offices",
            "directions",
        ],
    ),
    (
        PageKind::Team,
        &[
            "team",
            "our team",
            "staff",
            "people",
            "our people",
            "meet the team",
            "leadership",
            "management",
            "our doctors",
            "providers",
            "attorneys",
            "mitarbeiter",
            "unser team",
            "ansprechpartner",
            "equipe",
            "notre equipe",
            "equipo",
            "nuestro equipo",
            "nossa equipe",
            "il team",
            "lo staff",
            "ons team",
            "medewerkers",
            "personal",
        ],
    ),
];

/// What the links say.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) claims: Vec<Claim>,
    /// Best first, each once.
    pub(super) pages: Vec<(PageKind, String)>,
}

/// The number of a link to call, without what is dialled after a pause.
fn dialled(rest: &str) -> String {
    let number = contact::unescaped(rest);
    number.trim_start_matches('/').split([',', ';']).next().unwrap_or_default().to_owned()
}

/// Reads the links of the page at `page`; `country` is that of its phone numbers.
pub(super) fn read(document: &Html, page: &Url, country: &str) -> Links {
    let mut claims: Vec<Claim> = Vec::new();
    let mut ranked: Vec<(usize, PageKind, usize, String)> = Vec::new();
    for (nth, link) in select(document, &LINK_TAG).take(LINKS_MAX).enumerate() {
        let Some(href) = link.attr("href").map(str::trim) else { continue };
        let (scheme, rest) = href.split_once(':').unwrap_or_default();
        let scheme = scheme.to_ascii_lowercase();
        let claim = match scheme.as_str() {
            "tel" | "callto" => prose::number(&dialled(rest), country).and_then(|number| Claim::new(Field::Phone, &number, LINK)),
            "mailto" => contact::email(href).and_then(|email| Claim::new(Field::Email, &email, LINK)),
            _ => contact::social(href).and_then(|(network, url)| Claim::new(Field::Social(network.to_owned()), &url, LINK)),
        };
        if let Some(claim) = claim {
            if claims.len() < CLAIMS_MAX && !is_of_others(link, &claim.field) {
                claims.push(claim);
            }
            continue;
        }
        if let Some((_, code)) = href.split_once("/cdn-cgi/l/email-protection#") {
            claims.extend(
                contact::cloudflare_email(code)
                    .and_then(|email| Claim::new(Field::Email, &email, HIDDEN))
                    .filter(|_| claims.len() < CLAIMS_MAX),
            );
            continue;
        }
        let Ok(mut url) = page.join(href) else { continue };
        url.set_fragment(None);
        if url.origin() != page.origin() || url == *page || url.as_str().len() > URL_BYTES_MAX {
            continue;
        }
        if let Some((rank, kind)) = kind_of(&short_text(link, 100), &url) {
            ranked.push((rank, kind, nth, url.into()));
        }
    }
    for hidden in select(document, &HIDDEN_MAIL).take(CLAIMS_MAX).filter_map(contact::email_of) {
        claims.extend(Claim::new(Field::Email, &hidden, HIDDEN));
    }
    Links { claims, pages: best(ranked) }
}

/// Of pages found otherwise, by their address alone: those that are worth reading, best first.
pub(super) fn classified(pages: impl IntoIterator<Item = Url>) -> Vec<(PageKind, String)> {
    let ranked = pages.into_iter().enumerate().filter_map(|(nth, url)| {
        let (rank, kind) = kind_of("", &url).filter(|_| url.as_str().len() <= URL_BYTES_MAX)?;
        Some((rank, kind, nth, url.into()))
    });
    best(ranked.collect())
}

/// By how well the words fit, then by kind, then as they came; each page once, and not too many of a kind.
fn best(mut ranked: Vec<(usize, PageKind, usize, String)>) -> Vec<(PageKind, String)> {
    ranked.sort();
    let mut pages: Vec<(PageKind, String)> = Vec::new();
    for (_, kind, _, url) in ranked {
        let of_kind = pages.iter().filter(|(known, _)| *known == kind).count();
        if pages.len() < PAGES_MAX && of_kind < PAGES_OF_A_KIND_MAX && !pages.iter().any(|(_, known)| *known == url) {
            pages.push((kind, url));
        }
    }
    pages
}

/// What a page is for, as far as its address says.
pub fn kind_by_address(url: &Url) -> Option<PageKind> {
    kind_of("", url).map(|(_, kind)| kind)
}

/// Whether folded words, such as a heading's, say that what follows is of a kind.
pub(super) fn is_kind(folded: &str, kind: PageKind) -> bool {
    kind_of_words(folded).is_some_and(|(_, found)| found == kind)
}

/// The kind, and how many words too many there are; what people read counts before the address.
fn kind_of(text: &str, url: &Url) -> Option<(usize, PageKind)> {
    let by_text = kind_of_words(&fold(text)).map(|(extra, kind)| (2 * extra, kind));
    let segments = url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty());
    let by_path = segments.enumerate().take(4).filter_map(|(depth, segment)| {
        let name = segment.split_once('.').map_or(segment, |(name, _)| name);
        let (extra, kind) = kind_of_words(&fold(&name.replace("%20", " ")))?;
        Some((2 * (extra + depth) + 1, kind))
    });
    by_text.into_iter().chain(by_path).min()
}

fn kind_of_words(folded: &str) -> Option<(usize, PageKind)> {
    let count = folded.split(' ').count();
    if folded.is_empty() || count > WORDS_MAX {
        return None;
    }
    let padded = format!(" {folded} ");
    let fits = |phrase: &str| padded.contains(&format!(" {phrase} ")) || (phrase.len() >= 7 && padded.contains(&format!(" {phrase}")));
    let of_kind = |(kind, phrases): &(PageKind, &[&str])| {
        let longest = phrases.iter().filter(|phrase| fits(phrase)).map(|phrase| phrase.split(' ').count()).max()?;
        Some((count.saturating_sub(longest), *kind))
    };
    WORDS.iter().filter_map(of_kind).min()
}

/// A fax, or a link to whoever made the site.
fn is_of_others(link: ElementRef<'_>, field: &Field) -> bool {
    let own = short_text(link, 100);
    let block = link.ancestors().filter_map(ElementRef::wrap).take(10).find(|above| html::breaks(above.value().name()));
    let text = block.map(|block| short_text(block, 400)).unwrap_or_default();
    // What it is stands in the link, or right before it.
    let before = text.split_once(own.as_str()).map_or("", |(before, _)| before);
    let near = before.get(before.ceil_char_boundary(before.len().saturating_sub(100))..).unwrap_or_default();
    let is_other = *field == Field::Phone && [own.as_str(), near].iter().any(|text| prose::label(text) == Label::Other);
    is_other || prose::is_credit(near) || prose::is_credit(&own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(body: &str) -> Links {
        read(&html::parse(body), &Url::parse("https://acme.example/").unwrap(), "US")
    }

    fn pages(body: &str) -> String {
        let show = |(kind, url): &(PageKind, String)| format!("{kind:?} {}", url.trim_start_matches("https://acme.example"));
        links(body).pages.iter().map(show).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn pages_worth_reading_best_first() {
        assert_eq!(
            pages("<a href=/blog/contact-lenses-for-you>Contact lenses for you</a><a href=/p/1>Our Team</a><a href=/k#x>Contact</a><a href=/about>Read on</a>
                   <a href=https://other.example/contact>Contact</a><a href=http://acme.example/contact>Contact</a><a href=/p/1>Staff</a><a href='/'>About</a>"),
            "Contact /k, Team /p/1, About /about, Contact /blog/contact-lenses-for-you"
        );
    }

    #[test]
    fn words_in_many_languages() {
        for (text, href, wanted) in [
            ("Kontakt", "/x", "Contact /x"),
            ("Über uns", "/x", "About /x"),
            ("Impressum", "/x", "Imprint /x"),
            ("Unser Team", "/x", "Team /x"),
            ("Standorte", "/x", "Locations /x"),
            ("Qui sommes-nous ?", "/x", "About /x"),
            ("Mentions légales", "/x", "Imprint /x"),
            ("Notre équipe", "/x", "Team /x"),
            ("Contáctenos", "/x", "Contact /x"),
            ("Quiénes somos", "/x", "About /x"),
            ("Fale Conosco", "/x", "Contact /x"),
            ("Quem somos", "/x", "About /x"),
            ("Chi siamo", "/x", "About /x"),
            ("Contatti", "/x", "Contact /x"),
            ("Over ons", "/x", "About /x"),
            ("Vestigingen", "/x", "Locations /x"),
            ("", "/ueber-uns.html", "About /ueber-uns.html"),
            ("", "/en/our-team/", "Team /en/our-team/"),
            ("Products", "/shop", ""),
            ("Steam cleaning", "/steam", ""),
        ] {
            assert_eq!(pages(&format!("<a href='{href}'>{text}</a>")), wanted, "{text} {href}");
        }
    }

    #[test]
    fn what_links_say_of_others_is_left_out() {
        let said = |body: &str| {
            links(body).claims.into_iter().map(|claim| format!("{} {}", claim.value, claim.strength)).collect::<Vec<_>>().join(", ")
        };
        for (body, wanted) in [
            ("<p>Phone: <a href='tel:813-555-0142'>813-555-0142</a> Fax: <a href='tel:813-555-0144'>813-555-0144</a>", "+18135550142 75"),
            ("<a href='tel:813-555-0144'>Fax 813-555-0144</a>", ""),
            ("<p>Website by <a href='mailto:hi@pixel.example'>Pixel</a>", ""),
            ("<p>Powered by Pixel <span><a href='tel:8135550199'>call</a></span>", ""),
            ("<a href='mailto:hi@acme.example'>Write</a><p>Site by Pixel", "hi@acme.example 75"),
            ("<a href='/cdn-cgi/l/email-protection#5a303b343f1a3b39373f743f223b372a363f'>[email protected]</a>", "jane@acme.example 60"),
            ("<b data-user='jane' data-domain='acme' data-tld='example'>x</b>", "jane@acme.example 60"),
            ("<b data-email='jane [at] acme.example'>x</b>", "jane@acme.example 60"),
            ("<span data-cfemail='5a303b343f1a3b39373f743f223b372a363f'>x</span>", "jane@acme.example 60"),
        ] {
            assert_eq!(said(body), wanted, "{body}");
        }
    }
}
