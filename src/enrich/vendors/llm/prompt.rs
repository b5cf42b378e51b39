//! What is asked of a model, and how that goes out.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::answer::ToolCall;
use super::schema::Schema;
use super::{LlmSettings, TokensField};

/// Any fixed one: equal prompts should get equal answers, as far as a server can.
const SEED: u32 = 7;

/// A conversation so far, and what may come next.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// From the first to the last.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// The form of its text, kept strictly by the server; [`Schema::read`] makes sure of it.
    pub response_format: Option<Arc<Schema>>,
    /// The longest answer in tokens, thoughts included.
    pub tokens_max: u32,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// What the model is to do.
    System(String),
    /// What it is to do it with. Strangers' text belongs here or into [`Message::Tool`], never into the first.
    User(String),
    /// What it said before.
    Assistant {
        /// In words.
        text: Option<String>,
        /// In calls.
        tool_calls: Vec<ToolCall>,
    },
    /// What one of its calls came to.
    Tool {
        /// Which call.
        call_id: String,
        /// The result.
        content: String,
    },
}

/// A function that the model may call.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its parameters; the schema's name is the function's.
    pub parameters: Arc<Schema>,
    /// What it does, for the model.
    pub description: String,
}

/// Whether tools are called. Without tools it isn't sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// As the model likes, several at once too.
    #[default]
    Auto,
    /// None, though they are known.
    Never,
    /// At least one.
    Required,
    /// This one.
    Only(String),
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
    stream: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum WireMessage<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<WireCall<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: WireCalled<'a>,
}

#[derive(Serialize)]
struct WireCalled<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireChoice<'a> {
    Word(&'static str),
    Only { r#type: &'static str, function: WireName<'a> },
}

#[derive(Serialize)]
struct WireName<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct WireFormat<'a> {
    r#type: &'static str,
    json_schema: WireSchema<'a>,
}

#[derive(Serialize)]
struct WireSchema<'a> {
    name: &'a str,
    strict: bool,
    schema: &'a Value,
}

/// The request's body.
pub(super) fn body(prompt: &Prompt, settings: &LlmSettings) -> String {
    let limit = |field| (settings.tokens_field == field).then_some(prompt.tokens_max);
    let body = Body {
        model: &settings.model,
        messages: prompt.messages.iter().map(WireMessage::from).collect(),
        tools: prompt.tools.iter().map(WireTool::from).collect(),
        tool_choice: (!prompt.tools.is_empty()).then(|| WireChoice::from(&prompt.tool_choice)),
        response_format: prompt.response_format.as_deref().map(WireFormat::from),
        max_tokens: limit(TokensField::MaxTokens),
        max_completion_tokens: limit(TokensField::MaxCompletionTokens),
        temperature: settings.is_deterministic.then_some(0),
        seed: settings.is_deterministic.then_some(SEED),
        stream: false,
    };
    // Text, numbers and a value that was JSON: nothing in it can't be written.
    serde_json::to_string(&body).unwrap_or_default()
}

impl<'a> From<&'a Message> for WireMessage<'a> {
    fn from(message: &'a Message) -> Self {
        match message {
            Message::System(content) => Self::System { content },
            Message::User(content) => Self::User { content },
            Message::Assistant { text, tool_calls } => {
                Self::Assistant { content: text.as_deref(), tool_calls: tool_calls.iter().map(WireCall::from).collect() }
            }
            Message::Tool { call_id, content } => Self::Tool { tool_call_id: call_id, content },
        }
    }
}

impl<'a> From<&'a ToolCall> for WireCall<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self { id: &call.id, r#type: "function", function: WireCalled { name: &call.name, arguments: &call.arguments } }
    }
}

impl<'a> From<&'a Tool> for WireTool<'a> {
    fn from(tool: &'a Tool) -> Self {
        let parameters = &tool.parameters;
        let function = WireFunction { name: parameters.name(), description: &tool.description, parameters: parameters.document() };
        Self { r#type: "function", function }
    }
}

impl<'a> From<&'a ToolChoice> for WireChoice<'a> {
    fn from(choice: &'a ToolChoice) -> Self {
        match choice {
            ToolChoice::Auto => Self::Word("auto"),
            ToolChoice::Never => Self::Word("none"),
            ToolChoice::Required => Self::Word("required"),
            ToolChoice::Only(name) => Self::Only { r#type: "function", function: WireName { name } },
        }
    }
}

impl<'a> From<&'a Schema> for WireFormat<'a> {
    fn from(schema: &'a Schema) -> Self {
        Self { r#type: "json_schema", json_schema: WireSchema { name: schema.name(), strict: true, schema: schema.document() } }
    }
}
