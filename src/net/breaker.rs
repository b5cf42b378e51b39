//! A circuit breaker per host: who fails again and again is left alone for a while (T-37, F-C1).
//!
//! ```text
//! closed --N failures in a row--> open --pause over, one call let through--> probing --success--> closed
//!                                  ^---------------- failure, pause doubled ----'
//! ```

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::Standing;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures_max: u32,
    /// The first pause.
    pub pause: Duration,
    /// Where doubling ends.
    pub pause_max: Duration,
    /// Hosts that are remembered. Beyond them the half not heard of for longest is forgotten, as if never called.
    pub hosts_max: usize,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures_max: 5, pause: Duration::from_secs(10), pause_max: Duration::from_mins(5), hosts_max: 10_000 }
    }
}

/// The breakers of all hosts. A clone is a pointer.
#[derive(Debug, Clone)]
pub struct Breakers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: BreakerSettings,
    hosts: Mutex<HashMap<Box<str>, Host>>,
}

#[derive(Debug)]
struct Host {
    state: State,
    heard_at: Instant,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// With so many failures in a row.
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        pause: Duration,
    },
    /// One call is on its way.
    Probing {
        pause: Duration,
    },
}

/// The host is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    /// Earlier it makes no sense to ask again.
    pub retry_after: Duration,
}

/// Leave to call a host once. Say how it went; a pass that is dropped unsaid counts as no call.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    breakers: Breakers,
    host: Box<str>,
    is_probe: bool,
    is_settled: bool,
}

impl Breakers {
    /// All closed.
    pub fn new(settings: BreakerSettings) -> Self {
        Self(Arc::new(Inner { settings, hosts: Mutex::default() }))
    }

    /// Asks for leave to call `host`.
    ///
    /// # Errors
    /// [`Paused`] while its breaker is open, or another call is finding out whether it can be closed.
    pub fn admit(&self, host: &str) -> Result<Pass, Paused> {
        let mut hosts = self.lock();
        let known = hosts.get_mut(host);
        standing_of(known.as_deref(), Instant::now())?;
        let mut is_probe = false;
        if let Some(known) = known
            && let State::Open { pause, .. } = known.state
        {
            known.state = State::Probing { pause };
            is_probe = true;
        }
        Ok(Pass { breakers: self.clone(), host: Box::from(host), is_probe, is_settled: false })
    }

    /// What the last call says of `host`, without taking leave to make one: for whoever has yet to wait for a line.
    ///
    /// # Errors
    /// [`Paused`] while its breaker is open.
    pub fn standing(&self, host: &str) -> Result<Standing, Paused> {
        standing_of(self.lock().get(host), Instant::now())
    }

    /// How many hosts are remembered.
    pub fn hosts(&self) -> usize {
        self.lock().len()
    }

    fn record(&self, pass: &Pass, verdict: Verdict) {
        let (settings, now) = (self.0.settings, Instant::now());
        let mut hosts = self.lock();
        if !hosts.contains_key(&pass.host) && hosts.len() >= settings.hosts_max {
            forget_half(&mut hosts);
        }
        match hosts.entry(pass.host.clone()) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                *known = Host { state: settings.next(known.state, pass.is_probe, verdict, now), heard_at: now };
            }
            // An unsaid pass to an unknown host leaves it unknown.
            Entry::Vacant(_) if verdict == Verdict::Unsaid => {}
            Entry::Vacant(unknown) => {
                let state = settings.next(State::Closed { failures: 0 }, false, verdict, now);
                unknown.insert(Host { state, heard_at: now });
            }
        }
    }

    /// Nothing under this lock can leave the map half changed, so a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Host>> {
        self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn standing_of(known: Option<&Host>, now: Instant) -> Result<Standing, Paused> {
    match known.map(|known| known.state) {
        Some(State::Closed { failures: 0 }) => Ok(Standing::Proven),
        Some(State::Open { until, .. }) if until > now => Err(Paused { retry_after: until.duration_since(now) }),
        Some(State::Probing { pause }) => Err(Paused { retry_after: pause }),
        None | Some(State::Closed { .. } | State::Open { .. }) => Ok(Standing::Unproven),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Answered,
    Failed,
    Unsaid,
}

impl BreakerSettings {
    fn next(&self, state: State, is_probe: bool, verdict: Verdict, now: Instant) -> State {
        match (state, verdict) {
            // Also from a call that was on its way when the breaker opened: an answer is an answer.
            (_, Verdict::Answered) => State::Closed { failures: 0 },
            (State::Closed { failures }, Verdict::Failed) => {
                let failures = failures.saturating_add(1);
                let pause = self.pause;
                if failures >= self.failures_max { State::Open { until: now + pause, pause } } else { State::Closed { failures } }
            }
            (State::Probing { pause }, Verdict::Failed) if is_probe => {
                let pause = pause.saturating_mul(2).min(self.pause_max);
                State::Open { until: now + pause, pause }
            }
            // The next caller may try at once.
            (State::Probing { pause }, Verdict::Unsaid) if is_probe => State::Open { until: now, pause },
            // A failure from before it opened says nothing new.
            (State::Open { .. } | State::Probing { .. }, Verdict::Failed | Verdict::Unsaid) | (State::Closed { .. }, Verdict::Unsaid) => {
                state
            }
        }
    }
}

/// Half at a time, so that a flood of new names costs little each.
fn forget_half(hosts: &mut HashMap<Box<str>, Host>) {
    let mut times: Vec<Instant> = hosts.values().map(|host| host.heard_at).collect();
    let middle = times.len() / 2;
    if middle < times.len() {
        let (_, &mut median, _) = times.select_nth_unstable(middle);
        hosts.retain(|_, host| host.heard_at > median);
    }
}

impl Pass {
    /// The host answered, be it with a refusal: it is up.
    pub fn answered(mut self) {
        self.settle(Verdict::Answered);
    }

    /// The host didn't answer, or said that it can't now.
    pub fn failed(mut self) {
        self.settle(Verdict::Failed);
    }

    fn settle(&mut self, verdict: Verdict) {
        if !self.is_settled {
            self.is_settled = true;
            self.breakers.record(self, verdict);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.settle(Verdict::Unsaid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);
    const SETTINGS: BreakerSettings = BreakerSettings { failures_max: 3, pause: SECOND, pause_max: Duration::from_secs(3), hosts_max: 100 };

    fn opened() -> Breakers {
        let breakers = Breakers::new(SETTINGS);
        for _ in 0..3 {
            breakers.admit("a").unwrap().failed();
        }
        breakers
    }

    fn retry_after(breakers: &Breakers) -> Option<Duration> {
        breakers.admit("a").err().map(|paused| paused.retry_after)
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_only() {
        let breakers = Breakers::new(SETTINGS);
        for _ in 0..10 {
            breakers.admit("a").unwrap().failed();
            breakers.admit("a").unwrap().failed();
            breakers.admit("a").unwrap().answered();
        }
        assert_eq!(retry_after(&breakers), None);
        assert_eq!(retry_after(&opened()), Some(SECOND));
        assert!(opened().admit("b").is_ok(), "each host for itself");
    }

    /// T-37: one call finds out; as long as it fails the pauses grow, up to a bound.
    #[tokio::test(start_paused = true)]
    async fn t37_one_probe_and_growing_pauses() {
        let breakers = opened();
        for pause in [1, 2, 3, 3] {
            advance((pause - 1) * SECOND).await;
            assert_eq!(retry_after(&breakers), Some(SECOND));
            advance(SECOND).await;
            let probe = breakers.admit("a").unwrap();
            assert!(retry_after(&breakers).is_some(), "only one at a time");
            probe.failed();
        }
        advance(3 * SECOND).await;
        breakers.admit("a").unwrap().answered();
        assert_eq!(retry_after(&breakers), None);
        breakers.admit("a").unwrap().failed();
        assert_eq!(retry_after(&breakers), None, "counts from zero again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_frees_its_place() {
        let breakers = opened();
        advance(SECOND).await;
        drop(breakers.admit("a").unwrap());
        assert!(breakers.admit("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_it_opened() {
        let breakers = Breakers::new(SETTINGS);
        let (late_failure, late_answer) = (breakers.admit("a").unwrap(), breakers.admit("a").unwrap());
        for _ in 0..3 {
            breakers.admit("a").unwrap().failed();
        }
        advance(SECOND).await;
        let probe = breakers.admit("a").unwrap();
        late_failure.failed();
        assert!(retry_after(&breakers).is_some(), "the probe is still on its way");
        drop(probe);
        late_answer.answered();
        assert_eq!(retry_after(&breakers), None, "an answer is an answer");
    }

    /// F-C1: what counts as proven.
    #[tokio::test(start_paused = true)]
    async fn fc1_standing() {
        let breakers = Breakers::new(SETTINGS);
        let standing = || breakers.standing("a").unwrap();
        assert_eq!(standing(), Standing::Unproven);
        breakers.admit("a").unwrap().answered();
        assert_eq!(standing(), Standing::Proven);
        breakers.admit("a").unwrap().failed();
        assert_eq!(standing(), Standing::Unproven);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_the_newest_stay() {
        let breakers = Breakers::new(SETTINGS);
        drop(breakers.admit("never called").unwrap());
        assert_eq!(breakers.hosts(), 0);
        for host in 0..1000 {
            advance(Duration::from_millis(1)).await;
            breakers.admit(&format!("host-{host}")).unwrap().answered();
            assert!(breakers.hosts() <= 100);
        }
        assert_eq!(breakers.standing("host-999").unwrap(), Standing::Proven);
        assert_eq!(breakers.standing("host-0").unwrap(), Standing::Unproven);
    }
}
