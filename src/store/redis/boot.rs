//! The start: whether this server can be trusted with money, and whether the store in it is the one that is known.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use redis::Value;

use super::connection::{Address, Connection};
use super::place;
use super::scripts::CREATE;
use crate::store::{Error, Layout, Peer, SCHEMA};
use crate::types::ShardId;

/// The oldest version whose streams can be trimmed by number.
const OLDEST: (u32, u32) = (6, 2);

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// Number of shards of a store that is made now.
    pub shards: u16,
    /// Only with `appendfsync always`.
    pub require_always: bool,
    /// The store that this node has used: another one, or an emptied one, is refused (safety.md F-R7).
    pub known: Option<String>,
    /// This node.
    pub node: Peer,
    /// How long its leases run.
    pub lease: Duration,
    /// Where it keeps what it had acknowledged of late.
    pub tail: Option<PathBuf>,
}

/// What an operator should know and may leave as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice(pub String);

/// Connects, checks, and makes the store where there is none.
pub(super) async fn open(settings: &Settings, drawn: &str) -> Result<(Connection, Layout, String), Error> {
    let connection = connect(settings).await?;
    let (layout, id) = recognise(&connection, settings, drawn, &settings.address.shown()).await?;
    Ok((connection, layout, id))
}

/// Connects to a server that can be trusted with a store.
pub(super) async fn connect(settings: &Settings) -> Result<Connection, Error> {
    let place = settings.address.shown();
    let fails = |message: String| Error::Open { path: place.clone(), message };
    let connection = Connection::open(&settings.address).await.map_err(|error| fails(error.to_string()))?;
    for (server, facts) in servers(&connection).await.map_err(|error| fails(error.to_string()))? {
        let advice = judge(&facts, settings).map_err(|message| fails(format!("{server}: {message}")))?;
        for Advice(advice) in advice {
            tracing::warn!(server, advice, "Redis is set up in a way that may lose what was acknowledged");
        }
    }
    Ok(connection)
}

/// Connects to a store that is there and whole.
pub(super) async fn open_existing(address: &Address) -> Result<(Connection, Layout, String), Error> {
    let opened = open_any(address).await?;
    if facts(&opened.0).await?.contains_key("filling") {
        return Err(Error::Open { path: address.shown(), message: UNFINISHED.to_owned() });
    }
    Ok(opened)
}

/// Also to one that isn't whole.
pub(super) async fn open_any(address: &Address) -> Result<(Connection, Layout, String), Error> {
    let fails = |message: String| Error::Open { path: address.shown(), message };
    let connection = Connection::open(address).await.map_err(|error| fails(error.to_string()))?;
    let facts = facts(&connection).await?;
    if !facts.contains_key("ready") && !facts.contains_key("filling") {
        return Err(fails("there is no store in it".to_owned()));
    }
    let (layout, id) = read(&facts)?;
    Ok((connection, layout, id))
}

/// Why a store is refused that is still being copied.
pub(super) const UNFINISHED: &str = "a copy into it was cut off, or still runs; run that again, it begins anew";

/// Why a store is refused that lies elsewhere. The same books served twice would be paid twice.
pub(super) fn moved(place: &str) -> String {
    format!("it was moved to {place}, or a move there was cut off and has to be run again")
}

pub(super) async fn facts(connection: &Connection) -> Result<Facts, Error> {
    let mut read = redis::cmd("HGETALL");
    read.arg(place::STORE);
    connection.call(&read).await
}

fn read(facts: &Facts) -> Result<(Layout, String), Error> {
    let fact = |name: &str| facts.get(name).cloned().unwrap_or_default();
    let (schema, shards, id) = (number(&fact("schema"))?, number(&fact("shards"))?, fact("id"));
    if schema > SCHEMA {
        return Err(Error::Schema { found: schema, known: SCHEMA });
    }
    let shards = u16::try_from(shards).map_err(|_| Error::Corrupt(format!("{shards} shards are too many")))?;
    Ok((Layout { shards, schema }, id))
}

/// What servers say of themselves, by name.
pub(super) type Facts = BTreeMap<String, String>;

/// Each server that takes writes, with what it says.
async fn servers(connection: &Connection) -> Result<Vec<(String, Facts)>, redis::RedisError> {
    let mut servers = BTreeMap::<String, Facts>::new();
    for section in ["server", "persistence", "replication", "memory", "cluster"] {
        let mut command = redis::cmd("INFO");
        command.arg(section);
        for (server, text) in connection.ask_primaries(&command).await? {
            let text: String = redis::from_redis_value(text)?;
            servers.entry(server).or_default().extend(pairs(&text));
        }
    }
    // Some providers forbid it; what INFO says is then all there is.
    for name in ["appendonly", "appendfsync", "min-replicas-to-write", "maxmemory-policy"] {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        let Ok(answers) = connection.ask_primaries(&command).await else { continue };
        for (server, value) in answers {
            let value: BTreeMap<String, String> = redis::from_redis_value(value)?;
            servers.entry(server).or_default().extend(value);
        }
    }
    Ok(servers.into_iter().collect())
}

fn pairs(info: &str) -> impl Iterator<Item = (String, String)> {
    info.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
}

/// Refuses a server that would lose money by design, and says what to change.
fn judge(facts: &Facts, settings: &Settings) -> Result<Vec<Advice>, String> {
    let fact = |name: &str| facts.get(name).map_or("", String::as_str);
    let mut advice = Vec::new();
    let version = fact("redis_version");
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        return Err(format!("it is version {version}; use {}.{} or later", OLDEST.0, OLDEST.1));
    }
    if fact("cluster_enabled") == "1" && !settings.address.is_cluster {
        return Err("it is a node of a cluster; write redis-cluster:// in ENRICH_STORE".to_owned());
    }
    if fact("cluster_enabled") == "0" && settings.address.is_cluster {
        return Err("it is no node of a cluster; write redis:// in ENRICH_STORE".to_owned());
    }
    if fact("role") == "slave" {
        return Err("it is a replica; name the primary in ENRICH_STORE".to_owned());
    }
    if fact("aof_enabled") == "0" {
        return Err("it keeps no append-only file, so a restart loses jobs and money; set `appendonly yes`".to_owned());
    }
    match (fact("appendfsync"), settings.require_always) {
        ("no", _) => return Err("it leaves writing to the system; set `appendfsync always` (or `everysec`)".to_owned()),
        ("everysec", true) => {
            return Err("it writes once a second, and REDIS_REQUIRE_AOF=always asks for more; set `appendfsync always`".to_owned());
        }
        ("", true) => {
            return Err("it doesn't tell its appendfsync, which REDIS_REQUIRE_AOF=always needs to know; allow CONFIG GET".to_owned());
        }
        ("everysec", false) => {
            advice.push(Advice("appendfsync is everysec: a power cut loses up to two seconds of acknowledged jobs".to_owned()));
        }
        _ => {}
    }
    let policy = [fact("maxmemory-policy"), fact("maxmemory_policy")].into_iter().find(|policy| !policy.is_empty()).unwrap_or_default();
    if !["noeviction", ""].contains(&policy) {
        return Err(format!("it drops keys when its memory is full (maxmemory-policy {policy}); set `maxmemory-policy noeviction`"));
    }
    if fact("connected_slaves").parse::<u32>().unwrap_or(0) > 0 && fact("min-replicas-to-write") == "0" {
        advice.push(Advice(
            "it has replicas, and takes writes without them: a failover loses what they didn't get; set `min-replicas-to-write 1`"
                .to_owned(),
        ));
    }
    Ok(advice)
}

/// Reads which store this is, or makes it. Two nodes that make it at once make the same one.
async fn recognise(connection: &Connection, settings: &Settings, drawn: &str, path: &str) -> Result<(Layout, String), Error> {
    let fails = |message: String| Error::Open { path: path.to_owned(), message };
    let mut facts = self::facts(connection).await?;
    if facts.contains_key("filling") {
        return Err(fails(UNFINISHED.to_owned()));
    }
    if let Some(place) = facts.get("moved") {
        return Err(fails(moved(place)));
    }
    if facts.is_empty()
        && let Some(known) = &settings.known
    {
        return Err(fails(format!(
            "store {known} is gone: the database was emptied, or is another one. Bring it back, or remove the file that remembers it to begin anew"
        )));
    }
    if !facts.contains_key("ready") {
        for (name, value) in [("id", drawn), ("shards", &settings.shards.to_string()), ("schema", &SCHEMA.to_string())] {
            let mut set = redis::cmd("HSETNX");
            set.arg(place::STORE).arg(name).arg(value);
            connection.call::<u8>(&set).await?;
        }
        facts = self::facts(connection).await?;
    }
    let (layout, id) = read(&facts)?;
    if let Some(known) = settings.known.as_ref().filter(|known| **known != id) {
        return Err(fails(format!("it holds store {id}, and this node has used store {known}; name the right one in ENRICH_STORE")));
    }
    if !facts.contains_key("ready") {
        for shard in (0..layout.shards).map(ShardId) {
            let mut create = CREATE.call(&[place::head(shard)]);
            create.arg(&id);
            let said: Vec<String> = connection.run(&CREATE, &create).await?;
            if said.first().map(String::as_str) != Some("OK") {
                return Err(fails(format!("shard {} belongs to another store; give this one a database of its own", shard.0)));
            }
        }
        let mut set = redis::cmd("HSET");
        set.arg(place::STORE).arg("ready").arg(1);
        connection.call::<u32>(&set).await?;
    }
    Ok((layout, id))
}

fn number(text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| Error::Corrupt(format!("{text:?} describes no store")))
}

/// Answers of several servers, each under its name.
pub(super) fn by_server(answer: Value) -> Result<Vec<(String, Value)>, redis::RedisError> {
    let Value::Map(answers) = answer else { return Ok(vec![("the server".to_owned(), answer)]) };
    answers.into_iter().map(|(server, value)| Ok((redis::from_redis_value(server)?, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NodeId;

    const GOOD: [(&str, &str); 6] = [
        ("redis_version", "7.0.15"),
        ("role", "master"),
        ("aof_enabled", "1"),
        ("appendfsync", "always"),
        ("maxmemory-policy", "noeviction"),
        ("cluster_enabled", "0"),
    ];

    fn settings(require_always: bool) -> Settings {
        let address = Address { url: "redis://127.0.0.1".to_owned(), is_cluster: false };
        let node = Peer { id: NodeId("one".to_owned()), url: String::new() };
        Settings { address, shards: 4, require_always, known: None, node, lease: Duration::from_secs(5), tail: None }
    }

    fn judged(changed: &[(&str, &str)], require_always: bool) -> Result<Vec<Advice>, String> {
        let facts = GOOD.iter().chain(changed).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        judge(&facts, &settings(require_always))
    }

    /// F-R7: each refusal says what to change.
    #[test]
    fn f_r7_what_loses_money_by_design_is_refused() {
        assert_eq!(judged(&[], true), Ok(vec![]));
        for (changed, says) in [
            (("redis_version", "6.0.16"), "use 6.2 or later"),
            (("role", "slave"), "name the primary"),
            (("aof_enabled", "0"), "appendonly yes"),
            (("appendfsync", "no"), "appendfsync always"),
            (("maxmemory-policy", "allkeys-lru"), "noeviction"),
            (("cluster_enabled", "1"), "redis-cluster://"),
        ] {
            let error = judged(&[changed], false).unwrap_err();
            assert!(error.contains(says), "{changed:?}: {error}");
        }
        assert!(judged(&[("appendfsync", "everysec")], true).unwrap_err().contains("REDIS_REQUIRE_AOF"));
        assert_eq!(judged(&[("appendfsync", "everysec")], false).unwrap().len(), 1);
        assert_eq!(judged(&[("connected_slaves", "1"), ("min-replicas-to-write", "0")], false).unwrap().len(), 1);
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let shown = |url: &str, is_cluster| Address { url: url.to_owned(), is_cluster }.shown();
        assert_eq!(shown("rediss://user:secret@redis.example:6380/3", false), "rediss://redis.example:6380/3");
        assert_eq!(shown("redis://:secret@redis.example", true), "redis-cluster://redis.example");
        assert_eq!(shown("no address", false), "Redis");
    }
}
