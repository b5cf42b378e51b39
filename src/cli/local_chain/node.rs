//! What is asked of the chain beside what the server asks: its own methods, by JSON-RPC.

use serde_json::{Value, json};

use crate::cli::{Failure, http_client};

/// The chain's one node.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Node {
    http: reqwest::Client,
    url: String,
}

impl Node {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        Ok(Self { http: http_client()?, url: url.to_owned() })
    }

    pub(in crate::cli) fn url(&self) -> &str {
        &self.url
    }

    /// The answer, or why there is none.
    pub(in crate::cli) async fn call(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let failed = |error: reqwest::Error| Failure::Failed(format!("the local chain, {method}: {error}"));
        let answer = self.http.post(&self.url).json(&request).send().await.map_err(failed)?;
        let mut answer: Value = answer.json().await.map_err(failed)?;
        match answer.get("error") {
            Some(error) => Err(Failure::Failed(format!("the local chain refused {method}: {error}"))),
            None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
        }
    }

    /// The number of the newest block.
    pub(in crate::cli) async fn block_number(&self) -> Result<u64, Failure> {
        let number = self.call("eth_blockNumber", json!([])).await?;
        let digits = number.as_str().and_then(|text| text.strip_prefix("0x"));
        let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.ok_or_else(|| Failure::Failed("the local chain counts its blocks in no number".to_owned()))
    }
}
