//! A scripted model behind the wire of chat completions: it stands in for a real one, so that the tool-calling mode can be
//! measured anywhere, and comes out the same every time. It knows the conversation alone, as any model does.
//!
//! It looks the record up, searches, reads the most promising pages that it was shown, a site's contact and team pages first, and
//! reports what it can tell from a page's text by its form: addresses of e-mail, and the line beside the person's name.

use std::collections::BTreeSet;

use axum::Json;
use serde::Deserialize;
use serde_json::{Value, json};

/// Pages that it reads in one turn.
const PAGES_A_TURN: usize = 2;
/// Turns after which it gives up.
const TURNS_MAX: usize = 9;

#[derive(Deserialize)]
pub(super) struct Conversation {
    messages: Vec<Message>,
    #[serde(default)]
    tools: Vec<Value>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<Value>,
}

/// The model's turn.
pub(super) async fn complete(body: String) -> Json<Value> {
    let conversation: Conversation = serde_json::from_str(&body).unwrap_or(Conversation { messages: Vec::new(), tools: Vec::new() });
    if conversation.tools.is_empty() {
        return Json(json!({
            "id": "scripted",
            "object": "chat.completion",
            "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": reading(&conversation).to_string() } }],
            "usage": { "prompt_tokens": body.len() / 4, "completion_tokens": 80, "total_tokens": body.len() / 4 + 80 },
        }));
    }
    let calls = turn(&conversation);
    let calls: Vec<Value> = calls
        .into_iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            let id = format!("call_{}_{index}", conversation.messages.len());
            json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments.to_string() } })
        })
        .collect();
    Json(json!({
        "id": "scripted",
        "object": "chat.completion",
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": { "role": "assistant", "content": null, "tool_calls": calls } }],
        // A token is about four letters.
        "usage": { "prompt_tokens": body.len() / 4, "completion_tokens": 80, "total_tokens": body.len() / 4 + 80 },
    }))
}

/// What it reads out of pages that it is shown, of what is missing: addresses of mail, numbers behind a word for them, hours.
fn reading(conversation: &Conversation) -> Value {
    let user = conversation.messages.iter().find(|message| message.role == "user").and_then(|message| message.content.as_deref());
    let task: Value = user.and_then(|content| serde_json::from_str(content).ok()).unwrap_or_default();
    let is_missing = |field: &str| task["missing"].as_array().is_some_and(|missing| missing.iter().any(|name| name == field));
    let mut values = Vec::new();
    for page in task["pages"].as_array().into_iter().flatten() {
        for line in page["text"].as_str().unwrap_or_default().lines().filter(|line| line.len() < 120) {
            let lower = line.to_lowercase();
            let mut add = |field: &str, value: &str| {
                if is_missing(field) {
                    values.push(json!({ "field": field, "value": value, "note": "", "page": page["page"] }));
                }
            };
            if let Some(address) = line.split([' ', ':', '<', '>', '(', ')']).find(|word| word.contains('@') && word.contains('.')) {
                add("email", address.trim_end_matches('.'));
            }
            let digits = line.chars().filter(char::is_ascii_digit).count();
            let from = line.find(|letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '('));
            if (9..=13).contains(&digits)
                && ["phone", "call", "tel", "ring"].iter().any(|word| lower.contains(word))
                && let Some(number) = from.and_then(|at| line.get(at..))
            {
                add("phone", number);
            }
            if digits >= 2 && ["mon", "mo-", "tue", "daily"].iter().any(|word| lower.contains(word)) {
                add("hours", line);
            }
        }
    }
    json!({ "values": values })
}

fn turn(conversation: &Conversation) -> Vec<(&'static str, Value)> {
    let task: Value = conversation
        .messages
        .iter()
        .find(|message| message.role == "user")
        .and_then(|message| serde_json::from_str(message.content.as_deref()?).ok())
        .unwrap_or_default();
    let offers = |name: &str| conversation.tools.iter().any(|tool| tool["function"]["name"] == name);
    let asked: Vec<&Value> = conversation.messages.iter().flat_map(|message| &message.tool_calls).map(|call| &call["function"]).collect();
    let has_asked = |name: &str| asked.iter().any(|call| call["name"] == name);
    let turns = conversation.messages.iter().filter(|message| message.role == "assistant").count();
    let results: Vec<Value> = conversation
        .messages
        .iter()
        .filter(|message| message.role == "tool")
        .filter_map(|message| serde_json::from_str(message.content.as_deref()?).ok())
        .collect();
    let sources: Vec<&Value> =
        results.iter().chain(std::iter::once(&task)).flat_map(|result| result["sources"].as_array().into_iter().flatten()).collect();
    let mut calls = Vec::new();
    if offers("find_in_directory") && !has_asked("find_in_directory") && sources.is_empty() {
        calls.push(("find_in_directory", json!({})));
    }
    if offers("search_web") && !has_asked("search_web") {
        let words = ["company", "city", "state"].iter().filter_map(|key| task["record"][key].as_str());
        let query = words.collect::<Vec<_>>().join(" ");
        if !query.is_empty() {
            calls.push(("search_web", json!({ "query": query })));
        }
    }
    let read: BTreeSet<&str> = sources.iter().filter_map(|source| source["url"].as_str()).collect();
    let tried: BTreeSet<String> = asked
        .iter()
        .filter(|call| call["name"] == "read_page")
        .filter_map(|call| serde_json::from_str::<Value>(call["arguments"].as_str()?).ok())
        .filter_map(|arguments| arguments["url"].as_str().map(str::to_owned))
        .collect();
    if offers("read_page") && turns > 0 && turns < TURNS_MAX {
        let company = task["record"]["company"].as_str().unwrap_or_default();
        let mut pages = pages(&results, &task, &sources, company);
        pages.retain(|(_, url)| !read.contains(url.as_str()) && !tried.contains(url));
        pages.sort();
        pages.dedup();
        calls.extend(pages.into_iter().take(PAGES_A_TURN).map(|(_, url)| ("read_page", json!({ "url": url }))));
    }
    let values = values(&sources, &task);
    let is_done = calls.is_empty();
    if is_done || turns + 1 >= TURNS_MAX {
        calls.push(("report", json!({ "values": values, "done": true })));
    }
    calls
}

/// Pages that it has been shown, the most promising first: the lower the number.
fn pages(results: &[Value], task: &Value, sources: &[&Value], company: &str) -> Vec<(u32, String)> {
    let name: String = company.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let mut pages = Vec::new();
    let found = results.iter().flat_map(|result| result["pages"].as_array().into_iter().flatten()).filter_map(|page| page["url"].as_str());
    let found = found.chain(task["pages_found"].as_array().into_iter().flatten().filter_map(Value::as_str));
    for url in found {
        let host: String = url.split('/').nth(2).unwrap_or_default().replace('-', "");
        let is_own = name.len() >= 4 && host.contains(name.get(..name.len().min(8)).unwrap_or(&name));
        pages.push((if is_own { 1 } else { 3 }, url.to_owned()));
    }
    if let Some(domain) = task["record"]["domain"].as_str() {
        pages.push((0, format!("https://{domain}/")));
    }
    for link in sources.iter().flat_map(|source| source["links"].as_array().into_iter().flatten()).filter_map(Value::as_str) {
        let is_useful = ["contact", "kontakt", "team", "people", "impressum", "about", "staff"].iter().any(|word| link.contains(word));
        pages.push((if is_useful { 2 } else { 4 }, link.to_owned()));
    }
    pages
}

/// What it can tell from the texts.
fn values(sources: &[&Value], task: &Value) -> Vec<Value> {
    let person = [&task["record"]["first_name"], &task["record"]["last_name"]];
    let person = person.iter().filter_map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
    let mut values = Vec::new();
    for source in sources {
        let (number, text) = (&source["source"], source["text"].as_str().unwrap_or_default());
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        for word in text.split_whitespace().map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric())) {
            let is_theirs =
                person.split(' ').next().is_some_and(|first| !first.is_empty() && word.to_lowercase().contains(&first.to_lowercase()));
            if word.contains('@') && is_theirs {
                values.push(json!({ "field": "email", "value": word, "source": number }));
            }
        }
        if !person.is_empty()
            && let Some(at) = lines.iter().position(|line| *line == person)
            && let Some(role) = lines.get(at + 1).filter(|role| role.len() < 50 && !role.contains('@'))
        {
            values.push(json!({ "field": "title", "value": role, "source": number }));
        }
    }
    values
}
