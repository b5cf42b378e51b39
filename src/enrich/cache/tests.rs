use url::Url;

use super::*;
use crate::clock::SystemRandom;
use crate::enrich::claim::{Claim, Field};
use crate::enrich::matching::Subject;

const DAY: Duration = Duration::from_hours(24);
const AT: Timestamp = Timestamp::from_millis(7);

fn cache(keep: Duration, bytes_max: u64) -> Cache {
    Cache::new(CacheSettings { keep, bytes_max }, &SystemRandom)
}

fn page(cache: &Cache, url: &str) -> Key {
    cache.key("website", &Question::page(&Url::parse(url).unwrap()), None).unwrap()
}

fn answer(cache: &Cache, key: Key) -> Option<String> {
    cache.get(key).map(|kept| kept.answer.to_string())
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_its_time_and_nothing_for_a_part_of_it() {
    let cache = cache(DAY, 1 << 20);
    let (found, nothing) = (page(&cache, "https://a.example/"), page(&cache, "https://b.example/"));
    cache.put(found, "1", false, AT);
    cache.put(nothing, "null", true, AT);
    tokio::time::advance(Duration::from_mins(59)).await;
    assert_eq!((answer(&cache, found), answer(&cache, nothing)), (Some("1".to_owned()), Some("null".to_owned())));
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!((answer(&cache, found), answer(&cache, nothing)), (Some("1".to_owned()), None));
    tokio::time::advance(Duration::from_hours(23)).await;
    assert_eq!(answer(&cache, found), None);
}

#[tokio::test]
async fn memory_is_bounded_and_the_newest_stays() {
    const MB: u64 = 1 << 20;
    let cache = cache(DAY, MB);
    let text = "x".repeat(10_000);
    for number in 0..1000 {
        cache.put(page(&cache, &format!("https://a.example/{number}")), &text, false, AT);
    }
    let bytes = cache.bytes();
    assert!(bytes <= MB && bytes > MB / 2, "{bytes}");
    assert!(cache.get(page(&cache, "https://a.example/999")).is_some() && cache.get(page(&cache, "https://a.example/0")).is_none());
    // Many small ones take room too, and one that is larger than all of it takes none.
    for number in 0..20_000 {
        cache.put(page(&cache, &format!("https://b.example/{number}")), "1", false, AT);
    }
    cache.put(page(&cache, "https://c.example/"), &"x".repeat(2 << 20), false, AT);
    let entries = cache.0.as_ref().unwrap().kept.entry_count();
    assert!(cache.bytes() <= MB && entries <= MB / 256, "{} {entries}", cache.bytes());
    assert_eq!(answer(&cache, page(&cache, "https://c.example/")), None);
}

#[tokio::test]
async fn a_callers_own_answers_are_that_callers() {
    let cache = cache(DAY, 1 << 20);
    let own = Question::words("Jane Roe");
    let [of_a, of_b] = ["a", "b"].map(|caller| cache.key("search", &own, Some(caller)).unwrap());
    cache.put(of_a, "1", false, AT);
    assert_eq!((answer(&cache, of_a), answer(&cache, of_b)), (Some("1".to_owned()), None));
    assert_eq!((cache.key("search", &own, None), cache.key("search", &own, Some(""))), (None, None));
    let everybodys = Question::business("Acme", None, None, None);
    assert_eq!(cache.key("search", &everybodys, Some("a")), cache.key("search", &everybodys, Some("b")));
    assert_ne!(cache.key("search", &everybodys, None), cache.key("directory", &everybodys, None));
    // Neither another process nor another split of the same letters has the same key.
    assert_ne!(super::tests::cache(DAY, 1).key("search", &own, Some("a")), cache.key("search", &own, Some("a")));
    assert_ne!(cache.key("search", &own, Some("ab")), cache.key("bsearch", &own, Some("a")));
}

#[tokio::test]
async fn without_time_nothing_is_kept() {
    for off in [cache(Duration::ZERO, 1 << 20), cache(DAY, 0), Cache::default()] {
        assert!(!off.is_on());
        assert_eq!(off.key("search", &Question::words("a"), Some("a")), None);
        assert!(off.pages_of(&acme("")).is_empty());
    }
}

fn acme(phone: &str) -> Subject {
    let claims = [(Field::Name, "Acme Corp"), (Field::City, "Tampa"), (Field::Country, "US"), (Field::Phone, phone)];
    Subject::found(&claims.into_iter().filter_map(|(field, value)| Claim::new(field, value, 80)).collect::<Vec<_>>())
}

#[tokio::test]
async fn marks_of_a_business_lead_to_those_of_its_pages_that_are_kept() {
    let cache = cache(DAY, 1 << 20);
    let urls = ["https://acme.example/", "https://acme.example/contact"];
    cache.lead_to(urls.into_iter(), [acme("(813) 555-0142")].iter(), AT);
    assert!(cache.pages_of(&acme("")).is_empty(), "no page is kept");
    cache.put(page(&cache, urls[1]), "{}", false, AT);
    let led = |subject: &Subject| cache.pages_of(subject).into_iter().map(String::from).collect::<Vec<_>>();
    assert_eq!(led(&acme("")), [urls[1]], "by its name in its city");
    let by_phone = [(Field::Phone, "+1 813 555 0142")].map(|(field, value)| Claim::new(field, value, 80).unwrap());
    assert_eq!(led(&Subject::found(&by_phone)), [urls[1]]);
    let elsewhere = [(Field::Name, "Acme Corp"), (Field::City, "Miami")].map(|(field, value)| Claim::new(field, value, 80).unwrap());
    assert!(led(&Subject::found(&elsewhere)).is_empty());
}
