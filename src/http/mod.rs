//! The edge: parse, authenticate, answer. [`public_router`] for buyers, [`admin_router`] for operators, [`serve`] for both.
//!
//! Deliberately absent: business rules, and any knowledge of stores and vendors: all of that is asked of the [`Node`].
//!
//! [`Node`]: crate::actors::Node

pub mod admin;
pub mod api;
pub mod body;
pub mod caller;
pub mod compress;
pub mod cors;
pub mod edge;
pub mod exposition;
pub mod forward;
pub mod idempotency;
pub mod limit;
pub mod meter;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod receipts;
pub mod reply;
pub mod request_id;
pub mod rest;
pub mod server;
pub mod settings;
pub mod table;
pub mod x402;

pub use admin::router as admin_router;
pub use exposition::Exposition;
pub use rest::router as public_router;
pub use server::{Limits, serve};
pub use settings::{AdminSettings, Rate, Settings};
