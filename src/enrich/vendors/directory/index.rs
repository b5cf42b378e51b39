//! The index file: SQLite with FTS5.
//!
//! A finished file is never written again: an import builds the next one beside it and renames it into place. So readers need
//! no locks, and see either all of an import or nothing.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::listing::Listing;
use crate::enrich::matching::{domain_of, place};
use crate::enrich::phone;
use crate::enrich::words::{fold, name_words};

/// The layout's number, in `user_version`.
const LAYOUT: i64 = 2;

const SCHEMA: &str = "
    CREATE TABLE business (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        phone_key TEXT,
        domain TEXT,
        listing TEXT NOT NULL
    );
    CREATE INDEX business_by_phone ON business (phone_key) WHERE phone_key IS NOT NULL;
    CREATE INDEX business_by_domain ON business (domain) WHERE domain IS NOT NULL;
    CREATE VIRTUAL TABLE words USING fts5 (name, place, tokenize = 'unicode61', prefix = '4', detail = 'column');
";

/// How many rows one way of looking may bring in, before they are judged.
const CANDIDATES_MAX: i64 = 40;

/// What is looked for, already in the form that the index holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) name: Vec<String>,
    pub(super) city: String,
    pub(super) state: String,
    pub(super) zip: String,
    pub(super) phone: Option<String>,
    pub(super) domain: Option<String>,
}

/// Opens a finished file for reading. `immutable` is true of it, and spares every lock.
pub(super) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02X}").unwrap_or_default(),
        }
    }
    uri.push_str("?immutable=1");
    let connection = Connection::open_with_flags(uri, flags)?;
    let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout == LAYOUT { Ok(connection) } else { Err(rusqlite::Error::InvalidPath(path.to_owned())) }
}

/// Opens the file that an import builds, and lays it out where it is new. It is only seen once it is renamed, so nothing in
/// it needs to survive a crash before that.
pub(super) fn open_to_build(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match layout {
        0 => {
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "user_version", LAYOUT)?;
            Ok(connection)
        }
        LAYOUT => Ok(connection),
        _ => Err(rusqlite::Error::InvalidPath(path.to_owned())),
    }
}

/// Puts one listing in, over the one with the same name, street and zip where there is one. Says whether there was.
pub(super) fn put(connection: &Connection, listing: &Listing) -> rusqlite::Result<bool> {
    let key = [&listing.name, &listing.street, &listing.zip].map(|part| fold(part)).join("|");
    let known: Option<i64> =
        connection.prepare_cached("SELECT id FROM business WHERE key = ?1")?.query_row([&key], |row| row.get(0)).optional()?;
    let text = serde_json::to_string(listing).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached(
            "INSERT INTO business (key, phone_key, domain, listing) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET
             phone_key = excluded.phone_key, domain = excluded.domain, listing = excluded.listing",
        )?
        .execute(params![key, phone::key(&listing.phone, &listing.country), domain_of(&listing.website), text])?;
    let id = known.unwrap_or_else(|| connection.last_insert_rowid());
    if known.is_some() {
        connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([id])?;
    }
    let mut names = name_words(&listing.name);
    names.extend(name_words(&listing.legal_name));
    let place = format!("{} {} {}", fold(&listing.city), place::state(&listing.state), place::zip(&listing.zip));
    connection.prepare_cached("INSERT INTO words (rowid, name, place) VALUES (?1, ?2, ?3)")?.execute(params![
        id,
        names.join(" "),
        place
    ])?;
    Ok(known.is_some())
}

/// Listings that may be meant, each once, in no order that means anything: by words of the name together with the place, by
/// words of the name anywhere, by phone and by domain. A common name in another city can't crowd out the one in the right city.
pub(super) fn candidates(connection: &Connection, terms: &Terms) -> rusqlite::Result<Vec<Listing>> {
    let mut found: Vec<(i64, String)> = Vec::new();
    let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let places = [&terms.zip, &terms.city, &terms.state];
    let name = either("name", terms.name.iter().map(String::as_str), true);
    let by_words = "SELECT b.id, b.listing FROM words JOIN business b ON b.id = words.rowid
         WHERE words MATCH ?1 ORDER BY words.rank, b.id LIMIT ?2";
    if let Some(name) = &name {
        let narrow = places.into_iter().filter_map(|part| all("place", part)).map(|place| format!("({name}) AND ({place})"));
        for query in narrow.chain([name.clone()]) {
            let mut statement = connection.prepare_cached(by_words)?;
            let rows = statement.query_map(params![query, CANDIDATES_MAX], pair)?;
            found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
        }
    }
    for (sql, value) in [
        ("SELECT id, listing FROM business WHERE phone_key = ?1 ORDER BY id LIMIT ?2", &terms.phone),
        ("SELECT id, listing FROM business WHERE domain = ?1 ORDER BY id LIMIT ?2", &terms.domain),
    ] {
        let Some(value) = value else { continue };
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![value, CANDIDATES_MAX], pair)?;
        found.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    found.sort_unstable();
    found.dedup_by_key(|(id, _)| *id);
    let read = |(_, text): (i64, String)| {
        serde_json::from_str(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into()))
    };
    found.into_iter().map(read).collect()
}

/// Any of the words, or what begins like them, so that a slip late in a word still finds it.
fn either<'a>(column: &str, words: impl Iterator<Item = &'a str>, beginnings: bool) -> Option<String> {
    let mut query: Vec<String> = Vec::new();
    for word in words.take(12) {
        query.push(quoted(word));
        if beginnings && word.chars().count() > 4 {
            query.push(format!("{}*", quoted(&word.chars().take(4).collect::<String>())));
        }
    }
    (!query.is_empty()).then(|| format!("{column} : ({})", query.join(" OR ")))
}

/// All of the words of `text`.
fn all(column: &str, text: &str) -> Option<String> {
    let words: Vec<String> = text.split(' ').filter(|word| !word.is_empty()).take(8).map(quoted).collect();
    (!words.is_empty()).then(|| format!("{column} : ({})", words.join(" AND ")))
}

/// As an FTS5 string: nothing in it is an operator.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}
