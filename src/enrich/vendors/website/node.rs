//! Structured data as a graph of nodes, whichever way a page embeds it: JSON-LD, microdata, `RDFa` or classes of `hCard`.
//!
//! Nodes lie in one list and refer to one another by their place in it, so a reference in circles is no circle of ownership.
//! Two nodes with one id are one node. Every number here is bounded, since pages are strangers' text.

use std::collections::HashMap;

use crate::enrich::words::is_invisible;

/// Nodes of one page.
const NODES_MAX: usize = 2000;
/// Properties of all nodes of one page.
const PROPERTIES_MAX: usize = 20_000;
/// The longest value that is looked at, in bytes; what is kept of it is cut later.
pub(super) const VALUE_BYTES_MAX: usize = 4096;

/// All nodes of a page.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    roots: Vec<usize>,
    ids: HashMap<String, usize>,
    properties: usize,
}

/// A thing with types and properties, their names without the vocabulary's address.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) types: Vec<String>,
    properties: Vec<(String, Value)>,
}

/// What a property has for a value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Node(usize),
}

impl Graph {
    /// A new node, or the known one of that id; `None` where there are too many.
    pub(super) fn node(&mut self, id: Option<&str>) -> Option<usize> {
        let id = id.map(str::trim).filter(|id| !id.is_empty() && id.len() <= VALUE_BYTES_MAX);
        if let Some(at) = id.and_then(|id| self.ids.get(id)) {
            return Some(*at);
        }
        if self.nodes.len() >= NODES_MAX {
            return None;
        }
        self.nodes.push(Node::default());
        let at = self.nodes.len() - 1;
        if let Some(id) = id {
            self.ids.insert(id.to_owned(), at);
        }
        Some(at)
    }

    /// This node stands by itself, not as the value of another's property.
    pub(super) fn add_root(&mut self, at: usize) {
        self.roots.push(at);
    }

    pub(super) fn add_type(&mut self, at: usize, kind: &str) {
        let kind = bare(kind);
        if let Some(node) = self.nodes.get_mut(at)
            && !kind.is_empty()
            && kind.len() <= 100
            && node.types.len() < 20
        {
            node.types.push(kind.to_owned());
        }
    }

    pub(super) fn add(&mut self, at: usize, name: &str, value: Value) {
        if self.properties >= PROPERTIES_MAX {
            return;
        }
        let value = match value {
            Value::Text(text) => {
                let text = text.trim();
                let kept = text.get(..text.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
                let seen: String = kept.chars().filter(|letter| !is_invisible(*letter)).collect();
                if seen.trim().is_empty() {
                    return;
                }
                Value::Text(seen)
            }
            Value::Node(node) => Value::Node(node),
        };
        if let Some(node) = self.nodes.get_mut(at) {
            node.properties.push((bare(name).to_owned(), value));
            self.properties += 1;
        }
    }

    pub(super) fn roots(&self) -> &[usize] {
        &self.roots
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn get(&self, at: usize) -> &Node {
        static NOTHING: Node = Node { types: Vec::new(), properties: Vec::new() };
        self.nodes.get(at).unwrap_or(&NOTHING)
    }

    /// The places of a property's values that are nodes.
    pub(super) fn children<'a>(&'a self, at: usize, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.values(at, name).filter_map(|value| match value {
            Value::Node(node) => Some(*node),
            Value::Text(_) => None,
        })
    }

    /// A property's texts; a node that stands where a text should gives its name.
    pub(super) fn texts<'a>(&'a self, at: usize, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.values(at, name).filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::Node(node) => self.values(*node, "name").find_map(|value| match value {
                Value::Text(text) => Some(text.as_str()),
                Value::Node(_) => None,
            }),
        })
    }

    pub(super) fn text<'a>(&'a self, at: usize, name: &'a str) -> Option<&'a str> {
        self.texts(at, name).next()
    }

    fn values<'a>(&'a self, at: usize, name: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
        self.get(at).properties.iter().filter(move |(known, _)| known == name).map(|(_, value)| value)
    }
}

/// `https://schema.org/name`, `schema:name` and `name` are one.
fn bare(name: &str) -> &str {
    name.trim().rsplit(['/', '#', ':']).next().unwrap_or_default()
}
