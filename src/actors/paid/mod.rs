//! Jobs that wallets pay for: what is offered, whether a payer gets credit, and how charges are settled on a chain.
//!
//! Whoever asks a chain does it beside the ledger's handler, never inside it. Nothing durable is here: claims and settlements are
//! in the payer's shard, signed transactions in the lane's, and everything below is derived from them again after a restart.

mod books;
mod chains;
mod claims;
mod hosted;
mod lane;
mod newcomers;
mod operators;
mod settlement;
mod solvency;
mod sponsored;
mod stranded;
mod stuck;
mod submit;
mod turn;

pub use self::books::{Booked, Books, books};
pub use self::chains::{ChainParts, NetworkStatus, Way};
pub use self::claims::{Claim, ClaimState};
pub use self::newcomers::NewcomersStatus;
pub use self::operators::{ExposureStatus, FamilyStatus, LaneStatus, SettlementsStatus, WalletExposure};
pub use self::stuck::{Stuck, Why};
pub use self::submit::{PaidOrder, PaymentError};

pub(super) use self::chains::Chains;
pub(super) use self::newcomers::Watch as NewcomersWatch;
pub(super) use self::settlement::{Settlements, settle, time_out};
pub(super) use self::solvency::{Gate, Solvency};
