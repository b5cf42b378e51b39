//! The words that every folder shares: money, ids, time, tokens, payloads, and which addresses are forbidden.
//!
//! Pure: nothing here reads a clock, draws a random number, or touches a socket or a file.
//! Deliberately absent: anything that decides. Decisions are made in `billing`, `job` and `shard`.
#![cfg_attr(not(test), deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod address;
pub mod base32;
pub mod callback_url;
pub mod id;
pub mod mac;
pub mod network;
pub mod page;
pub mod payload;
pub mod poll_bearer;
pub mod reach;
pub mod route;
pub mod server_key;
pub mod session;
pub mod sign_in_nonce;
pub mod time;
pub mod token;
pub mod usd;
pub mod wallet;
pub mod webhook_secret;

pub use callback_url::{CallbackUrl, CallbackUrlError};
pub use id::{AgentId, DeliveryId, JobId, ShardId, Slot, UsageKeyId};
pub use network::{Network, ParseNetworkError};
pub use page::{Cursor, Page};
pub use payload::{FieldError, FieldErrorKind, LeadPayload, WebsearchPayload};
pub use poll_bearer::PollBearer;
pub use reach::Reach;
pub use route::Route;
pub use server_key::ServerKey;
pub use session::{SessionCall, SessionId, SessionKey};
pub use sign_in_nonce::SignInNonce;
pub use time::Timestamp;
pub use token::{Token, TokenHash, TokenKind};
pub use usd::{OutOfRange, ParseUsdError, Usd};
pub use wallet::{ParseWalletError, Wallet};
pub use webhook_secret::WebhookSecret;

/// A map over our own ids and digests: seeded per process, and much faster on short keys than the standard hasher.
pub type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
