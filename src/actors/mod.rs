//! Actors: supervise, time, retry, and carry out what the pure part decides.
//!
//! `Node > Shard > { Ledger, Job*, Callback }`. The edge holds a [`Node`], a typed handle; messages and channels stay in
//! here. Deliberately absent: rules (they are in `job` and `shard`) and HTTP.

pub mod api;
mod callback;
mod introductions;
mod job;
mod jobs;
mod keyed;
mod ledger;
mod lists;
mod look;
pub mod meters;
pub mod node;
mod nodes;
mod operators;
mod paid;
mod published;
mod quotes;
mod receipts;
mod retention;
mod shard;
mod slots;
mod supervisor;
mod waiting;
mod wallets;
mod written_keys;

pub use api::{Accepted, Credited, Error, IdempotencyKey, JobFile, JobFilter, MadeAgent, MadeUsageKey, NewUsageKey, Order, ShardStatus};
pub use node::{Node, Parts, Settings, StartError};
pub use nodes::{ASK_PATH, CLIENT_HEADER, NODE_HEADER, NodeSecret, NotPassed, Passed, Peers, Place};
pub use operators::audit;
pub use paid::{
    Booked, Books, ChainParts, Claim, ClaimState, ExposureStatus, FamilyStatus, LaneStatus, NetworkStatus, NewcomersStatus, PaidOrder,
    PaymentError, SettlementsStatus, Stuck, WalletExposure, Way, Why, books,
};
pub use published::Shown;
pub use quotes::{Compared, Quoted};
pub use wallets::SignedIn;
