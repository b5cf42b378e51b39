//! Commands under an idempotency key: looked for among the rows first, since a look-up there must not block the ledger.

use super::api::{Error, IdempotencyKey};
use super::ledger::is_look_again;
use super::node::unread;
use super::shard::ShardHandle;
use crate::shard::history::key_row;
use crate::shard::{Command, KeyEntry, Made, Refusal, Reply, RequestKey, ScopedKey, Table, codec};

/// What came of a command that may carry an idempotency key.
pub(super) enum Keyed {
    /// It was carried out.
    Reply(Reply),
    /// The key made this before.
    Made(Made),
}

/// Sends a command that may carry a key.
pub(super) async fn keyed(
    shard: &ShardHandle,
    scope: &[u8],
    key: Option<&IdempotencyKey>,
    command: impl Fn(Option<RequestKey>) -> Command,
) -> Result<Keyed, Error> {
    match key {
        Some(key) => under_key(shard, scope, key, |key| command(Some(key))).await,
        None => shard.execute(command(None)).await.map(made_or_reply),
    }
}

/// Sends a command under its key: looked for among the rows first, again where the shard let keys go meanwhile.
pub(super) async fn under_key(
    shard: &ShardHandle,
    scope: &[u8],
    key: &IdempotencyKey,
    command: impl Fn(RequestKey) -> Command,
) -> Result<Keyed, Error> {
    let IdempotencyKey { key, request } = key;
    let scoped = scoped_key(scope, key);
    loop {
        // Read before the rows: a key that is let go after this is seen as an old look-up by the shard.
        let looked_up_at = shard.generation().await?;
        if let Some(entry) = stored_key(shard, scoped).await? {
            return if entry.request == *request { Ok(Keyed::Made(entry.made)) } else { Err(Error::Refused(Refusal::KeyReused)) };
        }
        let answer = shard.execute(command(RequestKey { key: scoped, request: *request, looked_up_at })).await;
        if !is_look_again(&answer) {
            return answer.map(made_or_reply);
        }
    }
}

pub(super) async fn stored_key(shard: &ShardHandle, key: ScopedKey) -> Result<Option<KeyEntry>, Error> {
    // Of a shard of another node nothing is known but its rows.
    if shard.is_ready() && !shard.written_keys().may_hold(key) {
        return Ok(None);
    }
    let row = shard.node.store.get(shard.id, Table::Key, &key_row(key)).await.map_err(unread)?;
    row.map(|row| codec::decode(&row)).transpose().map_err(|error| Error::Corrupt(error.to_string()))
}

fn made_or_reply(reply: Reply) -> Keyed {
    if let Reply::Replayed(made) = reply { Keyed::Made(made) } else { Keyed::Reply(reply) }
}

/// Where a caller's key is looked up. A hash that nobody can steer: two callers whose keys met in one place would be shown each
/// other's jobs. Half of SHA-256 leaves 128 bits; the scope's length keeps it apart from the key.
pub(super) fn scoped_key(scope: &[u8], key: &str) -> ScopedKey {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(u64::try_from(scope.len()).unwrap_or(u64::MAX).to_le_bytes());
    hasher.update(scope);
    hasher.update(key.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let (half, _) = digest.split_at(16);
    ScopedKey(half.iter().fold(0, |sum, byte| (sum << 8) | u128::from(*byte)))
}
