//! Short words for the tests of stores.

use bytes::Bytes;
use enrich_jobs::clock::{SystemClock, SystemRandom};
use enrich_jobs::shard::{Row, Table};
use enrich_jobs::store::embedded::Settings;
use enrich_jobs::store::sealed::Keys;
use enrich_jobs::store::{Append, Embedded, Epoch, Error, Loaded, Seq, Store};
use enrich_jobs::types::ShardId;
use secrecy::SecretBox;

/// What a load handed out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) rows: Vec<(Table, Vec<u8>, Vec<u8>)>,
    pub(crate) records: Vec<(u64, Vec<u8>)>,
    pub(crate) last: u64,
}

pub(crate) fn settings(path: &std::path::Path, shards: u16) -> Settings {
    Settings { shards, ballast_bytes: 1 << 20, ..Settings::new(path) }
}

pub(crate) fn try_open(settings: &Settings) -> Result<Embedded, Error> {
    Embedded::open(settings, &SystemClock, &SystemRandom)
}

pub(crate) fn record(shard: u16, epoch: Epoch, seq: u64, record: impl Into<Bytes>) -> Append {
    Append { shard: ShardId(shard), epoch, seq: Seq(seq), record: record.into() }
}

pub(crate) fn row(table: Table, key: &[u8], value: Option<&[u8]>) -> Row {
    Row { table, key: key.into(), value: value.map(Into::into) }
}

/// Keys of one byte, again and again; none stands for plain values.
pub(crate) fn keys(list: &[Option<u8>]) -> Keys {
    let list: Vec<_> = list.iter().map(|byte| byte.map(|byte| SecretBox::new(Box::new([byte; 32])))).collect();
    Keys::new(&list).unwrap()
}

impl Content {
    /// Takes one part, and checks that rows come first.
    pub(crate) fn take(&mut self, loaded: &Loaded<'_>) {
        match *loaded {
            Loaded::Row(table, key, value) => {
                assert!(self.records.is_empty(), "a row after a record");
                self.rows.push((table, key.to_vec(), value.to_vec()));
            }
            Loaded::Record(seq, bytes) => self.records.push((seq.0, bytes.to_vec())),
        }
    }
}

pub(crate) async fn load(store: &dyn Store, shard: u16) -> Result<Content, Error> {
    let mut content = Content::default();
    let last = store
        .load(ShardId(shard), &mut |loaded| {
            content.take(&loaded);
            Ok(())
        })
        .await?;
    content.last = last.0;
    Ok(content)
}
