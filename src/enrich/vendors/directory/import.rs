//! From a CSV file into the directory's index.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use url::Url;

use super::listing::{Listing, Person};
use super::{FILE_NAME, index};
use crate::enrich::words::one_line;
use crate::types::payload::country;

/// The longest name, and the longest of any other field, in characters.
const NAME_CHARS_MAX: usize = 200;
const FIELD_CHARS_MAX: usize = 2000;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows that are new.
    pub imported: u64,
    /// Rows that took the place of one with the same name, street and zip.
    pub replaced: u64,
    /// Rows that were left out.
    pub skipped: Vec<Skipped>,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The line of the file where the row begins, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The header row doesn't say what the columns are.
    #[error("the header row {0}")]
    Header(String),
    /// `strict`, and there are bad rows.
    #[error("{} rows can't be read, the first one at line {}: {}", .0.len(), .0.first().map_or(0, |bad| bad.line), .0.first().map_or("", |bad| &bad.reason))]
    Strict(Vec<Skipped>),
    /// Another import into the same folder hasn't finished.
    #[error("another import into this folder is running")]
    Busy,
    /// The file can't be read as CSV at all.
    #[error("the file can't be read")]
    Csv(#[from] csv::Error),
    /// The folder can't be written.
    #[error("the directory can't be written")]
    Io(#[from] io::Error),
    /// The index can't be written, or is of another version.
    #[error("the index can't be written")]
    Index(#[from] rusqlite::Error),
}

/// Imports a CSV file (RFC 4180, UTF-8, header row) into the index in `dir`, all of it or nothing: readers see the old index until
/// the new one has taken its place. Bad rows are left out and reported, or with `strict` refuse the file.
///
/// # Errors
/// See [`ImportError`].
pub fn import(reader: impl Read, dir: &Path, strict: bool) -> Result<ImportReport, ImportError> {
    // For the owner alone: by default it lies in the store's folder, and an import may well be what makes that.
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let lock = File::create(dir.join("import.lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(ImportError::Busy),
        Err(fs::TryLockError::Error(error)) => return Err(error.into()),
    }
    let (current, next) = (dir.join(FILE_NAME), dir.join("directory.next.sqlite3"));
    remove_if_there(&next)?;
    if current.try_exists()? {
        fs::copy(&current, &next)?;
    }
    let done = build(reader, &next, strict);
    if done.is_err() {
        remove_if_there(&next)?;
        return done;
    }
    File::open(&next)?.sync_all()?;
    fs::rename(&next, &current)?;
    #[cfg(unix)]
    File::open(dir)?.sync_all()?; // The rename itself.
    done
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn build(reader: impl Read, next: &Path, strict: bool) -> Result<ImportReport, ImportError> {
    // `flexible`, so that a row with a field too many is one bad row and not the end of the file.
    let mut rows = ReaderBuilder::new().flexible(true).from_reader(reader);
    let columns = columns(rows.byte_headers()?)?;
    let mut connection = index::open_to_build(next)?;
    let transaction = connection.transaction()?;
    let mut report = ImportReport::default();
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row)? {
        match listing(&columns, &row) {
            Ok(listing) if index::put(&transaction, &listing)? => report.replaced += 1,
            Ok(_) => report.imported += 1,
            Err(reason) => report.skipped.push(Skipped { line: row.position().map_or(0, csv::Position::line), reason }),
        }
    }
    if strict && !report.skipped.is_empty() {
        return Err(ImportError::Strict(report.skipped));
    }
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(report)
}

fn columns(header: &ByteRecord) -> Result<Vec<String>, ImportError> {
    let mut names = Vec::new();
    for (at, field) in header.iter().enumerate() {
        let text = std::str::from_utf8(field).map_err(|_| ImportError::Header("is not UTF-8".to_owned()))?;
        let text = if at == 0 { text.trim_start_matches('\u{feff}') } else { text };
        names.push(text.trim().to_lowercase());
    }
    if !names.iter().any(|name| name == "name") {
        return Err(ImportError::Header("has no column `name`".to_owned()));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(ImportError::Header(format!("has the column `{twice}` twice"))),
        None => Ok(names),
    }
}

fn listing(columns: &[String], row: &ByteRecord) -> Result<Listing, String> {
    if row.len() != columns.len() {
        return Err(format!("has {} fields, and the header {}", row.len(), columns.len()));
    }
    let mut listing = Listing { country: "US".to_owned(), ..Listing::default() };
    for (column, field) in columns.iter().zip(row) {
        let text = std::str::from_utf8(field).map_err(|_| format!("`{column}` is not UTF-8"))?.trim();
        if text.chars().count() > if column == "name" { NAME_CHARS_MAX } else { FIELD_CHARS_MAX } {
            return Err(format!("`{column}` is too long"));
        }
        if !text.is_empty() {
            set(&mut listing, column, text)?;
        }
    }
    if listing.name.is_empty() { Err("has no name".to_owned()) } else { Ok(listing) }
}

fn set(listing: &mut Listing, column: &str, text: &str) -> Result<(), String> {
    let line = || one_line(text, FIELD_CHARS_MAX);
    match column {
        "name" => listing.name = line(),
        "legal_name" => listing.legal_name = line(),
        "street" => listing.street = line(),
        "city" => listing.city = line(),
        "state" => listing.state = line(),
        "zip" => listing.zip = line(),
        "phone" => listing.phone = line(),
        "hours" => listing.hours = line(),
        "country" => {
            let code = text.to_uppercase();
            if !country::is_assigned(&code) {
                return Err("`country` is no ISO 3166-1 alpha-2 code".to_owned());
            }
            listing.country = code;
        }
        "email" => {
            let one = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'));
            if !one || text.contains(char::is_whitespace) {
                return Err("`email` is no e-mail address".to_owned());
            }
            listing.email = line();
        }
        "website" => listing.website = website(text)?,
        "categories" => listing.categories = parts(text).map(str::to_owned).collect(),
        "people" => {
            let person = |entry: &str| {
                let (name, role) = entry.split_once('|').unwrap_or((entry, ""));
                Person { name: name.trim().to_owned(), role: role.trim().to_owned() }
            };
            listing.people = parts(text).map(person).filter(|person| !person.name.is_empty()).collect();
        }
        "" => {}
        other => {
            listing.attributes.insert(other.to_owned(), text.to_owned());
        }
    }
    Ok(())
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty())
}

/// A whole URL; a bare host is meant as https.
fn website(text: &str) -> Result<String, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    match Url::parse(&whole) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url.into()),
        Ok(_) | Err(_) => Err("`website` is no http or https URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listings(dir: &Path) -> Vec<Listing> {
        let connection = index::open_read_only(&dir.join(FILE_NAME)).unwrap();
        let mut statement = connection.prepare("SELECT listing FROM business ORDER BY id").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|text| serde_json::from_str(&text.unwrap()).unwrap()).collect()
    }

    #[test]
    fn every_column_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let csv = "\u{feff}Name,legal_name,street,city,state,zip,country,phone,email,website,categories,hours,people,crm id\r\n\
            \"Acme, \"\"the\"\" Corp\",Acme Inc,1 Main St,Tampa,FL,33602,us,(813) 555-0142,Hi@Acme.example,acme.example,\
            roofing; siding;,Mon-Fri 9-5,Ann Lee|Owner;Bo,17\r\n";
        let report = import(csv.as_bytes(), dir.path(), true).unwrap();
        assert_eq!(report, ImportReport { imported: 1, ..ImportReport::default() });
        let [listing] = &listings(dir.path())[..] else { panic!("one row") };
        assert_eq!((listing.name.as_str(), listing.country.as_str()), ("Acme, \"the\" Corp", "US"));
        assert_eq!((listing.phone.as_str(), listing.website.as_str()), ("(813) 555-0142", "https://acme.example/"));
        assert_eq!(listing.categories, ["roofing", "siding"]);
        assert_eq!(
            listing.people.iter().map(|person| (person.name.as_str(), person.role.as_str())).collect::<Vec<_>>(),
            [("Ann Lee", "Owner"), ("Bo", "")]
        );
        assert_eq!(listing.attributes["crm id"], "17");
    }

    #[test]
    fn bad_rows_are_told_by_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut csv =
            b"name,country,website,email\nGood,,,\n,,,\n\"Two\nlines\",XX,,\nA,,ftp://a.example,\nB,,,not an address\nC,,\nD,,,,,\n"
                .to_vec();
        csv.extend_from_slice(b"Bad\xff,,,\nLast,,,\n");
        let report = import(&csv[..], dir.path(), false).unwrap();
        let lines: Vec<_> = report.skipped.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
        assert_eq!(
            lines,
            [
                (3, "has no name"),
                (4, "`country` is no ISO 3166-1 alpha-2 code"),
                (6, "`website` is no http or https URL"),
                (7, "`email` is no e-mail address"),
                (8, "has 3 fields, and the header 4"),
                (9, "has 6 fields, and the header 4"),
                (10, "`name` is not UTF-8"),
            ]
        );
        assert_eq!(report.imported, 2);

        let strict = import(&csv[..], dir.path(), true).unwrap_err();
        assert!(matches!(strict, ImportError::Strict(bad) if bad.len() == 7));
        assert_eq!(listings(dir.path()).len(), 2);
    }

    #[test]
    fn importing_again_replaces_by_name_street_and_zip() {
        let dir = tempfile::tempdir().unwrap();
        let csv = "name,street,zip,phone\nAcme,1 Main St,33602,1\nAcme,2 Main St,33602,2\n";
        assert_eq!(import(csv.as_bytes(), dir.path(), true).unwrap().imported, 2);
        let again = "name,street,zip,phone\nACME,1 main st.,33602,9\nAcme,1 Main St,33603,3\n";
        let report = import(again.as_bytes(), dir.path(), true).unwrap();
        assert_eq!((report.imported, report.replaced), (1, 1));
        assert_eq!(listings(dir.path()).iter().map(|listing| listing.phone.as_str()).collect::<Vec<_>>(), ["9", "2", "3"]);
    }

    #[test]
    fn a_header_without_names_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for csv in ["", "title,city\nAcme,Tampa\n", "name,city,City\nAcme,Tampa,Tampa\n"] {
            assert!(matches!(import(csv.as_bytes(), dir.path(), false), Err(ImportError::Header(_))), "{csv}");
        }
        assert!(!dir.path().join(FILE_NAME).exists());
    }

    #[test]
    fn one_import_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let lock = File::create(dir.path().join("import.lock")).unwrap();
        lock.lock().unwrap();
        assert!(matches!(import("name\nA\n".as_bytes(), dir.path(), false), Err(ImportError::Busy)));
        drop(lock);
        assert!(import("name\nA\n".as_bytes(), dir.path(), false).is_ok());
    }
}
