//! `directory`: the operator's own data, in a full-text index beside the server.
//!
//! Nothing to set up: `import-directory` writes the index, and a running server notices the new file by itself.
//! Deliberately absent: deciding about a match; this ranks, the enricher judges.

pub mod import;
mod index;
pub mod listing;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

pub use import::{ImportError, ImportReport, Skipped, import};
pub use listing::{Listing, Person};

use super::meters::metered;
use crate::enrich::matching::{self, Subject, judge, place};
use crate::enrich::phone;
use crate::enrich::words::{fold, name_words};
use crate::types::{Usd, WebsearchPayload};

/// The index inside the directory's folder.
pub const FILE_NAME: &str = "directory.sqlite3";

/// Idle connections that are kept; more look-ups at once open their own.
const IDLE_MAX: usize = 16;

/// Where the directory lies, and what a look-up costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySettings {
    /// The folder that `import-directory` writes to (`VENDOR_DIRECTORY_PATH`).
    pub dir: PathBuf,
    /// Per query (`VENDOR_DIRECTORY_COST_USD`).
    pub cost: Usd,
    /// How long one query may take.
    pub timeout: Duration,
}

/// The directory, open for look-ups.
#[derive(Debug, Clone)]
pub struct Directory {
    settings: DirectorySettings,
    path: PathBuf,
    open: Arc<Mutex<Idle>>,
}

/// Connections to the file that was current when they were opened.
#[derive(Debug, Default)]
struct Idle {
    stamp: Option<Stamp>,
    connections: Vec<Connection>,
}

/// What tells one file from the next at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    modified: Option<SystemTime>,
}

impl Directory {
    /// The directory at these settings. There need not be an index yet.
    pub fn new(settings: DirectorySettings) -> Self {
        let path = settings.dir.join(FILE_NAME);
        Self { settings, path, open: Arc::default() }
    }

    /// Its settings.
    pub fn settings(&self) -> &DirectorySettings {
        &self.settings
    }

    /// Which import is current, in a word that changes with each; empty where there is none.
    pub fn version(&self) -> String {
        let stamp = Stamp::of(&self.path).ok();
        stamp.map(|Stamp { inode, len, modified }| format!("{inode} {len} {modified:?}")).unwrap_or_default()
    }

    /// The listings that may be meant, best first by the rule of [`matching`], at most `limit`.
    ///
    /// # Errors
    /// Text for the hop's record where there is no index or it can't be read.
    pub async fn find(&self, asked: WebsearchPayload, limit: usize) -> Result<Vec<Listing>, String> {
        let this = self.clone();
        let look_up = async {
            let found = tokio::task::spawn_blocking(move || this.find_blocking(&asked, limit)).await;
            found.map_err(|_| "the look-up ended early".to_owned())?
        };
        metered("directory", self.settings.cost, look_up).await
    }

    fn find_blocking(&self, asked: &WebsearchPayload, limit: usize) -> Result<Vec<Listing>, String> {
        let stamp = Stamp::of(&self.path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                "no directory has been imported".to_owned()
            } else {
                format!("the directory can't be read: {error}")
            }
        })?;
        let connection = match self.take(stamp) {
            Some(connection) => connection,
            None => index::open_read_only(&self.path).map_err(|error| format!("the directory can't be opened: {error}"))?,
        };
        let found = index::candidates(&connection, &terms(asked)).map_err(|error| format!("the directory can't be read: {error}"))?;
        self.give_back(stamp, connection);
        Ok(ranked(&Subject::asked(asked), found, limit))
    }

    /// An idle connection to the file of that stamp; those to an older file are closed.
    fn take(&self, stamp: Stamp) -> Option<Connection> {
        let mut idle = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.stamp != Some(stamp) {
            *idle = Idle { stamp: Some(stamp), connections: Vec::new() };
        }
        idle.connections.pop()
    }

    fn give_back(&self, stamp: Stamp, connection: Connection) {
        // A file that was replaced between the look at its stamp and the opening would be kept under the wrong stamp.
        let unchanged = Stamp::of(&self.path).is_ok_and(|now| now == stamp);
        let mut idle = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if unchanged && idle.stamp == Some(stamp) && idle.connections.len() < IDLE_MAX {
            idle.connections.push(connection);
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Self { inode, len: metadata.len(), modified: metadata.modified().ok() })
    }
}

fn terms(asked: &WebsearchPayload) -> index::Terms {
    let text = |value: &Option<String>, form: fn(&str) -> String| value.as_deref().map(form).unwrap_or_default();
    index::Terms {
        name: name_words(&asked.business_name),
        city: text(&asked.city, fold),
        state: text(&asked.state, place::state),
        zip: text(&asked.zip, place::zip),
        phone: asked.phone.as_deref().and_then(|text| phone::key(text, &asked.country)),
        domain: asked.domain.as_deref().and_then(|domain| matching::domain_of(&format!("http://{domain}/"))),
    }
}

/// Best first; of equal ones in the order of their text, so that the answer never depends on the order of rows.
fn ranked(asked: &Subject, found: Vec<Listing>, limit: usize) -> Vec<Listing> {
    let mut judged: Vec<_> = found
        .into_iter()
        .filter_map(|listing| {
            let subject = Subject::found(&listing.claims());
            // One word in common brings a row in; it takes more to be worth a look.
            let is_related = asked.name_likeness(&subject) >= matching::NAME_RELATED || asked.shares_contact(&subject);
            if !is_related {
                return None;
            }
            let verdict = judge(asked, &subject);
            let rank = (verdict.matched, verdict.score, asked.name_likeness(&subject));
            Some((std::cmp::Reverse(rank), listing.name.clone(), listing.zip.clone(), listing.street.clone(), listing))
        })
        .collect();
    judged.sort_by(|a, b| (&a.0, &a.1, &a.2, &a.3).cmp(&(&b.0, &b.1, &b.2, &b.3)));
    judged.into_iter().map(|(.., listing)| listing).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "name,street,city,state,zip,phone,website\n\
        Acme Corp,120 N Main St,Tampa,FL,33602,(813) 555-0142,https://acme.example/\n\
        Acme Corp,9 Ocean Dr,Miami,FL,33139,(305) 555-0111,\n\
        Acme Roofing,1 Oak Ave,Tampa,FL,33603,(813) 555-0150,\n\
        Café Zoë LLC,7 Rue St,Tampa,FL,33602,,https://zoe.example/\n\
        Haney Furniture Co,44 Mill Rd,New Castle,PA,16101,(724) 555-0123,\n";

    fn directory(dir: &tempfile::TempDir) -> Directory {
        Directory::new(DirectorySettings { dir: dir.path().to_owned(), cost: Usd::ZERO, timeout: Duration::from_secs(5) })
    }

    async fn names(directory: &Directory, fields: &str) -> Vec<String> {
        let asked = WebsearchPayload::parse(&format!("{{{fields}}}")).unwrap();
        directory.find(asked, 3).await.unwrap().into_iter().map(|listing| format!("{}, {}", listing.name, listing.city)).collect()
    }

    #[tokio::test]
    async fn ranked_by_name_place_and_phone() {
        let dir = tempfile::tempdir().unwrap();
        import(CSV.as_bytes(), dir.path(), false).unwrap();
        let directory = directory(&dir);
        let first = async |fields: &str| names(&directory, fields).await.into_iter().next();
        for (fields, wanted) in [
            (r#""business_name":"acme corporation","city":"Tampa""#, Some("Acme Corp, Tampa")),
            (r#""business_name":"acme","city":"Miami","state":"Florida""#, Some("Acme Corp, Miami")),
            (r#""business_name":"Acme Roofers","city":"Tampa""#, Some("Acme Roofing, Tampa")),
            (r#""business_name":"Cafe Zoe""#, Some("Café Zoë LLC, Tampa")),
            (r#""business_name":"Haney Furnitrue","zip":"16101-2222""#, Some("Haney Furniture Co, New Castle")),
            (r#""business_name":"Something Else","phone":"+1 724 555 0123""#, Some("Haney Furniture Co, New Castle")),
            (r#""business_name":"Something Else","domain":"www.zoe.example""#, Some("Café Zoë LLC, Tampa")),
            (r#""business_name":"Unheard Of""#, None),
            (r#""business_name":"\" OR name:* NEAR(""#, None),
            (r#""business_name":"!!!""#, None),
        ] {
            assert_eq!(first(fields).await.as_deref(), wanted, "{fields}");
        }
    }

    #[tokio::test]
    async fn no_index_is_said_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let asked = WebsearchPayload::parse(r#"{"business_name":"Acme"}"#).unwrap();
        assert_eq!(directory(&dir).find(asked, 3).await, Err("no directory has been imported".to_owned()));
    }

    #[tokio::test]
    async fn a_running_server_sees_a_new_import() {
        let dir = tempfile::tempdir().unwrap();
        import(CSV.as_bytes(), dir.path(), false).unwrap();
        let directory = directory(&dir);
        assert_eq!(names(&directory, r#""business_name":"Brand New Bakery""#).await, Vec::<String>::new());
        import("name,city\nBrand New Bakery,Ocala\n".as_bytes(), dir.path(), false).unwrap();
        assert_eq!(names(&directory, r#""business_name":"Brand New Bakery""#).await, ["Brand New Bakery, Ocala"]);
        assert_eq!(names(&directory, r#""business_name":"Haney Furniture""#).await.len(), 1, "what was there before stays");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_ask_at_once_while_imports_replace_the_file() {
        let dir = tempfile::tempdir().unwrap();
        import(CSV.as_bytes(), dir.path(), false).unwrap();
        let directory = directory(&dir);
        let asking: Vec<_> = (0..40)
            .map(|_| {
                let directory = directory.clone();
                tokio::spawn(async move { names(&directory, r#""business_name":"Haney Furniture""#).await.len() })
            })
            .collect();
        for _ in 0..5 {
            let path = dir.path().to_owned();
            tokio::task::spawn_blocking(move || import(CSV.as_bytes(), &path, false).unwrap()).await.unwrap();
        }
        for one in asking {
            assert_eq!(one.await.unwrap(), 1);
        }
    }
}
