//! How we behave towards a host: what its robots.txt allows, and how long we wait between two requests.
//!
//! A robots.txt is asked for once, however many jobs want the host at the same time, and kept for half a day (RFC 9309 §2.4 lets
//! us keep it a day). No file (any 4xx but 429) allows everything; a host that fails, is too slow or can't be reached allows
//! nothing for ten minutes (§2.3.1.4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::charset;
use super::fetch::{Fetch, Page};
use super::robots::{BYTES_MAX, Robots};
use crate::net::host_key;

/// What a page's text says that its host doesn't want read.
pub(super) const DISALLOWED: &str = "robots.txt disallows this page";

const KEPT_FOR: Duration = Duration::from_hours(12);
const FAILURE_KEPT_FOR: Duration = Duration::from_mins(10);
/// Hosts that are remembered. Beyond them the half not heard of for longest is forgotten.
const HOSTS_MAX: usize = 10_000;
/// Redirects of a robots.txt, to any host (§2.3.1.2).
const REDIRECTS_MAX: usize = 5;

/// What is known of all hosts.
#[derive(Debug)]
pub(super) struct Manners {
    interval: Duration,
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Debug, Clone)]
struct Host {
    robots: Arc<OnceCell<Known>>,
    /// When the next request may begin.
    next_at: Instant,
    heard_at: Instant,
}

/// A host's rules, and until when they hold.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) robots: Robots,
    /// Nobody answered, so it isn't the host's word.
    is_failure: bool,
    until: Instant,
}

impl Manners {
    /// With at least `interval` between two requests to one host.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, hosts: Mutex::default() }
    }

    /// Gets a page when its host allows it and its turn has come, by `deadline`.
    pub(super) async fn get(&self, fetch: &dyn Fetch, url: &Url, bytes_max: usize, deadline: Instant) -> Result<Page, String> {
        let known = self.known(fetch, url, deadline).await?;
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        if !known.get().is_some_and(|known| known.robots.allows(&path)) {
            let failed = known.get().is_some_and(|known| known.is_failure);
            return Err(if failed { "robots.txt can't be had" } else { DISALLOWED }.to_owned());
        }
        let delay = known.get().map_or(Duration::ZERO, |known| known.robots.delay);
        self.turn(&host_key(url), delay, deadline).await?;
        fetch.get(url, bytes_max, deadline.saturating_duration_since(Instant::now())).await
    }

    /// The rules of a page's host.
    pub(super) async fn known(&self, fetch: &dyn Fetch, url: &Url, deadline: Instant) -> Result<Arc<OnceCell<Known>>, String> {
        // The rules are those of scheme, host and port; the waits are the host's.
        let key = format!("{}://{}", url.scheme(), host_key(url));
        let cell = self.host(&key).robots;
        // Half of the time that is left, so that a host that hangs is remembered before the page is given up.
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        let asked = cell.get_or_init(|| self.ask(fetch, url, Instant::now() + half));
        tokio::time::timeout_at(deadline, asked).await.map_err(|_elapsed| "robots.txt was not there in time".to_owned())?;
        Ok(cell)
    }

    async fn ask(&self, fetch: &dyn Fetch, url: &Url, deadline: Instant) -> Known {
        let answer = tokio::time::timeout_at(deadline, self.fetch(fetch, url, deadline)).await;
        let robots = answer.unwrap_or(None);
        let (is_failure, kept_for) = if robots.is_some() { (false, KEPT_FOR) } else { (true, FAILURE_KEPT_FOR) };
        Known { robots: robots.unwrap_or_else(Robots::nothing), is_failure, until: Instant::now() + kept_for }
    }

    /// The rules; `None` where the host can't say.
    async fn fetch(&self, fetch: &dyn Fetch, page: &Url, deadline: Instant) -> Option<Robots> {
        let mut url = page.join("/robots.txt").ok()?;
        for _ in 0..=REDIRECTS_MAX {
            self.turn(&host_key(&url), Duration::ZERO, deadline).await.ok()?;
            let answer = fetch.get(&url, BYTES_MAX, deadline.saturating_duration_since(Instant::now())).await.ok()?;
            match answer.status {
                200..=299 => return Some(Robots::parse(&charset::decoded(&answer.body, Some("text/plain; charset=utf-8")))),
                301 | 302 | 303 | 307 | 308 => url = url.join(answer.location.as_deref()?).ok()?,
                429 => return None,
                400..=499 => return Some(Robots::default()),
                _ => return None,
            }
        }
        // So many redirects are as good as no file (§2.3.1.2).
        Some(Robots::default())
    }

    /// Waits for the host's next turn. Where that comes too late nothing is waited for, and no turn is taken.
    async fn turn(&self, host: &str, delay: Duration, deadline: Instant) -> Result<(), String> {
        let interval = self.interval.max(delay);
        if interval.is_zero() {
            return Ok(());
        }
        let at = {
            self.host(host);
            let mut hosts = self.lock();
            let now = Instant::now();
            let next_at = hosts.get_mut(host).map(|host| &mut host.next_at);
            let at = next_at.as_deref().map_or(now, |next_at| (*next_at).max(now));
            if at >= deadline {
                return Err("too many pages of that host are waiting".to_owned());
            }
            if let Some(next_at) = next_at {
                *next_at = at + interval;
            }
            at
        };
        sleep_until(at).await;
        Ok(())
    }

    fn host(&self, key: &str) -> Host {
        let now = Instant::now();
        let mut hosts = self.lock();
        if hosts.len() >= HOSTS_MAX && !hosts.contains_key(key) {
            let mut heard: Vec<Instant> = hosts.values().map(|host| host.heard_at).collect();
            heard.sort_unstable();
            let middle = heard.get(heard.len() / 2).copied().unwrap_or(now);
            hosts.retain(|_, host| host.heard_at > middle);
        }
        let host = hosts.entry(key.to_owned()).or_insert_with(|| Host { robots: Arc::default(), next_at: now, heard_at: now });
        host.heard_at = now;
        if host.robots.get().is_some_and(|known| known.until <= now) {
            host.robots = Arc::default();
        }
        host.clone()
    }

    /// Nothing under this lock can leave the map half changed, so a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers robots.txt with a status and a body after some time; every page is there.
    #[derive(Debug)]
    struct Site {
        robots: (u16, &'static str),
        takes: Duration,
        got: Mutex<Vec<(String, Instant)>>,
    }

    #[async_trait::async_trait]
    impl Fetch for Site {
        async fn get(&self, url: &Url, _bytes_max: usize, timeout: Duration) -> Result<Page, String> {
            self.got.lock().unwrap().push((url.path().to_owned(), Instant::now()));
            let (status, body) = if url.path() == "/robots.txt" {
                tokio::time::timeout(timeout, tokio::time::sleep(self.takes)).await.map_err(|_| "slow".to_owned())?;
                self.robots
            } else {
                (200, "")
            };
            let location = (300..400).contains(&status).then(|| body.to_owned());
            Ok(Page { url: url.clone(), status, content_type: None, location, is_private: false, body: body.as_bytes().to_vec() })
        }
    }

    fn site(status: u16, body: &'static str, takes: u64) -> Site {
        Site { robots: (status, body), takes: Duration::from_millis(takes), got: Mutex::default() }
    }

    async fn get(manners: &Manners, site: &Site, path: &str) -> Result<u16, String> {
        let url = Url::parse("https://acme.example").unwrap().join(path).unwrap();
        manners.get(site, &url, 99, Instant::now() + Duration::from_secs(10)).await.map(|page| page.status)
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_answer_to_robots_txt_means() {
        let disallowed = || Err("robots.txt disallows this page".to_owned());
        let failed = || Err("robots.txt can't be had".to_owned());
        for (status, body, takes, wanted) in [
            (200, "User-agent: *\nDisallow: /x", 0, disallowed()),
            (200, "User-agent: *\nDisallow: /y", 0, Ok(200)),
            (200, "User-agent: *\nDisallow: /*q=1", 0, disallowed()),
            (404, "", 0, Ok(200)),
            (403, "User-agent: *\nDisallow: /", 0, Ok(200)),
            (429, "", 0, failed()),
            (503, "", 0, failed()),
            (301, "/robots.txt", 0, Ok(200)),
            (200, "", 60_000, failed()),
        ] {
            let manners = Manners::new(Duration::ZERO);
            assert_eq!(get(&manners, &site(status, body, takes), "/x?q=1").await, wanted, "{status} {body}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_for_all_and_again_when_it_is_old() {
        let (manners, site) = (Manners::new(Duration::ZERO), site(200, "", 100));
        let asked = |site: &Site| site.got.lock().unwrap().iter().filter(|(path, _)| path == "/robots.txt").count();
        let all = futures_util::future::join_all((0..20).map(|_| get(&manners, &site, "/x"))).await;
        assert!(all.iter().all(|page| *page == Ok(200)));
        assert_eq!(asked(&site), 1);
        tokio::time::sleep(KEPT_FOR.saturating_sub(Duration::from_secs(1))).await;
        get(&manners, &site, "/x").await.unwrap();
        assert_eq!(asked(&site), 1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        get(&manners, &site, "/x").await.unwrap();
        assert_eq!(asked(&site), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_forgotten_sooner() {
        let (manners, site) = (Manners::new(Duration::ZERO), site(500, "", 0));
        for (after, wanted) in [(0, 1), (60, 1), (601, 2)] {
            tokio::time::sleep(Duration::from_secs(after)).await;
            get(&manners, &site, "/x").await.unwrap_err();
            assert_eq!(site.got.lock().unwrap().len(), wanted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_one_host_keep_their_distance() {
        for (robots, distance) in [("", 200), ("User-agent: *\nCrawl-delay: 1", 1000)] {
            let (manners, site) = (Manners::new(Duration::from_millis(200)), site(200, robots, 0));
            let all = futures_util::future::join_all((0..5).map(|_| get(&manners, &site, "/x"))).await;
            assert!(all.iter().all(Result::is_ok));
            let pages: Vec<Instant> = site.got.lock().unwrap().iter().filter(|(path, _)| path == "/x").map(|(_, at)| *at).collect();
            assert!(pages.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(distance)), "{pages:?}");
        }
    }

    /// Who would wait for longer than there is time is told at once, and takes nobody's turn.
    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_too_long_is_left() {
        let (manners, site) = (Manners::new(Duration::from_secs(3)), site(200, "", 0));
        let all = futures_util::future::join_all((0..9).map(|_| get(&manners, &site, "/x"))).await;
        let refused = all.iter().filter(|page| **page == Err("too many pages of that host are waiting".to_owned())).count();
        assert_eq!((all.iter().filter(|page| page.is_ok()).count(), refused), (3, 6));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(get(&manners, &site, "/x").await, Ok(200));
    }

    #[test]
    fn memory_is_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let manners = Manners::new(Duration::ZERO);
            for host in 0..HOSTS_MAX + 10 {
                manners.host(&host.to_string());
                if host % 1000 == 0 {
                    tokio::time::advance(Duration::from_millis(1)).await;
                }
            }
            let left = manners.lock().len();
            assert!(left > 0 && left <= HOSTS_MAX && manners.lock().contains_key(&(HOSTS_MAX + 9).to_string()), "{left}");
        });
    }
}
