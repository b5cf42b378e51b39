//! From HTML to what the page says. The page is parsed once; every reader gets the same tree or the same lines.

use scraper::Html;
use url::Url;

use super::address::Found;
use super::facts::{PageFacts, PageKind, Person, TEXT_BYTES_MAX};
use super::html::{Line, Pattern, pattern, select};
use super::node::Graph;
use super::others::{Bystanders, digits_of};
use super::people::Mention;
use super::{address, branches, cards, contact, hours, html, json_ld, links, markup, notice, people, prose, schema_org};
use crate::enrich::claim::{Claim, Field};
use crate::enrich::words::{fold, name_words, one_line};

/// How far each way of saying it is relied on, in percent.
const TYPESET_ADDRESS: u8 = 65;
pub(super) const SITE_NAME: u8 = 60;
/// In running text, but under a label or beside the address.
pub(super) const LABELLED: u8 = 60;
pub(super) const PROSE: u8 = 50;
/// Put together from what was kept from machines.
const HIDDEN: u8 = 45;
/// It is somebody's there, not the business's own.
const PERSONAL: u8 = 40;
/// A number beside an address.
const BY_ADDRESS: u8 = 75;
pub(super) const TITLE: u8 = 30;

const VALUES_MAX: usize = 20;
const SCRIPTS_MAX: usize = 20;
const PEOPLE_MAX: usize = 60;
/// Lines around an address where a number is likely of the same business.
const NEAR: usize = 6;
/// All claims and people of a page, as they are recorded; each needs about so much around its value.
const BYTES_MAX: usize = 40 * 1024;
const CLAIM_BYTES: usize = 64;

/// Reads a page. Never fails: a parser of HTML takes anything, and a page that says nothing has no claims.
pub fn extract(url: &Url, text: &str) -> PageFacts {
    let document = html::parse(text);
    let title = select(&document, &TITLE_TAG).next().map(|element| one_line(&element.text().collect::<String>(), 200)).unwrap_or_default();
    let lang =
        select(&document, &LANG).find_map(|element| element.attr("lang")).map(|lang| one_line(lang, 35)).filter(|lang| !lang.is_empty());
    let lines = select(&document, &BODY).next().map(html::lines).unwrap_or_default();
    let facts = PageFacts { url: url.to_string(), title, lang, ..PageFacts::default() };
    if notice::is_parked(&facts.title, &lines, &document) {
        return PageFacts { parked: true, ..facts };
    }
    let country = country_of(url, facts.lang.as_deref());
    let mut graph = Graph::default();
    for script in select(&document, &JSON_LD).take(SCRIPTS_MAX) {
        json_ld::read(&script.text().collect::<String>(), &mut graph);
    }
    markup::read(&document, &mut graph);
    let page = Page { document: &document, lines: &lines, country, graph: schema_org::read(&graph, country), facts };
    page.read(url)
}

/// A page, parsed.
struct Page<'a> {
    document: &'a Html,
    lines: &'a [Line<'a>],
    country: Option<&'static str>,
    graph: schema_org::Said,
    facts: PageFacts,
}

impl Page<'_> {
    fn read(self, url: &Url) -> PageFacts {
        let Self { document, lines, country, graph, facts } = self;
        let phone_country = country.unwrap_or("US");
        let links = links::read(document, url, phone_country);
        let mut claims = names(document, &facts.title);
        let mut entities = graph.entities;
        let bystanders = Bystanders::read(url, facts.lang.as_deref(), lines, claims.iter().chain(entities.iter().flatten()));
        let mentions = {
            let mut team = cards::team_lines(url, &facts.title, lines);
            team.iter_mut().enumerate().for_each(|(at, team)| *team &= !bystanders.is_listed(at));
            let own: Vec<Vec<String>> = claims
                .iter()
                .chain(entities.iter().flatten())
                .filter(|claim| claim.field == Field::Name)
                .map(|claim| name_words(&claim.value))
                .collect();
            let found = people::find(lines, &team, phone_country, &|name| own.contains(&name_words(name)));
            graph.people.into_iter().chain(found).collect::<Vec<_>>()
        };
        let said = |field: &Field, entities: &[Vec<Claim>]| entities.iter().flatten().any(|claim| claim.field == *field);

        let text = joined(lines);
        let mut addresses =
            if said(&Field::Zip, &entities) || said(&Field::Street, &entities) { Vec::new() } else { address::find(&text.text, country) };
        addresses.dedup_by(|one, other| one.address == other.address);
        let several =
            addresses.iter().any(|found| found.address != addresses.first().map(|first| first.address.clone()).unwrap_or_default());
        let knows_phone = said(&Field::Phone, &entities);
        let knows_hours = said(&Field::Hours, &entities);
        let mut own_lines = vec![true; lines.len()];
        if several {
            // Parts of two addresses make a third one that doesn't exist, so each is a branch of its own.
            let located: Vec<(usize, &Found)> = addresses.iter().map(|found| (text.line_at(found.at), found)).collect();
            for branch in branches::read(lines, &located, &claims, country) {
                branch.lines.iter().for_each(|at| own_lines.get_mut(*at).into_iter().for_each(|own| *own = false));
                entities.push(branch.claims);
            }
        } else if let Some(found) = addresses.first() {
            claims.extend(found.address.claims(if lines.get(text.line_at(found.at)).is_some_and(|line| html::is_typeset(line.element)) {
                TYPESET_ADDRESS
            } else {
                PROSE
            }));
        }
        claims.extend(links.claims.into_iter().map(|claim| {
            if claim.field != Field::Phone {
                return claim;
            }
            // A link is as good as the line that it stands in, the best of them.
            let tail = tail_of(&claim.value);
            let standing = lines.iter().enumerate().filter(|(_, line)| digits_of(&line.text).contains(&tail));
            let strength_max = standing.map(|(at, line)| bystanders.strength_max(at, line, &tail)).max().unwrap_or(u8::MAX);
            Claim { strength: claim.strength.min(strength_max), ..claim }
        }));
        let kept: Vec<(usize, &Line<'_>)> =
            lines.iter().enumerate().zip(&own_lines).filter(|(_, own)| **own).map(|(line, _)| line).collect();
        let rest = joined(kept.iter().map(|(_, line)| *line));
        if !knows_phone {
            claims.extend(phones(&kept, country, &bystanders));
        }
        claims.extend(emails(kept.iter().map(|(_, line)| *line)));
        if !knows_hours {
            claims.extend(hours::find(&rest.text).and_then(|week| Claim::new(Field::Hours, &week.to_string(), PROSE)));
        }
        let of_entities =
            |name: &str| entities.iter().flatten().any(|claim| claim.field == Field::Person && fold(&claim.value) == fold(name));
        claims.extend(
            mentions.iter().filter(|mention| !of_entities(&mention.person.name)).filter_map(|mention| mention.claim(mention.strength)),
        );
        let people = united(graph.members.into_iter().chain(mentions));
        for claim in &mut claims {
            let is = |value: &Option<String>| value.as_deref() == Some(claim.value.as_str());
            let is_personal =
                |person: &Person| (claim.field == Field::Phone && is(&person.phone)) || (claim.field == Field::Email && is(&person.email));
            if people.iter().any(is_personal) {
                claim.strength = claim.strength.min(PERSONAL);
            }
        }

        let mut room = BYTES_MAX;
        let entities = entities.into_iter().map(|entity| once(entity, &mut room)).filter(|entity| !entity.is_empty()).collect();
        let claims = once(claims, &mut room);
        let people = people.into_iter().take_while(|person| take_room(&mut room, person_bytes(person))).collect();
        let (closed, moved) = notice::closed_and_moved(&facts.title, lines);
        let contact_pages = contact_pages(&links.pages);
        PageFacts { entities, claims, people, contact_pages, links: links.pages, text: excerpt(lines), closed, moved, ..facts }
    }
}

/// What the page calls itself, and the parts of its title.
fn names(document: &Html, title: &str) -> Vec<Claim> {
    let site = select(document, &SITE_NAME_TAG).filter_map(|element| element.attr("content")).take(1);
    let parts = title.split(['|', '–', '—', '·', '»']).flat_map(|part| part.split(" - "));
    site.filter_map(|name| Claim::new(Field::Name, name, SITE_NAME))
        .chain(parts.take(10).filter_map(|part| Claim::new(Field::Name, part, TITLE)))
        .collect()
}

/// Numbers in text. One beside an address, in a footer, or under a label is more likely the business's own.
fn phones(lines: &[(usize, &Line<'_>)], country: Option<&str>, bystanders: &Bystanders<'_>) -> Vec<Claim> {
    let text = joined(lines.iter().map(|(_, line)| *line));
    let addresses = address::find(&text.text, country);
    let near: Vec<usize> = addresses.iter().map(|found| text.line_at(found.at)).collect();
    // English says nothing of the country, but an address does.
    let of_address = addresses.iter().find_map(|found| found.address.country.clone());
    let country = country.or(of_address.as_deref());
    let mut claims = Vec::new();
    for (index, (at, line)) in lines.iter().enumerate() {
        // A label may be the line above.
        let above = index.checked_sub(1).and_then(|above| lines.get(above)).map_or("", |(_, above)| above.text.as_str());
        let is_label = prose::label(above) != prose::Label::None && above.len() < 40;
        let context = if is_label { format!("{above}\n{}", line.text) } else { line.text.clone() };
        for phone in prose::phones(&context, country, VALUES_MAX) {
            let is_near = near.iter().any(|address| address.abs_diff(index) <= NEAR);
            let strength = match (is_near, phone.is_labelled || html::is_typeset(line.element)) {
                (true, _) => BY_ADDRESS,
                (false, true) => LABELLED,
                (false, false) => PROSE,
            };
            let strength = strength.min(bystanders.strength_max(*at, line, &tail_of(&phone.number)));
            let shown = prose::number(&phone.number, country.unwrap_or("US"));
            claims.extend(shown.and_then(|number| Claim::new(Field::Phone, &number, strength)).filter(|_| claims.len() < VALUES_MAX));
        }
    }
    claims
}

fn emails<'a>(lines: impl Iterator<Item = &'a Line<'a>>) -> Vec<Claim> {
    let own = lines.filter(|line| !prose::is_credit(&line.text));
    let found = own.flat_map(|line| contact::emails(&line.text, VALUES_MAX)).take(VALUES_MAX);
    found.filter_map(|(email, is_hidden)| Claim::new(Field::Email, &email, if is_hidden { HIDDEN } else { PROSE })).collect()
}

/// A number's last digits, which are the same however its country is written.
fn tail_of(number: &str) -> String {
    let digits = digits_of(number);
    digits.get(digits.len().saturating_sub(9)..).unwrap_or(&digits).to_owned()
}

/// Each person once, with what each mention adds.
fn united(mentions: impl Iterator<Item = Mention>) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    for Mention { person, .. } in mentions {
        match people.iter_mut().find(|known| fold(&known.name) == fold(&person.name)) {
            Some(known) => {
                known.role = known.role.take().or(person.role);
                known.email = known.email.take().or(person.email);
                known.phone = known.phone.take().or(person.phone);
            }
            None => people.push(person),
        }
    }
    people.truncate(PEOPLE_MAX);
    people
}

/// Each claim once, the strongest of equals, as long as there is room: everything here is written to the job's record.
fn once(claims: Vec<Claim>, room: &mut usize) -> Vec<Claim> {
    let mut kept: Vec<Claim> = Vec::new();
    for claim in claims {
        if let Some(known) = kept.iter_mut().find(|known| known.field == claim.field && known.value == claim.value) {
            known.strength = known.strength.max(claim.strength);
            known.note = known.note.take().or(claim.note);
        } else if take_room(room, claim.value.len() + claim.note.as_ref().map_or(0, String::len) + CLAIM_BYTES) {
            kept.push(claim);
        }
    }
    kept
}

fn take_room(room: &mut usize, bytes: usize) -> bool {
    let fits = bytes <= *room;
    if fits {
        *room -= bytes;
    }
    fits
}

fn person_bytes(person: &Person) -> usize {
    let Person { name, role, email, phone } = person;
    name.len() + [role, email, phone].into_iter().flatten().map(String::len).sum::<usize>() + CLAIM_BYTES
}

fn contact_pages(pages: &[(PageKind, String)]) -> Vec<String> {
    let mut ranked: Vec<&(PageKind, String)> = pages.iter().filter(|(kind, _)| *kind != PageKind::Team).collect();
    ranked.sort_by_key(|(kind, _)| *kind);
    ranked.into_iter().take(3).map(|(_, url)| url.clone()).collect()
}

/// What people read, without menus.
fn excerpt(lines: &[Line<'_>]) -> String {
    let mut text = String::new();
    for line in lines.iter().filter(|line| !line.is_navigation) {
        if !text.is_empty() {
            text.push('\n');
        }
        let room = TEXT_BYTES_MAX.saturating_sub(text.len());
        text.push_str(line.text.get(..line.text.floor_char_boundary(room)).unwrap_or_default());
        if text.len() + 4 >= TEXT_BYTES_MAX {
            break;
        }
    }
    text
}

/// Lines as one text.
pub(super) struct Joined {
    pub(super) text: String,
    starts: Vec<usize>,
}

impl Joined {
    /// The line that a place in the text is on.
    pub(super) fn line_at(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }
}

pub(super) fn joined<'a>(lines: impl IntoIterator<Item = &'a Line<'a>>) -> Joined {
    let mut joined = Joined { text: String::new(), starts: Vec::new() };
    for line in lines {
        joined.starts.push(joined.text.len());
        joined.text.push_str(&line.text);
        joined.text.push('\n');
    }
    joined
}

/// The country that the page is likely of, by its domain or its language; English says nothing.
fn country_of(url: &Url, lang: Option<&str>) -> Option<&'static str> {
    const COUNTRIES: [&str; 16] = ["DE", "AT", "CH", "FR", "BE", "ES", "IT", "PT", "NL", "GB", "CA", "US", "AU", "IE", "BR", "MX"];
    let known = |code: &str| COUNTRIES.into_iter().find(|known| known.eq_ignore_ascii_case(code));
    let top = url.domain().and_then(|domain| domain.rsplit('.').next()).map(|top| if top == "uk" { "gb" } else { top });
    let (language, region) = lang.map(|lang| lang.split_once(['-', '_']).unwrap_or((lang, ""))).unwrap_or_default();
    let of_language = if language.eq_ignore_ascii_case("en") { None } else { known(language) };
    top.and_then(known).or_else(|| known(region)).or(of_language)
}

static TITLE_TAG: Pattern = pattern!("title");
static LANG: Pattern = pattern!("html[lang]");
static JSON_LD: Pattern = pattern!(r#"script[type="application/ld+json" i]"#);
static SITE_NAME_TAG: Pattern = pattern!(r#"meta[property="og:site_name"]"#);
static BODY: Pattern = pattern!("body");

#[cfg(test)]
#[path = "extract_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "real_markup_tests.rs"]
mod real_markup_tests;
