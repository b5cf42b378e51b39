//! For tests: a server on loopback that answers badly on purpose, and a resolver that answers what it is told.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::{GuardSettings, GuardedClient, Lookup, Reach};

/// How a server answers every request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes, then the connection is closed.
    Text(String),
    /// These bytes, and the next request on the same connection is welcome.
    KeptOpen(String),
    /// Not at all.
    Hang,
    /// `head`, then `bytes` again and again with a pause between.
    Drip { head: &'static str, bytes: &'static str },
    /// `head`, then `bytes` as fast as they are taken.
    Flood { head: &'static str, bytes: &'static str },
}

impl Reply {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    async fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        match self {
            Self::Text(text) | Self::KeptOpen(text) => stream.write_all(text.as_bytes()).await,
            // Until the peer hangs up.
            Self::Hang => stream.read(&mut [0]).await.map(drop),
            Self::Drip { head, bytes } => {
                stream.write_all(head.as_bytes()).await?;
                let mut pause = tokio::time::interval(Duration::from_millis(20));
                loop {
                    pause.tick().await;
                    stream.write_all(bytes.as_bytes()).await?;
                }
            }
            Self::Flood { head, bytes } => {
                stream.write_all(head.as_bytes()).await?;
                let block = bytes.repeat(1000);
                loop {
                    stream.write_all(block.as_bytes()).await?;
                }
            }
        }
    }
}

/// A server on loopback. It ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    open: watch::Receiver<usize>,
}

struct State {
    reply: Reply,
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
    open: watch::Sender<usize>,
}

impl Server {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, open) = watch::channel(0);
        let state = Arc::new(State { reply, connections: AtomicUsize::new(0), requests: Mutex::new(Vec::new()), open: sender });
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                serving.open.send_modify(|open| *open += 1);
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, state, open }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Head and body of each request so far, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until so many connections are open.
    pub(crate) async fn opened(&self, connections: usize) {
        self.open.clone().wait_for(|open| *open >= connections).await.unwrap();
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_hung_up(&self) {
        self.open.clone().wait_for(|open| *open == 0).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(request) = read_request(&mut stream).await {
        state.requests.lock().unwrap().push(request);
        // A peer that hangs up is what many tests wait for.
        state.reply.write(&mut stream).await.ok();
        if !matches!(state.reply, Reply::KeptOpen(_)) {
            break;
        }
    }
    drop(stream);
    state.open.send_modify(|open| *open -= 1);
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|&read| read > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..read]).ok()?);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
    }
}

/// A resolver that gives the same answer to every name, and counts.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    addresses: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Answers {
    pub(crate) fn set(&self, addresses: &[&str]) {
        *self.addresses.lock().unwrap() = addresses.iter().map(|text| text.parse().unwrap()).collect();
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Lookup for Answers {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.addresses.lock().unwrap().clone())
    }
}

/// A place on loopback where nobody listens, nor can while the socket lives.
pub(crate) fn deaf() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A client that asks the system.
pub(crate) fn client(reach: Reach) -> GuardedClient {
    GuardedClient::new(settings(reach)).unwrap()
}

/// A client that is told `addresses` for every name.
pub(crate) fn lookup(reach: Reach, addresses: &[&str]) -> (Arc<Answers>, GuardedClient) {
    let answers = Arc::new(Answers::default());
    answers.set(addresses);
    let client = GuardedClient::with_lookup(settings(reach), Arc::clone(&answers) as Arc<dyn Lookup>).unwrap();
    (answers, client)
}

fn settings(reach: Reach) -> GuardSettings {
    GuardSettings { reach, own: Vec::new(), contact: "https://enrich.example".to_owned() }
}
