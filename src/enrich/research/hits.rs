//! Which pages that a search found are worth reading.

use url::Url;

use super::own_site::is_named_after;
use crate::enrich::matching::{Subject, domain_of};
use crate::enrich::words::{fold, name_words};

/// A page that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it is.
    pub url: Url,
    /// Its title and what the search shows of it, in one form for comparing.
    pub words: String,
    /// How much speaks for it.
    pub points: u32,
    /// Its host goes by the business's name.
    pub is_own: bool,
}

/// Hosts that many businesses share: a page there says nothing of the host.
const SHARED: [&str; 8] =
    ["facebook.com", "instagram.com", "linkedin.com", "x.com", "twitter.com", "youtube.com", "wikipedia.org", "pinterest.com"];

/// So much of the name must stand there, in percent.
const NAMED_MIN: u32 = 70;
/// A hit with fewer points is about something else: the name with nothing of the place, or half of the name with a place.
const POINTS_MIN: u32 = 80;

impl Hit {
    /// Judges one hit against what was asked; `None` where no word of the name stands in it.
    pub fn judged(asked: &Subject, url: &str, title: &str, snippet: &str) -> Option<Self> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let host = domain_of(url.as_str())?;
        if SHARED.iter().any(|shared| host == *shared || host.ends_with(&format!(".{shared}"))) {
            return None;
        }
        let (title, words) = (format!(" {} ", fold(title)), format!(" {} ", fold(&format!("{title} {snippet}"))));
        let is_own = asked.names().any(|name| is_named_after(&host, name)) || asked.domains().contains(&host);
        let named = asked.names().map(|name| share_of(&name_words(name), &words)).max().unwrap_or(0);
        let titled = asked.names().map(|name| share_of(&name_words(name), &title)).max().unwrap_or(0);
        if named < NAMED_MIN && !is_own {
            return None;
        }
        // A page whose title is about something else, such as all businesses of a city, says little of each.
        let named = if titled >= NAMED_MIN { named } else { named / 2 };
        let is_name_alone = asked.is_a_name_alone();
        let place = asked.place_words().filter(|word| words.contains(&format!(" {} ", fold(word)))).count();
        let points = named + 15 * u32::try_from(place).unwrap_or(0) + if is_own { 60 } else { 0 };
        let points = if is_name_alone && titled >= NAMED_MIN { points.max(POINTS_MIN) } else { points };
        Some(Self { url, words, points, is_own })
    }

    /// Whether enough speaks for it to be paid for.
    pub fn is_worth_reading(&self) -> bool {
        self.points >= POINTS_MIN
    }

    /// The front page of its site.
    pub fn front(&self) -> Url {
        let mut front = self.url.clone();
        front.set_path("/");
        front.set_query(None);
        front.set_fragment(None);
        front
    }
}

/// How many of the name's words stand in the text, in percent.
fn share_of(name: &[String], words: &str) -> u32 {
    let there = name.iter().filter(|word| words.contains(&format!(" {word} "))).count();
    u32::try_from(there * 100 / name.len().max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::WebsearchPayload;

    #[test]
    fn the_business_before_lists_and_lists_before_strangers() {
        let asked =
            Subject::asked(&WebsearchPayload::parse(r#"{"business_name":"Haney Furniture Co","city":"New Castle","state":"PA"}"#).unwrap());
        let points = |url: &str, title: &str, snippet: &str| Hit::judged(&asked, url, title, snippet).map(|hit| hit.points);
        let own = points("https://haney-furniture.example/", "Haney Furniture", "Sofas in New Castle").unwrap();
        let list = points("https://list.example/pa/haney", "Haney Furniture - New Castle, PA", "Phone, hours").unwrap();
        let elsewhere = points("https://list.example/oh/haney", "Haney Furniture - Akron, OH", "Phone, hours").unwrap();
        assert!(own > list && list > elsewhere, "{own} {list} {elsewhere}");
        assert_eq!(points("https://list.example/x", "Best bakeries of Ohio", "Bread"), None);
        assert_eq!(points("https://www.facebook.com/haney", "Haney Furniture", ""), None);
        assert_eq!(points("ftp://haney.example/", "Haney Furniture", ""), None);
    }
}
