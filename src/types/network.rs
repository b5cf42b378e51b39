//! Chains, by their CAIP-2 names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A chain. As text its CAIP-2 name, in our own records a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// An EVM chain by its id: `eip155:8453`.
    Eip155(u64),
}

/// Why a text is no network that we know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a CAIP-2 name of an EVM chain, such as eip155:8453")]
pub struct ParseNetworkError;

impl Network {
    /// The number that signatures are bound to (EIP-155).
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::Eip155(id) => id,
        }
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    /// One spelling for each chain: no sign, no leading zero, and no chain 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("eip155:").ok_or(ParseNetworkError)?;
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseNetworkError);
        }
        digits.parse().map(Self::Eip155).map_err(|_| ParseNetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eip155(chain) => write!(f, "eip155:{chain}"),
        }
    }
}

/// As records have had it since their first version.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Network")]
enum Stored {
    Eip155(u64),
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        match *self {
            Self::Eip155(chain) => Stored::Eip155(chain).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        Stored::deserialize(deserializer).map(|Stored::Eip155(chain)| Self::Eip155(chain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_each_chain() {
        assert_eq!("eip155:8453".parse(), Ok(Network::Eip155(8453)));
        assert_eq!("eip155:18446744073709551615".parse(), Ok(Network::Eip155(u64::MAX)));
        for wrong in ["", "base", "eip155", "eip155:", "eip155:0", "eip155:08453", "eip155:+1", "eip155:1 ", "EIP155:1", "solana:1"] {
            assert_eq!(wrong.parse::<Network>(), Err(ParseNetworkError), "{wrong}");
        }
        assert_eq!("eip155:18446744073709551616".parse::<Network>(), Err(ParseNetworkError));
    }

    #[test]
    fn a_name_outside_and_a_number_in_records() {
        let network = Network::Eip155(8453);
        assert_eq!(serde_json::to_string(&network).unwrap(), r#""eip155:8453""#);
        assert_eq!(serde_json::from_str::<Network>(r#""eip155:8453""#).unwrap(), network);
        let stored = postcard::to_stdvec(&network).unwrap();
        assert_eq!(stored, [0, 0x85, 0x42], "the variant, then the number");
        assert_eq!(postcard::from_bytes::<Network>(&stored).unwrap(), network);
    }
}
