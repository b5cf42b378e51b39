//! Ids that route: the first two bytes of a job's or an agent's id are the slot of the payer it belongs to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::base32;

/// Where a payer's state lives, before the number of shards is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u16);

/// One of the store's shards, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId(pub u16);

impl Slot {
    /// The slot of a payer, from the bytes that name it.
    pub fn of(payer: &[u8]) -> Self {
        let [low, high, ..] = xxhash_rust::xxh3::xxh3_64(payer).to_le_bytes();
        Self(u16::from_le_bytes([low, high]))
    }

    /// `slot * shards >> 16`: neighbouring slots stay together when the number of shards doubles.
    pub fn shard(self, shards: u16) -> ShardId {
        let product = u32::from(self.0).saturating_mul(u32::from(shards));
        ShardId(u16::try_from(product >> 16).unwrap_or(0))
    }
}

/// Why a text is no id: the prefix, the alphabet or the length is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct ParseIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// What the text of every such id starts with.
            pub const PREFIX: &'static str = $prefix;

            /// From the bytes that [`Self::as_bytes`] gave.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Its bytes, as keys in the store have them.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = String::with_capacity($prefix.len().saturating_add($len * 2));
                text.push_str($prefix);
                base32::encode_into(&self.0, &mut text);
                f.write_str(&text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let rest = text.strip_prefix($prefix).ok_or(ParseIdError)?;
                base32::decode::<$len>(rest).map(Self).ok_or(ParseIdError)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    return text.parse().map_err(serde::de::Error::custom);
                }
                <[u8; $len]>::deserialize(deserializer).map(Self)
            }
        }
    };
}

id!(
    /// A job: `ej_`, its payer's slot, and a UUIDv7.
    JobId, "ej_", 18
);
id!(
    /// An agent: `ag_`, its slot, and a UUIDv7.
    AgentId, "ag_", 18
);
id!(
    /// A usage key's public name: `uk_` and a UUIDv7. The key itself is a [`super::Token`].
    UsageKeyId, "uk_", 16
);
id!(
    /// An event that is called back, and so a `webhook-id`: `evt_`, the job, and which of its events.
    DeliveryId, "evt_", 19
);

fn slotted(slot: Slot, uuid: [u8; 16]) -> [u8; 18] {
    let mut bytes = [0; 18];
    let (head, tail) = bytes.split_at_mut(2);
    head.copy_from_slice(&slot.0.to_be_bytes());
    tail.copy_from_slice(&uuid);
    bytes
}

fn slot_of(bytes: &[u8; 18]) -> Slot {
    let [high, low, ..] = *bytes;
    Slot(u16::from_be_bytes([high, low]))
}

fn uuid_of(bytes: &[u8; 18]) -> [u8; 16] {
    let mut uuid = [0; 16];
    let (_, tail) = bytes.split_at(2);
    uuid.copy_from_slice(tail);
    uuid
}

impl JobId {
    /// A job of the payer in `slot`, made at the moment that `uuid` (version 7) tells.
    pub fn new(slot: Slot, uuid: [u8; 16]) -> Self {
        Self(slotted(slot, uuid))
    }

    /// Its payer's slot.
    pub fn slot(&self) -> Slot {
        slot_of(&self.0)
    }

    /// The UUIDv7, which sorts by time.
    pub fn uuid(&self) -> [u8; 16] {
        uuid_of(&self.0)
    }
}

impl AgentId {
    /// A new agent; its slot follows from its own UUIDv7.
    pub fn new(uuid: [u8; 16]) -> Self {
        Self(slotted(Slot::of(&uuid), uuid))
    }

    /// A new agent in a slot that follows from something else: a wallet, or an operator's idempotency key.
    pub fn in_slot(slot: Slot, uuid: [u8; 16]) -> Self {
        Self(slotted(slot, uuid))
    }

    /// The one agent that is bound to a wallet, in the wallet's slot: the same for ever, so that there is never a second one.
    pub fn of_wallet(wallet: &super::Wallet) -> Self {
        use sha2::{Digest, Sha256};
        let digest: [u8; 32] = Sha256::new().chain_update(b"agent of wallet").chain_update(wallet.as_bytes()).finalize().into();
        let (half, _) = digest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        Self::in_slot(wallet.slot(), *half)
    }

    /// The slot of everything that is this agent's.
    pub fn slot(&self) -> Slot {
        slot_of(&self.0)
    }
}

impl DeliveryId {
    /// The `event`-th event of a job. The same job and number always give the same id, so a repeat is seen as one.
    pub fn new(job: &JobId, event: u8) -> Self {
        let mut bytes = [0; 19];
        let (head, tail) = bytes.split_at_mut(18);
        head.copy_from_slice(job.as_bytes());
        tail.fill(event);
        Self(bytes)
    }

    /// The job it tells of.
    pub fn job(&self) -> JobId {
        let mut bytes = [0; 18];
        let (head, _) = self.0.split_at(18);
        bytes.copy_from_slice(head);
        JobId(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shards_keep_the_order_of_slots() {
        assert_eq!(Slot(0).shard(16), ShardId(0));
        assert_eq!(Slot(u16::MAX).shard(16), ShardId(15));
        assert_eq!(Slot(4096).shard(16), ShardId(1));
        assert_eq!(Slot(40_000).shard(1), ShardId(0));
    }

    #[test]
    fn an_id_parses_whole_or_not_at_all() {
        let job = JobId::new(Slot(7), [9; 16]);
        let text = job.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(text.parse::<JobId>(), Ok(job));
        for wrong in [&text[1..], &text[..31], &format!("{text}0"), &text.replace("ej_", "ag_"), &format!(" {text}")] {
            assert_eq!(wrong.parse::<JobId>(), Err(ParseIdError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn job_ids_round_trip(slot: u16, uuid: [u8; 16]) {
            let job = JobId::new(Slot(slot), uuid);
            prop_assert_eq!(job.to_string().parse::<JobId>(), Ok(job));
            prop_assert_eq!(job.slot(), Slot(slot));
            prop_assert_eq!(job.uuid(), uuid);
            let bytes = postcard::to_stdvec(&job).unwrap();
            prop_assert_eq!(bytes.len(), 18);
            prop_assert_eq!(postcard::from_bytes::<JobId>(&bytes).unwrap(), job);
            prop_assert_eq!(DeliveryId::new(&job, 3).job(), job);
        }
    }
}
