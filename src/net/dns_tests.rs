//! Against a name server on loopback that answers badly on purpose. Nothing it names is ever connected to.

use std::sync::Mutex;

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, SOA};
use hickory_resolver::proto::rr::{Record, RecordData};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A name server; it ends with the value.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    async fn start() -> Self {
        // The same number for both; another test may have taken the TCP one.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&asked);
        let over_udp = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
                if let Some(answer) = answer(&buffer[..length], false, &heard) {
                    udp.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        let heard = Arc::clone(&asked);
        let over_tcp = tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let heard = Arc::clone(&heard);
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut query = vec![0; usize::from(length)];
                        if stream.read_exact(&mut query).await.is_err() {
                            return;
                        }
                        let Some(answer) = answer(&query, true, &heard) else { continue };
                        let length = u16::try_from(answer.len()).unwrap();
                        if stream.write_u16(length).await.is_err() || stream.write_all(&answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, asked, tasks: vec![over_udp, over_tcp] }
    }

    fn resolver(&self, timeout: Duration) -> MailResolver {
        MailResolver::new(NameServers::At(self.address), timeout).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn answer(query: &[u8], over_tcp: bool, heard: &Mutex<Vec<String>>) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).unwrap();
    let question = query.queries[0].clone();
    let (asked, kind) = (question.name().to_ascii().to_lowercase(), question.query_type());
    heard.lock().unwrap().push(format!("{kind} {asked}{}", if over_tcp { " tcp" } else { "" }));
    let mut message = Message::response(query.metadata.id, OpCode::Query);
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_query(question.clone());
    let mut add = |data: RData| {
        message.add_answer(Record::from_rdata(question.name().clone(), 60, data));
    };
    let mx = |preference, host: &str| MX::new(preference, name(host)).into_rdata();
    match (asked.as_str(), kind) {
        ("two.example.", RecordType::MX) => {
            add(mx(20, "mx2.two.example."));
            add(mx(10, "mx1.two.example."));
            add(mx(30, "MX1.two.example."));
        }
        ("null.example.", RecordType::MX) => add(mx(0, ".")),
        ("local.example.", RecordType::MX) => {
            add(mx(10, "localhost."));
            add(mx(20, "127.0.0.1."));
            add(mx(30, "mail.internal."));
        }
        ("address.example.", RecordType::A) => add(A::new(8, 8, 8, 8).into_rdata()),
        ("private.example.", RecordType::A) => add(A::new(10, 0, 0, 1).into_rdata()),
        ("alias.example.", RecordType::MX) => {
            add(RData::CNAME(CNAME(name("two.example."))));
            message.add_answer(Record::from_rdata(name("two.example."), 60, mx(10, "mx1.two.example.")));
        }
        ("loop.example.", _) => add(RData::CNAME(CNAME(name("loop.example.")))),
        ("gone.example.", _) => {
            message.metadata.response_code = ResponseCode::NXDomain;
            let soa = SOA::new(name("ns.example."), name("admin.example."), 1, 60, 60, 60, 60);
            message.add_authority(Record::from_rdata(name("example."), 60, soa.into_rdata()));
        }
        ("broken.example.", _) | ("late.example.", RecordType::A | RecordType::AAAA) => {
            message.metadata.response_code = ResponseCode::ServFail;
        }
        ("refused.example.", _) => message.metadata.response_code = ResponseCode::Refused,
        ("silent.example.", _) => return None,
        ("garbage.example.", _) => return Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("half.example.", _) => {
            add(mx(10, "mx1.half.example."));
            let mut bytes = message.to_vec().unwrap();
            bytes.truncate(bytes.len() - 6);
            return Some(bytes);
        }
        ("big.example.", RecordType::MX) if !over_tcp => message.metadata.truncation = true,
        ("big.example.", RecordType::MX) => (0..900).for_each(|number| add(mx(number, &format!("mx{number}.big.example.")))),
        // Somebody else's answer under the right number.
        ("foreign.example.", _) => {
            message.queries.clear();
            message.add_query(hickory_resolver::proto::op::Query::query(name("evil.example."), RecordType::MX));
            message.add_answer(Record::from_rdata(name("evil.example."), 60, mx(10, "mx.evil.example.")));
        }
        _ => {}
    }
    Some(message.to_vec().unwrap())
}

#[tokio::test]
async fn where_mail_goes() {
    let server = Server::start().await;
    let resolver = server.resolver(5 * SECOND);
    let hosts = |hosts: &[&str]| MailRoute::Hosts(hosts.iter().map(|host| (*host).to_owned()).collect());
    for (domain, wanted) in [
        ("two.example", hosts(&["mx1.two.example", "mx2.two.example"])),
        ("Two.Example.", hosts(&["mx1.two.example", "mx2.two.example"])),
        ("alias.example", hosts(&["mx1.two.example"])),
        ("null.example", MailRoute::Refused),
        ("local.example", MailRoute::Refused),
        ("address.example", MailRoute::Itself),
        ("private.example", MailRoute::NoHost),
        ("empty.example", MailRoute::NoHost),
        ("gone.example", MailRoute::NoDomain),
    ] {
        let found = resolver.mail_route(domain).await;
        assert_eq!(found.as_ref().ok(), Some(&wanted), "{domain}: {found:?}");
        assert_eq!(wanted.takes_mail(), matches!(wanted, MailRoute::Hosts(_) | MailRoute::Itself));
    }
}

/// An answer is kept as long as it says; names that differ by case or a dot are one.
#[tokio::test]
async fn an_answer_is_remembered() {
    let server = Server::start().await;
    let resolver = server.resolver(5 * SECOND);
    for domain in ["two.example", "TWO.example", "two.example.", "gone.example", "gone.example"] {
        resolver.mail_route(domain).await.unwrap();
    }
    assert_eq!(server.asked(), ["MX two.example.", "MX gone.example."]);
}

/// T-30: what only means something inside is never asked for, and search domains are never tried.
#[tokio::test]
async fn t30_local_names_are_not_asked_for() {
    let server = Server::start().await;
    let resolver = server.resolver(5 * SECOND);
    for domain in ["localhost", "printer.local", "db.internal", "redis", "10.0.0.1", "[::1]", "", "a..b", "8.8.8.8", "x.y z"] {
        let found = resolver.mail_route(domain).await;
        assert!(matches!(found, Err(DnsError::NotPublic)), "{domain}: {found:?}");
    }
    assert_eq!(server.asked(), Vec::<String>::new());
}

/// F-V1: a silent server costs the time-out and no more, over UDP and TCP together.
#[tokio::test]
async fn fv1_a_silent_server_is_given_up_in_time() {
    let server = Server::start().await;
    let started = tokio::time::Instant::now();
    let found = server.resolver(SECOND / 2).mail_route("silent.example").await;
    assert!(matches!(found, Err(DnsError::TimedOut)), "{found:?}");
    assert!(started.elapsed() < 3 * SECOND, "{:?}", started.elapsed());
    assert!(!server.asked().is_empty());
}

/// F-V2: what can't be read, and "I can't", are failures, never an answer about the domain.
#[tokio::test]
async fn fv2_failures_are_no_answers() {
    let server = Server::start().await;
    let resolver = server.resolver(SECOND);
    for domain in ["garbage.example", "half.example", "foreign.example", "broken.example", "refused.example", "late.example"] {
        let found = resolver.mail_route(domain).await;
        assert!(matches!(found, Err(DnsError::TimedOut | DnsError::Failed(_))), "{domain}: {found:?}");
    }
    // A name that is its own alias ends, whatever is made of it.
    let started = tokio::time::Instant::now();
    let found = resolver.mail_route("loop.example").await;
    assert!(!matches!(found, Ok(MailRoute::Hosts(_) | MailRoute::Itself)) && started.elapsed() < 3 * SECOND, "{found:?}");
}

/// F-V2: what doesn't fit into a datagram is asked for again over TCP, and of many hosts a few are kept.
#[tokio::test]
async fn fv2_a_truncated_answer_is_asked_for_over_tcp() {
    let server = Server::start().await;
    let MailRoute::Hosts(hosts) = server.resolver(5 * SECOND).mail_route("big.example").await.unwrap() else { panic!() };
    assert_eq!((hosts.len(), hosts[0].as_str(), hosts[9].as_str()), (10, "mx0.big.example", "mx9.big.example"));
    assert_eq!(server.asked(), ["MX big.example.", "MX big.example. tcp"]);
}

#[tokio::test]
async fn nobody_listens() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let found = MailResolver::new(NameServers::At(address), SECOND).unwrap().mail_route("two.example").await;
    assert!(matches!(found, Err(DnsError::TimedOut | DnsError::Failed(_))), "{found:?}");
}
