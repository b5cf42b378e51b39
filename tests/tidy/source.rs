//! The source as the rules see it: every file that is a module, as tokens, without what only tests compile.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Ident, Punct, TokenStream, TokenTree};

/// A file that `main.rs` or `lib.rs` leads to.
pub(crate) struct Module {
    /// From the top of the project.
    pub(crate) file: PathBuf,
    /// `crate::a::b` as `["a", "b"]`.
    pub(crate) path: Vec<String>,
    /// Only tests compile it.
    pub(crate) test_only: bool,
    /// What it says, in order, groups opened, without comments and without what only tests compile.
    pub(crate) tokens: Vec<Token>,
}

/// A word or a sign, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// How many inline modules it is inside of.
    pub(crate) inline_depth: usize,
}

/// A `mod name;` that a file holds.
struct Declared {
    name: String,
    inside: Vec<String>,
    at: Option<String>,
    test_only: bool,
}

/// The top of the project.
pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` that ends in one of `endings`, from the top of the project, sorted.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                // What was installed isn't ours.
                if !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path.strip_prefix(top()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// What a file of the project says.
pub(crate) fn read(file: &Path) -> String {
    std::fs::read_to_string(top().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every module of the library and the binary.
pub(crate) fn modules() -> Vec<Module> {
    let mut found = Vec::new();
    let mut waiting =
        VecDeque::from([(PathBuf::from("src/lib.rs"), Vec::new(), false), (PathBuf::from("src/main.rs"), vec!["main".to_owned()], false)]);
    while let Some((file, path, test_only)) = waiting.pop_front() {
        let mut reader = Reader::default();
        reader.read(read(&file).parse().unwrap_or_else(|error| panic!("{}: {error}", file.display())), &[], test_only);
        for declared in reader.declared {
            let below = declared_file(&file, &declared);
            let path = path.iter().filter(|word| *word != "main").chain(&declared.inside).cloned().chain([declared.name]).collect();
            waiting.push_back((below, path, declared.test_only));
        }
        found.push(Module { file, path, test_only, tokens: reader.tokens });
    }
    found
}

/// A module that isn't in the tree, to try a rule on.
pub(crate) fn example(path: &[&str], text: &str) -> Module {
    let mut reader = Reader::default();
    reader.read(text.parse().unwrap(), &[], false);
    let path = path.iter().map(|&word| word.to_owned()).collect();
    Module { file: "example.rs".into(), path, test_only: false, tokens: reader.tokens }
}

/// Where `mod name;` is found (Rust reference, "Module source filenames").
fn declared_file(file: &Path, declared: &Declared) -> PathBuf {
    let folder = file.parent().unwrap();
    if let Some(at) = &declared.at {
        return folder.join(at);
    }
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let mut folder = if matches!(stem, "mod" | "lib" | "main") { folder.to_owned() } else { folder.join(stem) };
    folder.extend(&declared.inside);
    let beside = folder.join(format!("{}.rs", declared.name));
    if top().join(&beside).exists() { beside } else { folder.join(&declared.name).join("mod.rs") }
}

#[derive(Default)]
struct Reader {
    tokens: Vec<Token>,
    declared: Vec<Declared>,
}

impl Reader {
    /// Goes through the items of a module, or through anything that is nested in one.
    fn read(&mut self, tokens: TokenStream, inside: &[String], test_only: bool) {
        let mut tokens = tokens.into_iter().peekable();
        let mut attributes = Attributes::default();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let inner = tokens.next_if(|next| matches!(next, TokenTree::Punct(punct) if punct.as_char() == '!')).is_some();
                    if let Some(TokenTree::Group(group)) = tokens.next() {
                        if !inner {
                            attributes.take(&group);
                        }
                        self.read(group.stream(), inside, test_only);
                    }
                    continue;
                }
                _ if attributes.test => skip_item(token, &mut tokens, &mut |name| {
                    let at = attributes.path.clone();
                    self.declared.push(Declared { name, inside: inside.to_vec(), at, test_only: true });
                }),
                TokenTree::Ident(word) if word == "mod" => {
                    self.push(&word.to_string(), word.span().start().line, inside);
                    self.module(&mut tokens, inside, attributes.path.take(), test_only);
                }
                TokenTree::Ident(word) => self.word(&word, inside),
                TokenTree::Punct(punct) => {
                    self.sign(&punct, inside);
                    // `pub` and the like may stand between an attribute and what it is on; a sign may not.
                    attributes = Attributes::default();
                }
                TokenTree::Group(group) => self.group(&group, inside, test_only),
                TokenTree::Literal(_) => {}
            }
            if !matches!(tokens.peek(), Some(TokenTree::Ident(_))) || attributes.test {
                attributes = Attributes::default();
            }
        }
    }

    fn module(&mut self, tokens: &mut Tokens, inside: &[String], at: Option<String>, test_only: bool) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        self.word(&name, inside);
        match tokens.next() {
            Some(TokenTree::Group(body)) => {
                let inside: Vec<_> = inside.iter().cloned().chain([name.to_string()]).collect();
                self.read(body.stream(), &inside, test_only);
            }
            _ => self.declared.push(Declared { name: name.to_string(), inside: inside.to_vec(), at, test_only }),
        }
    }

    fn group(&mut self, group: &Group, inside: &[String], test_only: bool) {
        let (open, close) = match group.delimiter() {
            Delimiter::Brace => ("{", "}"),
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        self.push(open, group.span_open().start().line, inside);
        self.read(group.stream(), inside, test_only);
        self.push(close, group.span_close().start().line, inside);
    }

    fn word(&mut self, word: &Ident, inside: &[String]) {
        self.push(&word.to_string(), word.span().start().line, inside);
    }

    fn sign(&mut self, sign: &Punct, inside: &[String]) {
        self.push(&sign.as_char().to_string(), sign.span().start().line, inside);
    }

    fn push(&mut self, text: &str, line: usize, inside: &[String]) {
        self.tokens.push(Token { text: text.to_owned(), line, inline_depth: inside.len() });
    }
}

type Tokens = std::iter::Peekable<proc_macro2::token_stream::IntoIter>;

/// The attributes that matter here, until their item begins.
#[derive(Default)]
struct Attributes {
    test: bool,
    path: Option<String>,
}

impl Attributes {
    fn take(&mut self, group: &Group) {
        let text: String = group.stream().to_string().split_whitespace().collect();
        self.test |= text == "cfg(test)" || text == "test" || text.starts_with("cfg(all(test,");
        if let Some(path) = text.strip_prefix("path=") {
            self.path = Some(path.trim_matches('"').to_owned());
        }
    }
}

/// Passes over an item, up to its body or its semicolon, and reports the module's name if it is a `mod name;`.
fn skip_item(first: TokenTree, tokens: &mut Tokens, declares: &mut dyn FnMut(String)) {
    let mut before_last = String::new();
    let mut last = String::new();
    let mut next = Some(first);
    while let Some(token) = next {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            TokenTree::Punct(punct) if punct.as_char() == ';' => {
                if before_last == "mod" {
                    declares(last);
                }
                return;
            }
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {
                before_last = std::mem::replace(&mut last, token.to_string());
            }
        }
        next = tokens.next();
    }
}
