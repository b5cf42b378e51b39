//! What the connections say: whole requests, prepared once, with the parts that differ overwritten in place.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::{Answer, member};
use super::load::{Next, Script, expect};
use super::trouble::{Context as _, Result};

/// A job's body, of 289 bytes as in the measurements that the goals were taken from.
pub(super) const JOB: &str = concat!(
    r#"{"route":"enrich/websearch","payload":{"business_name":"Haney Furniture & Interiors","#,
    r#""street":"2100 West Kennedy Boulevard, Suite 40","city":"Tampa","state":"FL","zip":"33606","#,
    r#""phone":"+1 813 555 0142"},"bill_up_to_usd":0.05,"metadata":{"reference":"crm-2026-000000481516-tampa-bay-west"}}"#,
);
const JOBS_PATH: &str = "/api/v1/enrich/jobs";
/// Hexadecimal digits of an idempotency key's number.
const KEY_DIGITS: usize = 16;

/// Every idempotency key of this process is another one.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// A whole request.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let length = body.len().to_string();
    let of_body = [("Content-Type", "application/json"), ("Content-Length", &*length)];
    let of_body: &[_] = if body.is_empty() { &[] } else { &of_body };
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (name, value) in headers.iter().chain(of_body) {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.extend(["\r\n", body]);
    text.into_bytes()
}

/// A request with places whose text changes and whose length does not.
#[derive(Debug, Clone)]
struct Template {
    bytes: Vec<u8>,
}

impl Template {
    /// Where `text` stands.
    fn place(&self, text: &str) -> Result<Range<usize>> {
        let at = self.bytes.windows(text.len()).position(|window| window == text.as_bytes());
        let start = at.context("a request lacks its place")?;
        Ok(start..start.saturating_add(text.len()))
    }

    /// Ids and tokens have one length each, so nothing moves.
    fn put(&mut self, place: Range<usize>, text: &[u8]) {
        if let Some(place) = self.bytes.get_mut(place).filter(|place| place.len() == text.len()) {
            place.copy_from_slice(text);
        }
    }
}

/// A buyer's bearer. All have one length.
pub(super) type Accounts = Arc<[String]>;

/// How many jobs all submitters together may still submit.
#[derive(Debug)]
pub(super) struct Quota {
    taken: AtomicU64,
    allowed: AtomicU64,
    /// With none, the quota may still be raised.
    max: u64,
}

impl Quota {
    /// As many as the time allows.
    pub(super) fn endless() -> Arc<Self> {
        Self::of(u64::MAX)
    }

    /// This many.
    pub(super) fn of(count: u64) -> Arc<Self> {
        Arc::new(Self { taken: AtomicU64::new(0), allowed: AtomicU64::new(count), max: count })
    }

    /// This many at first, until [`Self::raise`].
    pub(super) fn rising(allowed: u64) -> Arc<Self> {
        Arc::new(Self { taken: AtomicU64::new(0), allowed: AtomicU64::new(allowed), max: u64::MAX })
    }

    /// Allows this many in all.
    pub(super) fn raise(&self, allowed: u64) {
        self.allowed.fetch_max(allowed, Ordering::Relaxed);
    }

    /// Takes one; says whether there may be more later where there is none now.
    fn take(&self) -> Result<(), bool> {
        let allowed = self.allowed.load(Ordering::Relaxed);
        let taken =
            self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < allowed).then(|| taken.saturating_add(1)));
        taken.map(|_| ()).map_err(|taken| taken < self.max)
    }
}

/// A job that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) id: Box<str>,
    /// Reads it.
    pub(super) bearer: Box<str>,
}

/// Submits jobs, each under a key of its own, for one account after the other.
#[derive(Debug)]
pub(super) struct Submit {
    template: Template,
    bearer: Range<usize>,
    key: Range<usize>,
    accounts: Accounts,
    quota: Arc<Quota>,
    /// Of every so many jobs one is kept; 0 keeps none.
    keep_every: u64,
    accepted: u64,
    pub(super) kept: Vec<Accepted>,
}

impl Submit {
    pub(super) fn new(accounts: &Accounts, quota: &Arc<Quota>, keep_every: u64) -> Result<Self> {
        let bearer = accounts.first().context("there is no account")?;
        let key = "0".repeat(KEY_DIGITS);
        let headers = [("Authorization", &*format!("Bearer {bearer}")), ("Idempotency-Key", &*format!("bench-{key}"))];
        let template = Template { bytes: request("POST", JOBS_PATH, &headers, JOB) };
        let (bearer, key) = (template.place(bearer)?, template.place(&format!("bench-{key}"))?);
        let key = key.end.saturating_sub(KEY_DIGITS)..key.end;
        let (accounts, quota) = (Arc::clone(accounts), Arc::clone(quota));
        Ok(Self { template, bearer, key, accounts, quota, keep_every, accepted: 0, kept: Vec::new() })
    }

    /// One for each of so many connections.
    pub(super) fn many(count: usize, accounts: &Accounts, quota: &Arc<Quota>, keep_every: u64) -> Result<Vec<Self>> {
        (0..count).map(|_| Self::new(accounts, quota, keep_every)).collect()
    }
}

impl Script for Submit {
    fn next(&mut self) -> Next<'_> {
        match self.quota.take() {
            Ok(()) => {}
            Err(true) => return Next::Later,
            Err(false) => return Next::Done,
        }
        let number = KEYS.fetch_add(1, Ordering::Relaxed);
        self.template.put(self.key.clone(), &hexadecimal(number));
        let account = usize::try_from(scattered(number)).unwrap_or(0).checked_rem(self.accounts.len()).unwrap_or(0);
        if let Some(bearer) = self.accounts.get(account) {
            self.template.put(self.bearer.clone(), bearer.as_bytes());
        }
        Next::Send(&self.template.bytes)
    }

    fn take(&mut self, answer: Answer<'_>) -> Result<()> {
        expect(202, answer)?;
        self.accepted = self.accepted.saturating_add(1);
        if self.keep_every > 0 && self.accepted.is_multiple_of(self.keep_every) {
            let read = |name: &str| member(answer.body, name).map(Box::from).with_context(|| format!("an acceptance lacks its {name}"));
            self.kept.push(Accepted { id: read("job_id")?, bearer: read("poll_bearer")? });
        }
        Ok(())
    }
}

fn hexadecimal(number: u64) -> [u8; KEY_DIGITS] {
    let mut digits = [b'0'; KEY_DIGITS];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = u8::try_from(rest & 15).ok().and_then(|low| b"0123456789abcdef".get(usize::from(low)).copied()).unwrap_or(b'0');
        rest >>= 4;
    }
    digits
}

/// Spreads numbers in a row (Knuth's multiplicative hashing), so that accounts don't come in the order of their making.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Polls jobs, each with its own bearer, around and around or once.
#[derive(Debug)]
pub(super) struct Poll {
    template: Template,
    id: Range<usize>,
    bearer: Range<usize>,
    jobs: Arc<[Accepted]>,
    next: Arc<AtomicU64>,
    is_once: bool,
    /// What was seen, where each is polled once.
    pub(super) ends: Vec<End>,
}

/// How a job ended, as its poll tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// Completed and charged.
    pub(super) is_good: bool,
    /// When, in milliseconds.
    pub(super) at_ms: i64,
}

#[derive(Debug, serde::Deserialize)]
struct Shown {
    status: String,
    charged_usd: Option<crate::types::Usd>,
    completed_at: Option<crate::types::Timestamp>,
}

impl Poll {
    fn new(jobs: &Arc<[Accepted]>, next: &Arc<AtomicU64>, is_once: bool) -> Result<Self> {
        let Accepted { id, bearer } = jobs.first().context("there is no job to poll")?;
        let headers = [("Authorization", &*format!("Bearer {bearer}"))];
        let template = Template { bytes: request("GET", &format!("{JOBS_PATH}/{id}"), &headers, "") };
        let (id, bearer) = (template.place(id)?, template.place(bearer)?);
        Ok(Self { template, id, bearer, jobs: Arc::clone(jobs), next: Arc::clone(next), is_once, ends: Vec::new() })
    }

    /// One for each of so many connections, sharing the jobs.
    pub(super) fn many(count: usize, jobs: &Arc<[Accepted]>, is_once: bool) -> Result<Vec<Self>> {
        let next = Arc::default();
        (0..count).map(|_| Self::new(jobs, &next, is_once)).collect()
    }
}

impl Script for Poll {
    fn next(&mut self) -> Next<'_> {
        let number = usize::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
        if self.is_once && number >= self.jobs.len() {
            return Next::Done;
        }
        let Some(job) = self.jobs.get(number.checked_rem(self.jobs.len()).unwrap_or(0)) else { return Next::Done };
        self.template.put(self.id.clone(), job.id.as_bytes());
        self.template.put(self.bearer.clone(), job.bearer.as_bytes());
        Next::Send(&self.template.bytes)
    }

    fn take(&mut self, answer: Answer<'_>) -> Result<()> {
        expect(200, answer)?;
        if self.is_once {
            let shown: Shown = serde_json::from_slice(answer.body).context("a poll can't be read")?;
            let is_good = shown.status == "completed" && shown.charged_usd.is_some_and(|charged| charged.micros() > 0);
            self.ends.push(End { is_good, at_ms: shown.completed_at.map_or(0, crate::types::Timestamp::millis) });
        }
        Ok(())
    }
}

/// Makes agents, through the operators' listener.
#[derive(Debug)]
pub(super) struct MakeAgents {
    request: Arc<[u8]>,
    quota: Arc<Quota>,
    pub(super) bearers: Vec<String>,
}

impl MakeAgents {
    /// One for each of so many connections; together they make as many as the quota says.
    pub(super) fn many(count: usize, token: &str, quota: &Arc<Quota>) -> Vec<Self> {
        let headers = [("Authorization", &*format!("Bearer {token}"))];
        let request: Arc<[u8]> = request("POST", "/admin/agents", &headers, r#"{"label":"bench","credit_usd":1000000}"#).into();
        (0..count).map(|_| Self { request: Arc::clone(&request), quota: Arc::clone(quota), bearers: Vec::new() }).collect()
    }
}

impl Script for MakeAgents {
    fn next(&mut self) -> Next<'_> {
        if self.quota.take().is_ok() { Next::Send(&self.request) } else { Next::Done }
    }

    fn take(&mut self, answer: Answer<'_>) -> Result<()> {
        expect(201, answer)?;
        self.bearers.push(member(answer.body, "bearer").context("a new agent lacks its bearer")?.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submit_changes_its_key_and_its_bearer_only() {
        assert_eq!(JOB.len(), 289);
        let accounts: Accounts = Arc::new(["411_aaaa".to_owned(), "411_bbbb".to_owned()]);
        let quota = Quota::of(40);
        let mut submit = Submit::new(&accounts, &quota, 1).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let mut bearers = std::collections::BTreeSet::new();
        while let Next::Send(bytes) = submit.next() {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
            assert!(text.starts_with("POST /api/v1/enrich/jobs HTTP/1.1\r\n") && text.ends_with(JOB), "{text}");
            assert!(seen.insert(line("Idempotency-Key: ")));
            bearers.insert(line("Authorization: Bearer "));
        }
        assert_eq!((seen.len(), bearers.len()), (40, 2));
        submit.take(Answer { status: 202, body: br#"{"job_id":"ej_1","poll_bearer":"411j_2"}"# }).unwrap();
        assert_eq!((&*submit.kept[0].id, &*submit.kept[0].bearer), ("ej_1", "411j_2"));
        assert!(submit.take(Answer { status: 429, body: b"slow down" }).unwrap_err().to_string().contains("slow down"));
    }

    #[test]
    fn a_quota_rises() {
        let quota = Quota::rising(1);
        assert_eq!((quota.take(), quota.take()), (Ok(()), Err(true)));
        quota.raise(2);
        assert_eq!((quota.take(), quota.take()), (Ok(()), Err(true)));
        let quota = Quota::of(1);
        assert_eq!((quota.take(), quota.take()), (Ok(()), Err(false)));
    }

    #[test]
    fn jobs_are_polled_once() {
        let job = |n: u8| Accepted { id: format!("ej_{n}").into(), bearer: format!("411j_{n}").into() };
        let jobs: Arc<[Accepted]> = [job(1), job(2)].into();
        let mut polls = Poll::many(1, &jobs, true).unwrap();
        let poll = polls.first_mut().unwrap();
        let mut paths = Vec::new();
        while let Next::Send(bytes) = poll.next() {
            paths.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        assert_eq!(paths.len(), 2);
        assert!(paths[1].starts_with("GET /api/v1/enrich/jobs/ej_2 HTTP") && paths[1].contains("Bearer 411j_2\r\n"));
        let body = br#"{"status":"completed","charged_usd":0.01,"completed_at":"1970-01-01T00:00:01.000Z"}"#;
        poll.take(Answer { status: 200, body }).unwrap();
        assert_eq!(poll.ends, [End { is_good: true, at_ms: 1000 }]);
    }
}
