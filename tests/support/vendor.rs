//! Websites on loopback, as good or as bad as a test wants them, and a directory of businesses that leads to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use enrich_jobs::cli::samples;
use enrich_jobs::enrich::vendors::directory::{ImportError, import};
use tokio::sync::watch;

/// What the websites do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Fine,
    /// Answers after so long.
    Slow(Duration),
    /// HTML by its header, noise by its bytes.
    Garbage,
    /// A page of a gigabyte.
    Endless,
    /// Promises more than it sends, then hangs up.
    CutShort,
}

struct Inner {
    mood: Mutex<Mood>,
    /// Each page that was asked for, and how often.
    requests: Mutex<BTreeMap<String, u32>>,
    /// Pages below this path wait until it is lifted.
    held: watch::Sender<bool>,
}

/// All the websites there are.
pub struct Vendor {
    address: SocketAddr,
    inner: Arc<Inner>,
}

/// How pages begin that are held back until [`Vendor::let_go`].
const HELD: &str = "/held-";
/// Businesses beside those of the sample, each with a page of its own.
const TOWNS: [(&str, &str, &str); 8] = [
    ("Tampa", "FL", "33602"),
    ("Erie", "PA", "16501"),
    ("Dayton", "OH", "45402"),
    ("Boise", "ID", "83702"),
    ("Salem", "OR", "97301"),
    ("Duluth", "MN", "55802"),
    ("Tucson", "AZ", "85701"),
    ("Austin", "TX", "78701"),
];

/// One of the businesses that [`Vendor::directory`] adds.
#[derive(Debug, Clone)]
pub struct Business {
    pub name: String,
    pub street: String,
    pub town: (&'static str, &'static str, &'static str),
    /// Below the websites.
    pub path: String,
}

impl Business {
    /// Number `number`; with a page that is held back, if told so.
    pub fn numbered(number: usize, is_held: bool) -> Self {
        // Letters, so that no two names are alike.
        let letters: String = format!("{number:04}")
            .chars()
            .map(|digit| ["ka", "lo", "mi", "nu", "pe", "ra", "so", "ti", "vu", "ze"][digit as usize - 48])
            .collect();
        let town = TOWNS[number % TOWNS.len()];
        let path = if is_held { format!("{HELD}{letters}/") } else { format!("/{letters}/") };
        Self { name: format!("{letters} Works"), street: format!("{} Main St", number + 1), town, path }
    }

    /// The payload that asks for it.
    pub fn payload(&self) -> serde_json::Value {
        let (city, state, zip) = self.town;
        serde_json::json!({"business_name": self.name, "street": self.street, "city": city, "state": state, "zip": zip})
    }

    fn page(&self) -> String {
        let (city, state, zip) = self.town;
        let (name, street) = (&self.name, &self.street);
        format!(
            r#"<!doctype html><title>{name}</title><h1>{name}</h1><script type="application/ld+json">{{"@context":"https://schema.org",
            "@type":"LocalBusiness","name":"{name}","telephone":"(813) 555-0142","address":{{"@type":"PostalAddress",
            "streetAddress":"{street}","addressLocality":"{city}","addressRegion":"{state}","postalCode":"{zip}"}}}}</script>"#
        )
    }
}

impl Vendor {
    pub async fn start() -> Self {
        let (held, _) = watch::channel(true);
        let inner = Arc::new(Inner { mood: Mutex::new(Mood::Fine), requests: Mutex::default(), held });
        let app = axum::Router::new().fallback(serve).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, inner }
    }

    /// Websites that nobody serves: every connection is refused.
    pub async fn down() -> Self {
        let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let inner = Arc::new(Inner { mood: Mutex::new(Mood::Fine), requests: Mutex::default(), held: watch::channel(true).0 });
        Self { address, inner }
    }

    pub fn be(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// From now on no page is held back.
    pub fn let_go(&self) {
        self.inner.held.send_replace(false);
    }

    /// How often each page was asked for.
    pub fn requests(&self) -> BTreeMap<String, u32> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// Makes a directory of the sample and these businesses.
    pub fn directory(&self, folder: &Path, businesses: &[Business]) {
        let base = format!("http://{}", self.address);
        import_now(samples::directory_csv(&base).as_bytes(), folder);
        let mut csv = "name,street,city,state,zip,website\n".to_owned();
        for Business { name, street, town: (city, state, zip), path } in businesses {
            writeln!(csv, "{name},{street},{city},{state},{zip},{base}{path}").unwrap();
        }
        import_now(csv.as_bytes(), folder);
    }
}

/// A server that another test starts at this moment holds a copy of the lock of the import before, until it has become the server.
fn import_now(csv: &[u8], folder: &Path) {
    for _ in 0..200 {
        match import(csv, folder, true) {
            Err(ImportError::Busy) => std::thread::sleep(std::time::Duration::from_millis(10)),
            imported => {
                imported.unwrap();
                return;
            }
        }
    }
    panic!("the import stays locked");
}

async fn serve(State(inner): State<Arc<Inner>>, OriginalUri(uri): OriginalUri) -> Response {
    let path = uri.path();
    if path == "/robots.txt" {
        return StatusCode::NOT_FOUND.into_response();
    }
    *inner.requests.lock().unwrap().entry(path.to_owned()).or_default() += 1;
    if path.starts_with(HELD) {
        inner.held.subscribe().wait_for(|held| !held).await.unwrap();
    }
    let mood = *inner.mood.lock().unwrap();
    let html = (CONTENT_TYPE, "text/html; charset=utf-8");
    match mood {
        Mood::Slow(time) => {
            tokio::time::sleep(time).await;
            page(path)
        }
        Mood::Fine => page(path),
        Mood::Garbage => {
            let noise: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
            ([html], noise).into_response()
        }
        Mood::Endless => {
            let block = Bytes::from(vec![b'<'; 1 << 20]);
            ([html], blocks(vec![block; 1 << 10], false)).into_response()
        }
        Mood::CutShort => {
            ([html, (CONTENT_LENGTH, "100000")], blocks(vec![Bytes::from_static(b"<!doctype html><title>")], true)).into_response()
        }
    }
}

fn blocks(blocks: Vec<Bytes>, breaks_off: bool) -> Body {
    let end = breaks_off.then(|| Err(std::io::Error::other("hung up")));
    Body::from_stream(futures_util::stream::iter(blocks.into_iter().map(Ok).chain(end)))
}

fn page(path: &str) -> Response {
    let Some((host, rest)) = path.trim_start_matches('/').split_once('/') else { return StatusCode::NOT_FOUND.into_response() };
    if let Some((content_type, bytes)) = samples::page(host, &format!("/{rest}")) {
        return ([(CONTENT_TYPE, content_type)], bytes).into_response();
    }
    // Nothing but its name is in the path, and that is enough to find the number again.
    let letters = host.trim_start_matches("held-");
    let number = (0..10_000).map(|number| Business::numbered(number, false)).find(|known| known.path == format!("/{letters}/"));
    number.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |known| ([(CONTENT_TYPE, "text/html")], known.page()).into_response())
}
