//! Hops and the cache: who pays, what is kept, and what a resumed run sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use url::Url;

use super::cached::{Keep, Shelf};
use super::{Answer, Call, Run, Stop};
use crate::clock::SystemRandom;
use crate::enrich::cache::{Cache, CacheSettings, Question};
use crate::enrich::fixture::Book;
use crate::job::HopOutcome;
use crate::types::Usd;

const COST: Usd = Usd::from_micros(40);

type Reply = Result<Result<Option<String>, String>, Stop>;

/// A vendor that counts, and may wait to be let go.
#[derive(Default)]
struct Vendor {
    calls: AtomicU32,
    gate: Option<Notify>,
}

struct Ask<'a> {
    cache: &'a Cache,
    vendor: &'a Vendor,
    page: &'a str,
    refresh: bool,
    keep: Keep,
    says: Result<Option<&'a str>, &'a str>,
}

impl Ask<'_> {
    async fn by(&self, run: &mut Run) -> Reply {
        let url = Url::parse(self.page).unwrap();
        let call = Call { tool: "website", request: url.as_str(), cost_max: COST, timeout: Duration::from_secs(3) };
        let work = async {
            self.vendor.calls.fetch_add(1, Ordering::SeqCst);
            if let Some(gate) = &self.vendor.gate {
                gate.notified().await;
            }
            let value = self.says.map_err(str::to_owned)?;
            Ok((Answer { value: value.map(str::to_owned), cost: COST }, self.keep))
        };
        run.cached_hop(call, Shelf { cache: self.cache, refresh: self.refresh }, &Question::page(&url), work).await.unwrap()
    }
}

fn cache() -> Cache {
    Cache::new(CacheSettings::default(), &SystemRandom)
}

fn ask<'a>(cache: &'a Cache, vendor: &'a Vendor) -> Ask<'a> {
    Ask { cache, vendor, page: "https://acme.example/", refresh: false, keep: Keep::Yes, says: Ok(Some("A")) }
}

fn calls(vendor: &Vendor) -> u32 {
    vendor.calls.load(Ordering::SeqCst)
}

fn hops(book: &Book) -> Vec<(HopOutcome, i64)> {
    book.hops().iter().map(|hop| (hop.outcome, hop.cost.micros())).collect()
}

#[allow(clippy::unnecessary_wraps, reason = "it is compared with what a hop answers")]
fn found(text: &str) -> Reply {
    Ok(Ok(Some(text.to_owned())))
}

#[tokio::test]
async fn the_second_to_ask_pays_nothing_and_needs_no_budget() {
    let (cache, vendor) = (cache(), Vendor::default());
    let (first, second) = (Book::default(), Book::default());
    let mut run = first.run(1000);
    assert_eq!(ask(&cache, &vendor).by(&mut run).await, found("A"));
    assert!(!run.is_all_cached());
    let mut run = second.run(0);
    assert_eq!(Ask { says: Ok(Some("asked again")), ..ask(&cache, &vendor) }.by(&mut run).await, found("A"));
    assert!(run.is_all_cached() && run.stopped().is_none());
    assert_eq!((calls(&vendor), hops(&first), hops(&second)), (1, vec![(HopOutcome::Found, 40)], vec![(HopOutcome::Cached, 0)]));
    assert_eq!((second.hops()[0].at, run.answered_at()), (first.hops()[0].at, first.hops()[0].at), "it tells when it was really read");
    // What isn't kept needs its price as ever.
    assert_eq!(Ask { page: "https://other.example/", ..ask(&cache, &vendor) }.by(&mut run).await, Err(Stop::Budget));
}

#[tokio::test]
async fn nothing_is_kept_too_but_never_a_failure_nor_what_may_not_be() {
    let (cache, vendor) = (cache(), Vendor::default());
    let mut asked = 0;
    for (says, keep, is_kept) in [
        (Ok(None), Keep::Yes, true),
        (Err("broken"), Keep::Yes, false),
        (Ok(Some("private")), Keep::No, false),
        (Ok(None), Keep::No, false),
    ] {
        asked += 1;
        let page = format!("https://{asked}.example/");
        let ask = Ask { says, keep, page: &page, ..ask(&cache, &vendor) };
        let before = calls(&vendor);
        let first = ask.by(&mut Book::default().run(100)).await;
        assert_eq!(ask.by(&mut Book::default().run(100)).await, first);
        assert_eq!(calls(&vendor) - before, if is_kept { 1 } else { 2 }, "{says:?} {keep:?}");
    }
}

#[tokio::test]
async fn refresh_asks_and_replaces_what_is_kept() {
    let (cache, vendor) = (cache(), Vendor::default());
    ask(&cache, &vendor).by(&mut Book::default().run(100)).await.unwrap().unwrap();
    let fresh = Ask { refresh: true, says: Ok(Some("B")), ..ask(&cache, &vendor) };
    let book = Book::default();
    assert_eq!(fresh.by(&mut book.run(100)).await, found("B"));
    assert_eq!((calls(&vendor), hops(&book)), (2, vec![(HopOutcome::Found, 40)]));
    assert_eq!(ask(&cache, &vendor).by(&mut Book::default().run(100)).await, found("B"));
    assert_eq!(calls(&vendor), 2);
}

/// What is on record stands, whatever is kept by then: a paid answer stays paid, a cached one free, and both say the same.
#[tokio::test]
async fn a_resumed_run_sees_what_it_recorded() {
    let (first, vendor) = (cache(), Vendor::default());
    ask(&first, &vendor).by(&mut Book::default().run(100)).await.unwrap().unwrap();
    let (cached, paid) = (Book::default(), Book::default());
    assert_eq!(ask(&first, &vendor).by(&mut cached.run(100)).await, found("A"));
    assert_eq!(Ask { refresh: true, ..ask(&first, &vendor) }.by(&mut paid.run(100)).await, found("A"));
    let other = cache();
    Ask { says: Ok(Some("other")), ..ask(&other, &vendor) }.by(&mut Book::default().run(100)).await.unwrap().unwrap();
    let before = calls(&vendor);
    for later in [&Cache::default(), &cache(), &other] {
        let mut run = cached.run(0);
        assert_eq!(ask(later, &vendor).by(&mut run).await, found("A"));
        assert!(run.is_all_cached() && run.spent().is_zero());
        let mut run = paid.run(100);
        assert_eq!(ask(later, &vendor).by(&mut run).await, found("A"));
        assert!(!run.is_all_cached() && run.spent() == COST);
    }
    assert_eq!((calls(&vendor), cached.hops().len(), paid.hops().len()), (before, 1, 1));
}

#[tokio::test]
async fn many_at_once_make_one_call_and_one_pays() {
    let (cache, vendor) = (cache(), Vendor { gate: Some(Notify::new()), ..Vendor::default() });
    let books: Vec<Book> = (0..20).map(|_| Book::default()).collect();
    let all = futures_util::future::join_all(books.iter().map(|book| {
        let (cache, vendor) = (&cache, &vendor);
        async move { ask(cache, vendor).by(&mut book.run(100)).await }
    }));
    let let_go = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        vendor.gate.as_ref().unwrap().notify_one();
    };
    let (told, ()) = tokio::join!(all, let_go);
    assert!(told.iter().all(|reply| *reply == found("A")));
    let paid: Vec<_> = books.iter().flat_map(Book::hops).filter(|hop| !hop.cost.is_zero()).collect();
    assert_eq!((calls(&vendor), paid.len()), (1, 1));
}

/// Who waited for a call that came to nothing makes its own: after a failure, and after a cancel.
#[tokio::test]
async fn who_waited_in_vain_asks_by_itself() {
    let vendor = Arc::new(Vendor { gate: Some(Notify::new()), ..Vendor::default() });
    for is_cancelled in [false, true] {
        let cache = cache();
        let (maker_cache, maker_vendor) = (cache.clone(), Arc::clone(&vendor));
        let before = calls(&vendor);
        let maker =
            tokio::spawn(
                async move { Ask { says: Err("broken"), ..ask(&maker_cache, &maker_vendor) }.by(&mut Book::default().run(100)).await },
            );
        tokio::time::sleep(Duration::from_millis(20)).await;
        let book = Book::default();
        let mut run = book.run(100);
        let waiting = ask(&cache, &vendor);
        let act = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(calls(&vendor) - before, 1, "the other one waits");
            if is_cancelled {
                maker.abort();
            } else {
                vendor.gate.as_ref().unwrap().notify_one();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            vendor.gate.as_ref().unwrap().notify_one();
        };
        let (told, ()) = tokio::join!(waiting.by(&mut run), act);
        assert_eq!((told, calls(&vendor) - before, hops(&book)), (found("A"), 2, vec![(HopOutcome::Found, 40)]), "{is_cancelled}");
    }
}

/// A whole answer is for a job that has asked nothing yet; one that has goes on as it began.
#[tokio::test]
async fn a_whole_answer_is_recalled_at_the_beginning_or_from_the_record() {
    let (cache, vendor) = (cache(), Vendor::default());
    let question = Question::session("the same");
    let shelf = Shelf { cache: &cache, refresh: false };
    let of = |book: &Book| book.run(100).for_caller("a");
    assert_eq!(of(&Book::default()).recalled::<u32>("cache", shelf, &question).await, Ok(None));
    let begun = Book::default();
    ask(&cache, &vendor).by(&mut of(&begun)).await.unwrap().unwrap();
    of(&Book::default()).keep_whole("cache", &cache, &question, &7, false);

    let book = Book::default();
    assert_eq!(of(&book).recalled::<u32>("cache", shelf, &question).await, Ok(Some(7)));
    let off = Shelf { cache: &Cache::default(), refresh: false };
    let mut resumed = of(&book);
    assert_eq!(resumed.recalled::<u32>("cache", off, &question).await, Ok(Some(7)), "it is on record");
    assert!(resumed.is_all_cached() && hops(&book) == [(HopOutcome::Cached, 0)]);

    assert_eq!(of(&begun).recalled::<u32>("cache", shelf, &question).await, Ok(None), "it has begun without");
    let refresh = Shelf { refresh: true, ..shelf };
    assert_eq!(of(&Book::default()).recalled::<u32>("cache", refresh, &question).await, Ok(None));
    assert_eq!(Book::default().run(100).for_caller("b").recalled::<u32>("cache", shelf, &question).await, Ok(None));
}
