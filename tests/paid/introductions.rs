//! Jobs that a wallet pays for and an agent has ordered: the agent finds them, wherever they lie.

use std::sync::Arc;

use enrich_jobs::actors::{Error, IdempotencyKey, JobFilter, PaidOrder};
use enrich_jobs::job::Job;
use enrich_jobs::shard::{Grant, Refusal};
use enrich_jobs::store::Memory;
use enrich_jobs::types::{AgentId, Usd};

use super::support::chain::Chain;
use super::support::node::{Script, order};
use super::support::paid::{CEILING, World, parts};

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey { key: text.to_owned(), request: 7 }
}

impl World {
    fn ordered_by(&self, agent: AgentId, payer: usize, nonce: u8, key: Option<IdempotencyKey>) -> PaidOrder {
        let caller = Some(Grant { agent, key: None, expires_at: None });
        PaidOrder { caller, key, ..self.order(payer, nonce) }
    }

    async fn list(&self, agent: AgentId) -> Vec<Arc<Job>> {
        let caller = Grant { agent, key: None, expires_at: None };
        self.node.node.jobs_of(caller, JobFilter::default(), None, 50).await.unwrap().items
    }
}

/// api.md, conventions: with a bearer a key belongs to the agent, paid or not; and a list is never behind a 202.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_finds_what_a_wallet_pays_for() {
    let Some(chain) = Chain::start(&["--accounts", "6"]).await else { return };
    let world = World::on(chain, Arc::new(Memory::new(4)), Script::hops(1), 4, false).await;
    let (agent, other) = (world.node.agent(CEILING).await, world.node.agent(CEILING).await);
    let mut paid = Vec::new();
    // Wallets of several shards.
    for payer in 0..6 {
        let accepted = world.node.node.submit_paid(world.ordered_by(agent, payer, 1, Some(key(&format!("order {payer}"))))).await.unwrap();
        assert!(!accepted.replayed);
        let list = world.list(agent).await;
        assert!(list.iter().any(|job| job.spec.id == accepted.job.spec.id), "at once");
        paid.push(accepted.job.spec.id);
    }
    assert!(paid.iter().any(|id| id.slot().shard(4) != agent.slot().shard(4)), "another shard's");
    for (payer, job) in paid.iter().enumerate() {
        let again = enrich_jobs::actors::Order { key: Some(key(&format!("order {payer}"))), ..order(agent, CEILING) };
        let replayed = world.node.node.submit(again.clone()).await.unwrap();
        assert!(replayed.replayed && replayed.job.spec.id == *job, "no second job, on the balance");
        let reused = enrich_jobs::actors::Order { key: again.key.map(|key| IdempotencyKey { request: 8, ..key }), ..order(agent, CEILING) };
        let answer = world.node.node.submit(reused).await;
        assert!(matches!(answer, Err(Error::Refused(Refusal::KeyReused))), "{answer:?}");
        // Another payer's payment under the key claims nothing.
        let by_another = world.ordered_by(agent, (payer + 1) % 6, 9, Some(key(&format!("order {payer}"))));
        let grant = Grant { agent, key: None, expires_at: None };
        let known = world.node.node.replayed(grant, by_another.key.as_ref().unwrap()).await.unwrap().unwrap();
        assert_eq!(known.job.spec.id, *job);
    }
    assert_eq!(world.node.node.agent(agent).await.unwrap().held, Usd::ZERO);
    // Without a bearer, or with another, nobody's list has it.
    world.submit(0, 2).await;
    assert_eq!((world.list(agent).await.len(), world.list(other).await.len()), (6, 0));
    let stranger = enrich_jobs::actors::Order { key: Some(key("order 0")), ..order(other, CEILING) };
    assert!(!world.node.node.submit(stranger).await.unwrap().replayed, "a key is its agent's own");
    world.settled().await;
    let original = parts(&world.chain.place, false);
    let world = world.restarted(Script::hops(1), 4, original).await;
    let mut listed: Vec<_> = world.list(agent).await.iter().map(|job| job.spec.id).collect();
    listed.sort_unstable();
    paid.sort_unstable();
    assert_eq!(listed, paid, "newest first, and each once");
    assert!(world.node.node.audit().await.unwrap().is_ok());
}
