//! Several nodes on one store: who holds which shard, taking and giving up.

mod membership;
mod plan;
mod tenure;

pub use self::membership::Place;
pub(super) use self::membership::{Membership, give_up, leave, start};
pub(super) use self::tenure::Tenure;
