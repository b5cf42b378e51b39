//! What the accept loop and the bodies bear, by bytes that no client library would send. A router of one route is enough.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::post;
use enrich_jobs::http::problem::Problem;
use enrich_jobs::http::{self, Limits, body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::server::raw;

async fn echo(request: Request) -> Result<String, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = body::read_json(&parts.headers, body).await?;
    Ok(body::text(&bytes)?.to_owned())
}

async fn serve(limits: Limits) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, cancel) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(http::serve(listener, Router::new().route("/", post(echo)), limits, cancel.clone()));
    (address, cancel)
}

fn quick() -> Limits {
    Limits { head_time: Duration::from_millis(300), ..Limits::default() }
}

fn request(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// How long until the other end closes, having been sent `bytes` and then nothing.
async fn closes_after(address: SocketAddr, bytes: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let began = Instant::now();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut rest)).await.expect("it is closed").ok();
    began.elapsed()
}

/// T-40: nothing, a part of a preface, a part of a head, and an idle connection are all closed.
#[tokio::test(flavor = "multi_thread")]
async fn t40_slow_heads_are_closed() {
    let (address, _cancel) = serve(quick()).await;
    let whole = [b"POST / HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".as_slice()].concat();
    for bytes in [b"".as_slice(), b"PRI * HTTP/2", b"POST / HTTP/1.1\r\nHost: server\r\nX-Slow: a", &whole] {
        let took = closes_after(address, bytes).await;
        assert!(took < Duration::from_secs(3), "{:?} was open for {took:?}", String::from_utf8_lossy(bytes));
    }
}

/// T-40: a body that never comes is given up, with words.
#[tokio::test(flavor = "multi_thread")]
async fn t40_slow_bodies_are_given_up() {
    let (address, _cancel) = serve(Limits::default()).await;
    let head = b"POST / HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":";
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head).await.unwrap();
    let mut answer = [0; 12];
    let began = Instant::now();
    tokio::time::timeout(Duration::from_secs(15), stream.read_exact(&mut answer)).await.expect("it is answered").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(began.elapsed() > Duration::from_secs(9));
}

/// T-41
#[tokio::test(flavor = "multi_thread")]
async fn t41_large_heads_and_bodies_are_refused() {
    let (address, _cancel) = serve(Limits::default()).await;
    let status = async |bytes: Vec<u8>| raw(address, &bytes).await.status;
    let long_header = format!("X-Long: {}\r\n", "a".repeat(40_000));
    assert_eq!(status(request(&long_header, b"{}")).await, 431);
    let many = "X-Many: a\r\n".repeat(200);
    assert_eq!(status(request(&many, b"{}")).await, 431);
    assert_eq!(status(request(&format!("X-Long: {}\r\n", "a".repeat(20_000)), b"{}")).await, 200);
    let text = |len: usize| format!("\"{}\"", "a".repeat(len - 2)).into_bytes();
    assert_eq!(status(request("", &text(65_536))).await, 200);
    assert_eq!(status(request("", &text(65_537))).await, 413);
    // Nobody said how much would come.
    let mut chunked =
        b"POST / HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..10 {
        chunked.extend_from_slice(format!("2710\r\n{}\r\n", "1".repeat(10_000)).as_bytes());
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(status(chunked).await, 413);
}

/// T-41, N4
#[tokio::test(flavor = "multi_thread")]
async fn t41_odd_bodies_are_400() {
    let (address, _cancel) = serve(Limits::default()).await;
    let status = async |body: &[u8]| raw(address, &request("", body)).await.status;
    assert_eq!(status(format!("{}{}", "[".repeat(32), "]".repeat(32)).as_bytes()).await, 200);
    assert_eq!(status(format!("{}{}", "[".repeat(33), "]".repeat(33)).as_bytes()).await, 400);
    assert_eq!(status("[".repeat(60_000).as_bytes()).await, 400);
    assert_eq!(status(b"{\"a\":\"\xff\"}").await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_a_pipeline_are_answered_in_order() {
    let (address, _cancel) = serve(Limits::default()).await;
    let one = |body: &str, last: &str| {
        format!("POST / HTTP/1.1\r\nHost: server\r\n{last}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let three = [one("\"first\"", ""), one("\"second\"", ""), one("\"third\"", "Connection: close\r\n")].concat();
    let answer = raw(address, three.as_bytes()).await.text;
    let places = ["first", "second", "third"].map(|word| answer.find(word).unwrap_or_else(|| panic!("no {word}: {answer}")));
    assert!(places.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_connections_wait_for_a_place() {
    let (address, _cancel) = serve(Limits { connections_max: 2, ..quick() }).await;
    let holders = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    let answer = raw(address, &request("", b"{}")).await;
    assert_eq!(answer.status, 200);
    assert!(began.elapsed() > Duration::from_millis(150), "answered before a place was free");
    drop(holders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_requests_finish_and_closes_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, cancel) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving = tokio::spawn(http::serve(listener, Router::new().route("/", post(echo)), Limits::default(), cancel.clone()));
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"POST / HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n\"la").await.unwrap();
    let idle = tokio::spawn(async move { closes_after(address, b"").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    cancel.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is accepted");
    busy.write_all(b"te\"").await.unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"late\""), "{answer}");
    tokio::time::timeout(Duration::from_secs(8), serving).await.expect("it ends").unwrap();
    idle.await.unwrap();
}

/// It was closed, whatever was sent first, where the time to finish is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_does_not_wait_for_ever() {
    let (address, cancel) = serve(Limits { drain_time: Duration::from_millis(200), ..Limits::default() }).await;
    let head = b"POST / HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{".as_slice();
    let closing = tokio::spawn(async move { closes_after(address, head).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    cancel.cancel();
    assert!(closing.await.unwrap() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_with_the_same_limits() {
    let (address, _cancel) = serve(Limits::default()).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let post = |body: String| client.post(format!("http://{address}/")).header("content-type", "application/json").body(body);
    let answer = post("\"two\"".to_owned()).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    assert_eq!(answer.text().await.unwrap(), "\"two\"");
    assert_eq!(post(format!("\"{}\"", "a".repeat(70_000))).send().await.unwrap().status().as_u16(), 413);
    // More at a time than streams are allowed: they wait for one another, and none is lost.
    let all = futures_util::future::join_all((0..200).map(|_| post("1".to_owned()).send())).await;
    assert!(all.into_iter().all(|answer| answer.unwrap().status() == 200));
    let long = post("1".to_owned()).header("x-long", "a".repeat(40_000)).send().await;
    assert!(long.map_or(true, |answer| answer.status() == 431), "a long head is refused");
}
