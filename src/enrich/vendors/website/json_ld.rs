//! JSON-LD, as pages embed it: read tolerantly, and without ever fetching a context.

use serde_json::{Deserializer, Map, Value as Json};

use super::node::{Graph, VALUE_BYTES_MAX, Value};
use crate::enrich::words::without_tags;

/// Adds what a script's text says.
pub(super) fn read(text: &str, graph: &mut Graph) {
    let text = unwrapped(text);
    // The parser bounds the depth at 128, so the walk below can't be led deeper.
    let mut documents: Vec<Json> = Deserializer::from_str(text).into_iter().map_while(Result::ok).take(50).collect();
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        let repaired = repaired(text);
        let read: Vec<Json> = Deserializer::from_str(&repaired).into_iter().map_while(Result::ok).take(50).collect();
        if read.len() >= documents.len() {
            documents = read;
        }
    }
    for document in &documents {
        for root in each(document) {
            add_root(root, graph);
        }
    }
}

/// Some pages wrap the script in a comment or a CDATA section, or end it with a semicolon.
fn unwrapped(text: &str) -> &str {
    let mut text = text.trim_start_matches('\u{feff}').trim();
    loop {
        let before = text;
        for opening in ["<!--", "//<![CDATA[", "// <![CDATA[", "/*<![CDATA[*/", "<![CDATA["] {
            text = text.strip_prefix(opening).unwrap_or(text).trim();
        }
        for closing in ["-->", "/*]]>*/", "]]>", "//", ";"] {
            text = text.strip_suffix(closing).unwrap_or(text).trim();
        }
        if text == before {
            return text;
        }
    }
}

/// The text with what is commonly broken mended: line ends and tabs inside of strings, backslashes before letters that need
/// none, comments, and commas before a closing bracket. What is broken otherwise stays so, rather than mean something else.
fn repaired(text: &str) -> String {
    let mut repaired = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut in_string = false;
    let mut comma = None; // Where the last comma lies, as long as nothing but space came behind it.
    while let Some(letter) = letters.next() {
        if in_string {
            match letter {
                '\\' => match letters.next() {
                    Some(escaped @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u')) => repaired.extend(['\\', escaped]),
                    Some(other) if !other.is_control() => repaired.push(other),
                    Some(_) | None => {}
                },
                '"' => {
                    in_string = false;
                    repaired.push('"');
                }
                control if control.is_control() => repaired.push(' '),
                other => repaired.push(other),
            }
            continue;
        }
        match letter {
            '/' if letters.peek() == Some(&'/') => while letters.next_if(|next| *next != '\n').is_some() {},
            '/' if letters.peek() == Some(&'*') => {
                letters.next();
                let mut last = ' ';
                for next in letters.by_ref() {
                    if last == '*' && next == '/' {
                        break;
                    }
                    last = next;
                }
            }
            '}' | ']' => {
                if let Some(at) = comma.take() {
                    repaired.truncate(at);
                }
                repaired.push(letter);
            }
            ',' => {
                if comma.is_none() {
                    comma = Some(repaired.len());
                    repaired.push(',');
                }
            }
            space if space.is_whitespace() => repaired.push(' '),
            other => {
                comma = None;
                in_string = other == '"';
                repaired.push(other);
            }
        }
    }
    repaired
}

fn add_root(value: &Json, graph: &mut Graph) {
    let Some(object) = value.as_object() else { return };
    if let Some(members) = object.get("@graph") {
        for member in each(members) {
            add_root(member, graph);
        }
    }
    // A document that is nothing but its graph is no node.
    if object.keys().any(|key| !matches!(key.as_str(), "@graph" | "@context"))
        && let Some(at) = add_node(object, graph)
    {
        graph.add_root(at);
    }
}

fn add_node(object: &Map<String, Json>, graph: &mut Graph) -> Option<usize> {
    let at = graph.node(object.get("@id").or_else(|| object.get("id")).and_then(Json::as_str))?;
    for kind in each_of(object.get("@type").or_else(|| object.get("type"))).filter_map(Json::as_str) {
        graph.add_type(at, kind);
    }
    for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('@')) {
        add_values(at, name, value, graph);
    }
    Some(at)
}

fn add_values(at: usize, name: &str, value: &Json, graph: &mut Graph) {
    match value {
        Json::String(text) => graph.add(at, name, Value::Text(plain(text))),
        // A zip or a phone number is often given so; a name never.
        Json::Number(number) if matches!(name, "postalCode" | "telephone") => graph.add(at, name, Value::Text(number.to_string())),
        Json::Array(items) => items.iter().for_each(|item| add_values(at, name, item, graph)),
        Json::Object(object) => {
            let inner = ["@value", "@list", "@set"].into_iter().find_map(|key| object.get(key));
            if let Some(inner) = inner {
                add_values(at, name, inner, graph);
            } else if let Some(node) = add_node(object, graph) {
                graph.add(at, name, Value::Node(node));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Many systems write HTML into the values.
fn plain(text: &str) -> String {
    let text = text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
    without_tags(&entities_decoded(text)).into_owned()
}

fn entities_decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        decoded.push_str(before);
        let end = entity.as_bytes().iter().take(12).position(|byte| *byte == b';');
        let letter = end.and_then(|end| entity.get(1..end)).and_then(|name| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some(' '),
            _ => {
                let number = name.strip_prefix('#')?;
                let code = number.strip_prefix(['x', 'X']).map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
                code.and_then(char::from_u32)
            }
        });
        let (shown, used) = letter.map_or(('&', 1), |letter| (letter, end.map_or(1, |end| end + 1)));
        decoded.push(shown);
        rest = entity.get(used..).unwrap_or_default();
    }
    decoded.push_str(rest);
    decoded
}

/// A value, or each of an array.
fn each(value: &Json) -> impl Iterator<Item = &Json> {
    match value {
        Json::Array(items) => items.as_slice(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => std::slice::from_ref(value),
    }
    .iter()
}

fn each_of(value: Option<&Json>) -> impl Iterator<Item = &Json> {
    value.into_iter().flat_map(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the top nodes.
    fn names(text: &str) -> Vec<String> {
        let mut graph = Graph::default();
        read(text, &mut graph);
        graph.roots().iter().filter_map(|root| graph.text(*root, "name")).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_commonly_broken_is_mended() {
        for text in [
            r#"{"name":"Acme"}"#,
            r#"<!-- {"name":"Acme"}; -->"#,
            "//<![CDATA[\n{\"name\":\"Acme\"}\n//]]>",
            "\u{feff}/*<![CDATA[*/ [{\"name\":\"Acme\"}] /*]]>*/",
            r#"{"name":"Acme",}"#,
            r#"[{"name":"Acme", "x": [1,2,,],},]"#,
            "{\"x\":\"two\nlines\",\"name\":\"Acme\"}",
            r#"{"x":"it\'s","name":"Acme"}"#,
            "{ // why\n \"x\": \"http://a//b\", /* how */ \"name\":\"Acme\"}",
            r#"{"@context":"https://schema.org","@graph":[{"name":"Acme"}]}"#,
            r#"{"https://schema.org/name":{"@value":"Acme"}}"#,
        ] {
            assert_eq!(names(text), ["Acme"], "{text}");
        }
        assert_eq!(names(r#"{"name":"Acme"}{"name":"Bolt"}"#), ["Acme", "Bolt"]);
        for text in ["", "{", "null", "{\"name\":\"Acme\"", "{name:'Acme'}", "[[[", r#"{"name":7}"#] {
            assert!(names(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn values_are_text_without_markup() {
        assert_eq!(
            names(r#"{"name":"Joe&#39;s &amp; <b>Sons</b> &lt;script>x&lt;/script>"}"#)[0].split_whitespace().collect::<Vec<_>>().join(" "),
            "Joe's & Sons"
        );
        assert_eq!(names(r#"{"name":"AT&T; & &#xD800; &bogus;"}"#), ["AT&T; & &#xD800; &bogus;"]);
    }

    #[test]
    fn one_id_is_one_node() {
        let mut graph = Graph::default();
        read(r##"[{"@id":"#a","address":{"@id":"#b"}},{"@id":"#b","postalCode":33602,"parent":{"@id":"#a"}}]"##, &mut graph);
        let root = graph.roots()[0];
        let address = graph.children(root, "address").next().unwrap();
        assert_eq!((graph.text(address, "postalCode"), graph.children(address, "parent").next()), (Some("33602"), Some(root)));
    }

    /// F-V2: a document made to hurt costs a bounded amount.
    #[test]
    fn hostile_documents_are_bounded() {
        assert!(names(&"[".repeat(100_000)).is_empty());
        assert!(names(&format!("[{}]", vec![r#"{"name":"A"}"#; 100_000].join(","))).len() <= 2000);
        let mut graph = Graph::default();
        read(&format!(r#"{{"name":[{}]}}"#, vec![r#""A""#; 100_000].join(",")), &mut graph);
        assert!(graph.texts(0, "name").count() <= 20_000);
    }
}
