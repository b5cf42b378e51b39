//! The way to Redis: one server, or a cluster; and calls that are repeated until they are answered.

use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, ServerErrorKind, Value};
use tokio::time::Instant;

use super::reply::{Verdict, unavailable, verdict};
use super::scripts::Script;
use crate::store::Error;

/// A connection that could not be made by then is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A call without an answer is repeated after this.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// For so long a call is repeated. Shorter than a ledger's own patience, which then loads the shard again.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before the first repeat; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Calls under way on one connection; more wait.
const IN_FLIGHT_MAX: usize = 4_096;

/// Where the store is.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `redis://` or `rediss://` with a host, and what else such a URL may have: user, password, port, number of a database.
    pub url: String,
    /// It names one node of a cluster.
    pub is_cluster: bool,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Address {
    /// As it may be shown: users and passwords are nobody's business.
    pub fn shown(&self) -> String {
        match url::Url::parse(&self.url) {
            Ok(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let cluster = if self.is_cluster { "-cluster" } else { "" };
                format!("{}{cluster}://{}{port}{}", url.scheme(), url.host_str().unwrap_or("?"), url.path().trim_end_matches('/'))
            }
            Err(_) => "Redis".to_owned(),
        }
    }
}

/// Cheap to clone; all clones share their sockets.
#[derive(Clone)]
pub(super) struct Connection {
    line: Line,
    is_cluster: bool,
}

#[derive(Clone)]
enum Line {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("is_cluster", &self.is_cluster).finish_non_exhaustive()
    }
}

impl Connection {
    /// Makes the first connection.
    pub(super) async fn open(address: &Address) -> Result<Self, RedisError> {
        let line = if address.is_cluster {
            let client = ClusterClientBuilder::new([address.url.as_str()])
                .connection_timeout(CONNECT_TIMEOUT)
                .response_timeout(RESPONSE_TIMEOUT)
                .connection_concurrency_limit(IN_FLIGHT_MAX)
                .build()?;
            // It may wait without end where no node answers.
            let made = tokio::time::timeout(CONNECT_TIMEOUT.saturating_mul(2), client.get_async_connection()).await;
            Line::Cluster(made.map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))??)
        } else {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(Some(RESPONSE_TIMEOUT))
                .set_min_delay(PAUSE)
                .set_max_delay(PAUSE_MAX)
                .set_concurrency_limit(IN_FLIGHT_MAX);
            Line::Single(ConnectionManager::new_with_config(redis::Client::open(address.url.as_str())?, config).await?)
        };
        Ok(Self { line, is_cluster: address.is_cluster })
    }

    /// Asks once.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        // A cluster's connection has a limit for each node; beyond it stands ours, since a call may wait for a new map of the nodes.
        let answer = tokio::time::timeout(RESPONSE_TIMEOUT.saturating_mul(2), command.query_async(&mut self.clone())).await;
        answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// Asks all at one moment where there is one server; on a cluster one after the other.
    pub(super) async fn ask_together<T: FromRedisValue>(&self, commands: &[Cmd]) -> Result<Vec<T>, Error> {
        if self.is_cluster {
            let mut answers = Vec::with_capacity(commands.len());
            for command in commands {
                answers.push(self.call(command).await?);
            }
            return Ok(answers);
        }
        let mut together = redis::pipe();
        together.atomic();
        for command in commands {
            together.add_command(command.clone());
        }
        together.query_async(&mut self.clone()).await.map_err(|error| unavailable(&error))
    }

    /// Asks the one server, or each primary of a cluster; answers stand under the server's name.
    pub(super) async fn ask_primaries(&self, command: &Cmd) -> Result<Vec<(String, Value)>, RedisError> {
        let answer = match &self.line {
            Line::Single(_) => self.ask(command).await?,
            Line::Cluster(line) => {
                let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                line.clone().route_command(command.clone(), all).await?
            }
        };
        super::boot::by_server(answer)
    }

    /// Asks until there is an answer, or until patience ends. Whatever comes here may be done twice (RS8).
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.repeat(command, None).await.map_err(|error| unavailable(&error))
    }

    /// As [`Self::call`]; the script is sent along where the server doesn't have it (any more).
    pub(super) async fn run<T: FromRedisValue>(&self, script: &Script, command: &Cmd) -> Result<T, Error> {
        self.repeat(command, Some(script)).await.map_err(|error| unavailable(&error))
    }

    async fn repeat<T: FromRedisValue>(&self, command: &Cmd, script: Option<&Script>) -> Result<T, RedisError> {
        let (patience, mut pause) = (Instant::now() + PATIENCE, PAUSE);
        loop {
            let error = match (self.ask(command).await, script) {
                (Ok(answer), _) => return Ok(answer),
                (Err(error), Some(script)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    // A pause follows all the same, so that a server that forgets at once gets no busy loop.
                    self.ask::<String>(&script.load()).await.err().unwrap_or(error)
                }
                (Err(error), _) => error,
            };
            if verdict(&error) != Verdict::Later || Instant::now() + pause >= patience {
                return Err(error);
            }
            super::meters::repeated();
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.line {
            Line::Single(line) => line.req_packed_command(command),
            Line::Cluster(line) => line.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(&'a mut self, pipeline: &'a Pipeline, offset: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.line {
            Line::Single(line) => line.req_packed_commands(pipeline, offset, count),
            Line::Cluster(line) => line.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.line {
            Line::Single(line) => line.get_db(),
            Line::Cluster(line) => line.get_db(),
        }
    }
}
