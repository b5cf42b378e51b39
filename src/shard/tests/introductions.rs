//! Paid jobs in the lists of the agents who ordered them: told once or more, whatever comes in between.

use super::payments::{BASE, RICH, sound, upto};
use super::*;
use crate::job::Buyer;
use crate::shard::history::JobByOwner;

const KEY: ScopedKey = ScopedKey(5);
const REQUEST: u128 = 6;

impl World {
    /// Another shard, with nothing in it.
    fn other() -> Self {
        Self { agents: Vec::new(), ..Self::new() }
    }

    /// An order that a wallet pays for and an agent has sent.
    fn ordered(&mut self, agent: AgentId, key: Option<ScopedKey>) -> JobId {
        let spec = self.paid_spec(upto(1, self.counter + 1, 1_000_000, BASE));
        let spec = Arc::new(Spec { buyer: Some(Buyer { agent, key: None }), ..(*spec).clone() });
        let payment = self.claim_key(spec.payment.as_ref().unwrap());
        let looked_up_at = self.shard.generation();
        let key = key.map(|key| RequestKey { key, request: REQUEST, looked_up_at });
        self.run(Command::SubmitPaid { spec: Arc::clone(&spec), payment, key, credit: RICH }).unwrap();
        spec.id
    }

    fn owed(&self) -> Vec<Introduction> {
        self.shard.introductions().copied().collect()
    }

    fn stored(&self, key: ScopedKey) -> Option<KeyEntry> {
        self.kept.rows.get(&(Table::Key, key.0.to_be_bytes().to_vec())).map(|row| codec::decode(row).unwrap())
    }

    fn introduce(&mut self, introduction: Introduction) -> Result<Reply, Refusal> {
        let row = introduction.key.and_then(|(key, _)| self.stored(key));
        let looked_up_at = self.shard.generation();
        self.run(Command::Introduce { introduction, row, looked_up_at })
    }

    /// What lies in an agent's list.
    fn list(&mut self, agent: AgentId) -> Vec<JobByOwner> {
        self.checkpoint(usize::MAX);
        let of_agent = self.kept.rows.iter().filter(|((table, key), _)| *table == Table::JobByOwner && key.starts_with(agent.as_bytes()));
        of_agent.map(|(_, value)| codec::decode(value).unwrap()).collect()
    }
}

/// CP-17: what an agent's shard has yet to hear of is durable with the job, and gone once it has heard; told again, nothing changes.
#[test]
fn cp17_an_agent_hears_of_its_job_at_least_once() {
    for crash_at in 0..6 {
        let (mut payers, mut agents) = (World::new(), World::other());
        let agent = AgentId::new([0x70; 16]);
        let crash = |world: &mut World, at| {
            world.append();
            if at == crash_at {
                world.crash();
            }
        };
        let job = payers.ordered(agent, Some(KEY));
        crash(&mut payers, 0);
        let [introduction] = payers.owed()[..] else { panic!("{:?}", payers.owed()) };
        assert_eq!((introduction.job, introduction.agent, introduction.key), (job, agent, Some((KEY, REQUEST))));
        // The process dies after any step, also with what was not durable: then it is told again.
        if crash_at == 1 {
            agents.introduce(introduction).unwrap();
            agents.crash();
        }
        agents.introduce(introduction).unwrap();
        crash(&mut agents, 2);
        if crash_at == 3 {
            agents.checkpoint(usize::MAX);
        }
        // Its acknowledgement was lost.
        agents.introduce(introduction).unwrap();
        crash(&mut agents, 4);
        assert_eq!(agents.list(agent), [(job, Some(KEY))], "{crash_at}");
        assert_eq!(agents.stored(KEY).unwrap(), KeyEntry { request: REQUEST, made: Made::Job(job), at: AT });
        for _ in 0..2 {
            payers.run(Command::Introduced { job }).unwrap();
            crash(&mut payers, 5);
        }
        assert!(payers.owed().is_empty());
        payers.checkpoint(usize::MAX);
        assert!(!payers.kept.rows.keys().any(|(table, _)| *table == Table::Introduction));
        sound(&mut payers);
        sound(&mut agents);
    }
}

/// The payer's shard may be the agent's, which has the key already, in memory or in its row.
#[test]
fn an_agent_that_lives_with_the_payer_is_told_too() {
    for is_written in [false, true] {
        let mut world = World::new();
        let agent = world.agents[0];
        let job = world.ordered(agent, Some(KEY));
        if is_written {
            world.checkpoint(usize::MAX);
        }
        let introduction = world.owed()[0];
        world.introduce(introduction).unwrap();
        assert_eq!(world.list(agent), [(job, Some(KEY))]);
        sound(&mut world);
    }
}

/// Sent on the balance and with a payment at once, a key stands for what came first, and the list has both.
#[test]
fn a_key_stands_for_what_came_first() {
    for is_written in [false, true] {
        let (mut payers, mut agents) = (World::new(), World::new());
        let agent = agents.agents[0];
        let first = agents.spec(0, 50_000, None);
        let key = RequestKey { key: KEY, request: REQUEST, looked_up_at: 0 };
        agents.run(Command::Submit { spec: Arc::clone(&first), key: Some(key) }).unwrap();
        if is_written {
            agents.checkpoint(usize::MAX);
        }
        // Two worlds count their jobs alike: the second one's number has to be another.
        payers.counter = 100;
        let job = payers.ordered(agent, Some(KEY));
        agents.introduce(payers.owed()[0]).unwrap();
        let mut list = agents.list(agent);
        list.sort_by_key(|(id, _)| *id != first.id);
        assert_eq!(list, [(first.id, Some(KEY)), (job, None)]);
        assert_eq!(agents.stored(KEY).unwrap().made, Made::Job(first.id));
        sound(&mut agents);
    }
}

/// A look-up that is out of date is made again; without a key there is nothing to look up.
#[test]
fn a_key_is_looked_up_before() {
    let (mut payers, mut agents) = (World::new(), World::new());
    let agent = agents.agents[0];
    payers.counter = 100;
    let job = payers.ordered(agent, Some(KEY));
    let introduction = payers.owed()[0];
    let stale = Command::Introduce { introduction, row: None, looked_up_at: agents.shard.generation() + 1 };
    assert_eq!(agents.run(stale).unwrap_err(), Refusal::LookAgain);
    assert!(agents.list(agent).is_empty());
    agents.run(Command::Introduce { introduction: Introduction { key: None, ..introduction }, row: None, looked_up_at: 99 }).unwrap();
    assert_eq!(agents.list(agent), [(job, None)]);
    assert_eq!(agents.stored(KEY), None);
}
