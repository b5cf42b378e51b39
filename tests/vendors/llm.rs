//! `llm` in the format of OpenAI-compatible servers.

use std::sync::Arc;
use std::time::Duration;

use enrich_jobs::clock::SystemClock;
use enrich_jobs::enrich::vendors::line::Fault;
use enrich_jobs::enrich::vendors::llm::{
    Completion, Finish, Llm, LlmSettings, Message, PriceSheet, Prompt, Schema, TokensField, Tool, ToolCall, ToolChoice,
};
use enrich_jobs::enrich::{Call, Journal, JournalError, Run, RunSettings};
use enrich_jobs::job::Hop;
use enrich_jobs::types::Usd;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::support::{Counts, Vendor, exchange, hang, json as json_response, reset, status, with};

const PRICES: PriceSheet = PriceSheet { input_per_mtok: Usd::from_micros(2_500_000), output_per_mtok: Usd::from_micros(10_000_000) };

fn settings(url: &Url) -> LlmSettings {
    LlmSettings {
        url: url.join("/v1").unwrap(),
        key: Some(SecretString::from("hunter2")),
        model: "small-1".to_owned(),
        prices: PRICES,
        tokens_field: TokensField::MaxTokens,
        is_deterministic: true,
        timeout: Duration::from_secs(5),
        concurrency: 4,
    }
}

fn llm(vendor: &Vendor) -> Llm {
    Llm::new(settings(&vendor.url), exchange())
}

fn schema(name: &str, property: &str) -> Arc<Schema> {
    let document =
        json!({"type": "object", "properties": {property: {"type": "string"}}, "required": [property], "additionalProperties": false});
    Arc::new(Schema::new(name, document).unwrap())
}

fn prompt() -> Prompt {
    Prompt {
        messages: vec![Message::System("Find the owner.".to_owned()), Message::User("Acme Roofing, \"Tampa\"".to_owned())],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        response_format: None,
        tokens_max: 100,
    }
}

/// As OpenAI answers.
fn answer(message: Value, finish_reason: &str, usage: Value) -> Value {
    json!({
        "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "object": "chat.completion", "created": 1_741_570_283, "model": "small-1-2025",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": usage, "service_tier": "default", "system_fingerprint": "fp_fc9f1d7035"
    })
}

fn usage(input: impl Into<Value>, output: impl Into<Value>) -> Value {
    json!({
        "prompt_tokens": input.into(), "completion_tokens": output.into(), "total_tokens": 99,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0}
    })
}

fn said(text: &str, usage: Value) -> Value {
    answer(json!({"role": "assistant", "content": text, "refusal": null, "annotations": []}), "stop", usage)
}

async fn complete(body: impl Into<bytes::Bytes>) -> Result<(Completion, i64), Fault> {
    let llm = llm(&Vendor::saying(body).await);
    let answer = llm.complete(&llm.prepare(&prompt())).await?;
    Ok((answer.value.unwrap(), answer.cost.micros()))
}

#[tokio::test]
async fn words() {
    let counts = Counts::new();
    let vendor = Vendor::saying(said("Ann Lee", usage(82, 17)).to_string()).await;
    let llm = llm(&vendor);
    let prepared = llm.prepare(&prompt());
    let answer = llm.complete(&prepared).await.unwrap();
    let wanted =
        Completion { text: Some("Ann Lee".to_owned()), refusal: None, tool_calls: Vec::new(), finish: Finish::Stop, tokens: (82, 17) };
    assert_eq!((answer.value, answer.cost.micros()), (Some(wanted), 82 * 5 / 2 + 170));
    let seen = vendor.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(
        (&seen.headers["authorization"], &seen.headers["content-type"]),
        (&"Bearer hunter2".parse().unwrap(), &"application/json".parse().unwrap())
    );
    assert_eq!(seen.body, prepared.request(), "the hop's request is what went out");
    assert_eq!(
        serde_json::from_str::<Value>(&seen.body).unwrap(),
        json!({
            "model": "small-1", "stream": false, "temperature": 0, "seed": 7, "max_tokens": 100,
            "messages": [{"role": "system", "content": "Find the owner."}, {"role": "user", "content": "Acme Roofing, \"Tampa\""}]
        })
    );
    assert!(!format!("{llm:?}").contains("hunter2"), "T-25");
    assert_eq!(counts.of("enrich_vendor_calls_total{vendor=\"llm\",outcome=\"answered\"}"), 1);
    assert_eq!(counts.of("enrich_vendor_cost_microdollars_total{vendor=\"llm\"}"), 375);
    assert!(!counts.text().contains("Acme"), "no prompt in a label");
}

/// A whole round with tools: two calls at once, their results, and JSON at the end.
#[tokio::test]
async fn tools_and_a_schema() {
    let calls = json!([
        {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": "{\"query\":\"acme owner\"}"}},
        {"id": "call_2", "type": "function", "function": {"name": "read", "arguments": "{\"url\":\"https://acme.example/\"}"}}
    ]);
    let first = answer(json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": calls}), "tool_calls", usage(82, 17));
    let second = said("{\"owner\":\"Ann Lee\"}", usage(150, 9));
    let vendor = Vendor::start(move |at, _| json_response(if at == 0 { first.to_string() } else { second.to_string() })).await;
    let llm = llm(&vendor);
    let mut prompt = prompt();
    prompt.tools = vec![
        Tool { parameters: schema("search", "query"), description: "Searches the web.".to_owned() },
        Tool { parameters: schema("read", "url"), description: "Reads a page.".to_owned() },
    ];
    prompt.tool_choice = ToolChoice::Required;
    let turn = llm.complete(&llm.prepare(&prompt)).await.unwrap().value.unwrap();
    let call =
        |id: &str, name: &str, arguments: &str| ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() };
    assert_eq!(
        turn.tool_calls,
        [call("call_1", "search", "{\"query\":\"acme owner\"}"), call("call_2", "read", "{\"url\":\"https://acme.example/\"}")]
    );
    assert_eq!((turn.finish, turn.text), (Finish::ToolCalls, None));

    prompt.messages.push(Message::Assistant { text: None, tool_calls: turn.tool_calls });
    for call_id in ["call_1", "call_2"] {
        prompt.messages.push(Message::Tool { call_id: call_id.to_owned(), content: "nothing".to_owned() });
    }
    prompt.tool_choice = ToolChoice::Only("read".to_owned());
    let form = schema("owner", "owner");
    prompt.response_format = Some(Arc::clone(&form));
    let turn = llm.complete(&llm.prepare(&prompt)).await.unwrap().value.unwrap();
    assert_eq!(form.read::<Value>(&turn.text.unwrap()), Ok(json!({"owner": "Ann Lee"})));

    let [first, second] = &vendor.seen()[..] else { panic!("two requests") };
    let (first, second): (Value, Value) = (serde_json::from_str(&first.body).unwrap(), serde_json::from_str(&second.body).unwrap());
    assert_eq!(first["tool_choice"], "required");
    assert_eq!(
        first["tools"][0],
        json!({"type": "function", "function": {"name": "search", "description": "Searches the web.", "parameters": schema("search", "query").document()}})
    );
    assert_eq!(second["tool_choice"], json!({"type": "function", "function": {"name": "read"}}));
    assert_eq!(second["messages"][2], json!({"role": "assistant", "content": null, "tool_calls": calls}));
    assert_eq!(second["messages"][4], json!({"role": "tool", "tool_call_id": "call_2", "content": "nothing"}));
    assert_eq!(
        second["response_format"],
        json!({"type": "json_schema", "json_schema": {"name": "owner", "strict": true, "schema": form.document()}})
    );
}

#[tokio::test]
async fn what_newer_models_want() {
    let vendor = Vendor::saying(said("x", usage(1, 1)).to_string()).await;
    let settings =
        LlmSettings { tokens_field: TokensField::MaxCompletionTokens, is_deterministic: false, key: None, ..settings(&vendor.url) };
    let llm = Llm::new(settings, exchange());
    llm.complete(&llm.prepare(&prompt())).await.unwrap();
    let seen = vendor.seen().remove(0);
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        (&body["max_completion_tokens"], body.get("max_tokens"), body.get("temperature"), body.get("seed")),
        (&json!(100), None, None, None)
    );
    assert!(!seen.headers.contains_key("authorization"));
}

/// What servers differ in: reasons, refusals, missing ids and arguments.
#[tokio::test]
async fn other_servers() {
    let of = async |message: Value, reason: Value| {
        let mut body = answer(message, "", usage(1, 1));
        body["choices"][0]["finish_reason"] = reason;
        complete(body.to_string()).await.unwrap().0
    };
    for (reason, wanted) in [
        (json!("stop"), Finish::Stop),
        (json!("length"), Finish::Length),
        (json!("content_filter"), Finish::ContentFilter),
        (json!("eos_token"), Finish::Other),
        (Value::Null, Finish::Other),
    ] {
        assert_eq!(of(json!({"role": "assistant", "content": "x"}), reason).await.finish, wanted);
    }
    let refused = of(json!({"role": "assistant", "content": null, "refusal": "I can't."}), json!("stop")).await;
    assert_eq!((refused.text, refused.refusal.as_deref()), (None, Some("I can't.")));
    let bare = json!({"content": "", "reasoning_content": "hm", "tool_calls": [{"function": {"name": "done", "arguments": ""}}, {"id": "", "function": {"name": "done"}}]});
    let calls = of(bare, json!("tool_calls")).await.tool_calls;
    assert_eq!(
        calls.iter().map(|call| (call.id.as_str(), call.arguments.as_str())).collect::<Vec<_>>(),
        [("call_0", "{}"), ("call_1", "{}")]
    );
    assert_eq!(of(json!({"content": null, "tool_calls": null}), json!("length")).await.text, None, "all of it were thoughts");
}

/// F-V2: what is no completion is an error, costs the buyer nothing, and isn't asked for again.
#[tokio::test]
async fn fv2_garbage() {
    let call = |function: Value| json!({"choices": [{"message": {"tool_calls": [{"id": "a", "function": function}]}}]}).to_string();
    let twice =
        json!({"choices": [{"message": {"tool_calls": [{"id": "a", "function": {"name": "f"}}, {"id": "a", "function": {"name": "f"}}]}}]});
    let many: Vec<Value> = (0..65).map(|n| json!({"id": n.to_string(), "function": {"name": "f"}})).collect();
    for body in [
        b"".to_vec(),
        b"data: {}\n\n".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        br#"{"error":{"message":"model overloaded","code":502}}"#.to_vec(),
        br#"{"choices":[]}"#.to_vec(),
        br#"{"choices":null}"#.to_vec(),
        br#"{"choices":[{}]}"#.to_vec(),
        br#"{"choices":[{"message":{"content":7}}]}"#.to_vec(),
        br#"{"choices":[{"message":{"content":"half"#.to_vec(),
        b"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}".to_vec(),
        br#"{"choices":[{"message":{"tool_calls":[{"id":"a","type":"shell","function":{"name":"f"}}]}}]}"#.to_vec(),
        call(json!({"name": "", "arguments": "{}"})).into(),
        call(json!({"name": "rm -rf", "arguments": "{}"})).into(),
        call(json!({"name": "f".repeat(65), "arguments": "{}"})).into(),
        call(json!({"name": "f", "arguments": {"an": "object"}})).into(),
        twice.to_string().into(),
        json!({"choices": [{"message": {"tool_calls": many}}]}).to_string().into(),
    ] {
        let counts = Counts::new();
        let vendor = Vendor::saying(body.clone()).await;
        let llm = llm(&vendor);
        let prepared = llm.prepare(&prompt());
        let ended = llm.complete(&prepared).await;
        assert!(matches!(ended, Err(Fault::Garbage(_))), "{}: {ended:?}", String::from_utf8_lossy(&body));
        assert_eq!(vendor.seen().len(), 1);
        let lost = counts.of("enrich_vendor_loss_microdollars_total{vendor=\"llm\"}");
        assert_eq!(lost, u64::try_from(prepared.cost_max().micros()).unwrap(), "F-V3");
        assert_eq!(counts.of("enrich_vendor_cost_microdollars_total{vendor=\"llm\"}"), 0);
    }
}

/// F-V2: what is charged, whatever the server reports: our price, of what was possible.
#[tokio::test]
async fn fv2_usage() {
    let probe = llm(&Vendor::saying("").await);
    let prepared = probe.prepare(&prompt());
    let (sent, cost_max) = (i64::try_from(prepared.request().len()).unwrap(), prepared.cost_max().micros());
    assert_eq!(cost_max, (sent * 5 + 1) / 2 + 1000, "bytes sent, and the limit");
    assert_eq!(probe.cost_max(&prompt()), prepared.cost_max());
    let huge = json!(u64::MAX);
    for (usage, cost, outcome, lost) in [
        (usage(10, 10), 125, "answered", 0),
        (usage(0, 0), 0, "answered", 0),
        (usage(sent, 100), cost_max, "answered", 0),
        (usage(sent * 10, 1000), cost_max, "overstated", 0),
        (usage(huge.clone(), huge.clone()), cost_max, "overstated", 0),
        (usage(10, huge), 1025, "overstated", 0),
        (usage(-10, 10), 100, "unpriced", cost_max - 100),
        (usage(-10, -10), 0, "unpriced", cost_max),
        (usage("10", 1.5), 0, "unpriced", cost_max),
        (usage(10, Value::Null), 25, "unpriced", cost_max - 25),
        (json!({}), 0, "unpriced", cost_max),
        (Value::Null, 0, "unpriced", cost_max),
        (json!([1]), 0, "unpriced", cost_max),
    ] {
        let counts = Counts::new();
        assert_eq!(complete(said("x", usage.clone()).to_string()).await.unwrap().1, cost, "{usage}");
        assert_eq!(counts.of(&format!("enrich_vendor_calls_total{{vendor=\"llm\",outcome=\"{outcome}\"}}")), 1, "{usage}");
        let loss = counts.of("enrich_vendor_loss_microdollars_total{vendor=\"llm\"}");
        assert_eq!(loss, u64::try_from(lost).unwrap(), "{usage}");
    }
}

/// F-V3, and what a completion costs: it isn't made twice where it may have been made once.
#[tokio::test]
async fn fv3_a_completion_is_only_repeated_where_it_was_not_made() {
    let good = said("x", usage(1, 1)).to_string();
    for (code, asked) in [(429, 3), (503, 3), (500, 1), (502, 1), (504, 1), (400, 1), (401, 1)] {
        let good = good.clone();
        let vendor = Vendor::start(move |at, _| if at < 2 { status(code) } else { json_response(good.clone()) }).await;
        let llm = llm(&vendor);
        let ended = llm.complete(&llm.prepare(&prompt())).await;
        assert_eq!((ended.is_ok(), vendor.seen().len()), (asked == 3, asked), "{code}: {ended:?}");
    }
    let counts = Counts::new();
    let vendor = Vendor::start(|_, _| reset(r#"{"choices":[{"message":{"content":"half"#)).await;
    let broken = llm(&vendor);
    assert_eq!(broken.complete(&broken.prepare(&prompt())).await, Err(Fault::Unanswered("broken")));
    assert_eq!(vendor.seen().len(), 1);
    assert!(counts.of("enrich_vendor_loss_microdollars_total{vendor=\"llm\"}") > 0);
    let vendor =
        Vendor::start(move |at, _| if at == 0 { with(status(503), "retry-after", "1") } else { json_response(good.clone()) }).await;
    let llm = llm(&vendor);
    let began = tokio::time::Instant::now();
    assert!(llm.complete(&llm.prepare(&prompt())).await.is_ok() && began.elapsed() >= Duration::from_secs(1));
}

struct Book(std::sync::Mutex<Vec<Hop>>);

#[async_trait::async_trait]
impl Journal for Book {
    async fn record(&self, hop: Hop) -> Result<(), JournalError> {
        self.0.lock().unwrap().push(hop);
        Ok(())
    }
}

fn run(book: &Arc<Book>, budget: Usd, seconds: u64) -> Run {
    Run::new(RunSettings {
        journal: Arc::clone(book) as Arc<dyn Journal>,
        clock: Arc::new(SystemClock),
        recorded: book.0.lock().unwrap().clone(),
        budget,
        deadline: tokio::time::Instant::now() + Duration::from_secs(seconds),
        cancel: CancellationToken::new(),
        gate: None,
    })
}

async fn hop(run: &mut Run, llm: &Llm) -> Option<Result<Option<Completion>, String>> {
    let prepared = llm.prepare(&prompt());
    let call = Call { tool: "llm", request: prepared.request(), cost_max: prepared.cost_max(), timeout: llm.hop_timeout() };
    let work = async { llm.complete(&prepared).await.map_err(|fault| fault.to_string()) };
    run.hop(call, work).await.unwrap().ok()
}

/// The budget's gate over a server that lies: the call is made where its highest cost fits, costs no more, and is replayed.
#[tokio::test]
async fn a_lying_server_keeps_the_budget() {
    let vendor = Vendor::saying(said("x", usage(10_000_000, 10_000_000)).to_string()).await;
    let llm = llm(&vendor);
    let cost_max = llm.cost_max(&prompt());
    let book = Arc::new(Book(std::sync::Mutex::default()));
    let short = Usd::from_micros(cost_max.micros() - 1);
    assert!(hop(&mut run(&book, short, 10), &llm).await.is_none(), "it might not fit");
    assert_eq!(vendor.seen().len(), 0);
    let mut first = run(&book, cost_max, 10);
    let said = hop(&mut first, &llm).await;
    assert_eq!((first.spent(), first.left()), (cost_max, Usd::ZERO));
    let mut resumed = run(&book, cost_max, 10);
    assert_eq!(hop(&mut resumed, &llm).await, said);
    assert_eq!((vendor.seen().len(), resumed.spent()), (1, cost_max));
}

/// F-V1: a hop over a model that hangs ends by the call's own time-out, so that it counts against the vendor.
#[tokio::test]
async fn fv1_a_hang_is_the_vendors() {
    let counts = Counts::new();
    let vendor = Vendor::start(|_, _| hang()).await;
    let llm = Llm::new(LlmSettings { timeout: Duration::from_millis(300), ..settings(&vendor.url) }, exchange());
    let book = Arc::new(Book(std::sync::Mutex::default()));
    let mut run = run(&book, Usd::from_micros(1_000_000), 10);
    assert_eq!(hop(&mut run, &llm).await, Some(Err("it gave no answer (timed_out)".to_owned())));
    assert_eq!((run.spent(), counts.of("enrich_vendor_calls_total{vendor=\"llm\",outcome=\"timed_out\"}")), (Usd::ZERO, 1));
}
