//! What a model answers, read strictly where we use it and not at all elsewhere.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::price::{PriceSheet, Reported, Tokens};
use crate::enrich::vendors::line::{Reading, json};

const TOOL_CALLS_MAX: usize = 64;
const ID_BYTES_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 64;

/// A model's turn. Its texts are a stranger's, bounded by the answer's limit alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// In words, if any.
    pub text: Option<String>,
    /// Why it doesn't answer, where it says so.
    pub refusal: Option<String>,
    /// Functions that it wants to be called, at most 64, each with an id of its own. The names need not be those of known tools.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish: Finish,
    /// What is charged.
    pub tokens: (u64, u64),
}

/// A call that the model wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What its result refers to.
    pub id: String,
    /// Of a function: at most 64 letters, digits, `_` and `-`.
    pub name: String,
    /// JSON, as the model would have it: read it with the tool's schema.
    pub arguments: String,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was all said.
    Stop,
    /// At its limit, in the middle of something.
    Length,
    /// To have tools called.
    ToolCalls,
    /// The server held something back.
    ContentFilter,
    /// A reason of the server's own, or none.
    Other,
}

#[derive(Deserialize)]
struct Body {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Choice {
    message: WireMessage,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    function: WireCalled,
}

#[derive(Deserialize)]
struct WireCalled {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Reads a completion and its price.
pub(super) fn read(body: &[u8], at_most: Tokens, prices: &PriceSheet) -> Result<Reading<Completion>, &'static str> {
    let Body { choices, usage } = json(body)?;
    let Choice { message, finish_reason } = choices.into_iter().next().ok_or("it holds no choice")?;
    let (tokens, basis) = Reported::read(usage.as_deref()).within(at_most);
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let completion = Completion {
        text: some(message.content),
        refusal: some(message.refusal),
        tool_calls: tool_calls(message.tool_calls.unwrap_or_default())?,
        finish: Finish::of(finish_reason.as_deref()),
        tokens: (tokens.input, tokens.output),
    };
    Ok(Reading { value: Some(completion), cost: prices.cost(tokens), basis })
}

fn tool_calls(calls: Vec<WireCall>) -> Result<Vec<ToolCall>, &'static str> {
    if calls.len() > TOOL_CALLS_MAX {
        return Err("it calls too many tools");
    }
    let calls: Vec<ToolCall> = calls.into_iter().enumerate().map(|(at, call)| tool_call(at, call)).collect::<Result<_, _>>()?;
    let mut ids = HashSet::new();
    if calls.iter().all(|call| ids.insert(call.id.as_str())) { Ok(calls) } else { Err("two of its tool calls have the same id") }
}

fn tool_call(at: usize, WireCall { id, r#type, function }: WireCall) -> Result<ToolCall, &'static str> {
    if r#type.is_some_and(|kind| kind != "function") {
        return Err("it calls a tool that is no function");
    }
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if function.name.is_empty() || function.name.len() > NAME_BYTES_MAX || !is_name(&function.name) {
        return Err("it calls a tool whose name can be none");
    }
    // Some servers give no ids where there is one call, and no arguments where a function takes none.
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{at}"));
    if id.len() > ID_BYTES_MAX {
        return Err("the id of a tool call is too long");
    }
    let arguments = if function.arguments.trim().is_empty() { "{}".to_owned() } else { function.arguments };
    Ok(ToolCall { id, name: function.name, arguments })
}

impl Finish {
    fn of(reason: Option<&str>) -> Self {
        match reason {
            Some("stop") => Self::Stop,
            Some("length") => Self::Length,
            Some("tool_calls") => Self::ToolCalls,
            Some("content_filter") => Self::ContentFilter,
            Some(_) | None => Self::Other,
        }
    }
}
