//! Several nodes on one store: who holds which shard, taking and giving up.

mod membership;
mod pass;
mod peers;
mod plan;
mod question;
mod recovery;
mod tenure;

pub use self::membership::Place;
pub(super) use self::membership::{Membership, give_up, leave, start};
pub use self::pass::{CLIENT_HEADER, NotPassed, Passed};
pub use self::peers::{ASK_PATH, NODE_HEADER, NodeSecret, Peers};
pub(super) use self::question::{Failure, Question, Told, What};
pub(super) use self::recovery::recover;
pub(super) use self::tenure::Tenure;
