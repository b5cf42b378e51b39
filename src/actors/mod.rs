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
pub mod meters;
pub mod node;
mod operators;
mod paid;
mod published;
mod quotes;
mod receipts;
mod retention;
mod shard;
mod slots;
mod waiting;
mod wallets;
mod written_keys;

pub use api::{Accepted, Credited, Error, IdempotencyKey, JobFile, JobFilter, MadeAgent, MadeUsageKey, NewUsageKey, Order, ShardStatus};
pub use node::{Node, Parts, Settings, StartError};
pub use operators::audit;
pub use paid::{
    Booked, Books, ChainParts, Claim, ClaimState, ExposureStatus, FamilyStatus, LaneStatus, NetworkStatus, NewcomersStatus, PaidOrder,
    PaymentError, SettlementsStatus, Stuck, WalletExposure, Way, Why, books,
};
pub use published::Shown;
pub use quotes::{Compared, Quoted};
pub use wallets::SignedIn;
