//! An embedded store while it is filled with the copy of another.

use std::path::Path;

use rusqlite::Connection;

use super::apply::{self, Answer, Write};
use super::failure::{cannot_open, of_open};
use super::folder::{self, Folder, SetAside};
use super::head::Head;
use super::mark::Mark;
use super::places::{Moves, Places};
use super::reader::Reader;
use super::sql::Sql;
use super::{connect, write_new};
use crate::shard::{Row, Table};
use crate::store::copy::{Filling, Journal};
use crate::store::{Append, Epoch, Error, Pairs, Snapshot};
use crate::types::{ShardId, Timestamp};

/// The store, whose folder says until the end that it isn't whole.
#[derive(Debug)]
pub struct Fill {
    folder: Folder,
    id: String,
    connection: Connection,
    sql: Sql,
    heads: Vec<Head>,
    places: Places,
}

impl Fill {
    /// Makes it. What an earlier copy left unfinished is thrown away: nobody was ever served from it.
    ///
    /// # Errors
    /// [`Error::Open`] where there is a store already, [`Error::Locked`].
    pub fn begin(path: &Path, shards: u16, made_at: Timestamp, id: &str) -> Result<Self, Error> {
        let fails = |error: std::io::Error| cannot_open(path, error);
        let folder = Folder::hold(path)?;
        match folder::set_aside(path).map_err(fails)? {
            Some(SetAside::Unfinished) => {
                for name in ["store.db", "store.db-wal", "store.db-shm", "store.id"] {
                    folder::remove(&path.join(name)).map_err(fails)?;
                }
            }
            Some(state @ SetAside::Moved(_)) => return Err(cannot_open(path, state)),
            None if folder.database().exists() || path.join("store.id").exists() => {
                return Err(cannot_open(path, "there is a store in it already; a copy goes into an empty folder"));
            }
            None => write_new(&folder::unfinished(path), b"").map_err(fails)?,
        }
        folder.create_database().map_err(fails)?;
        let failed = |error: rusqlite::Error| of_open(path, &error);
        let mut connection = connect::writer(&folder.database(), 16 << 20).map_err(failed)?;
        connect::prepare(&connection).map_err(failed)?;
        connect::create_schema(&mut connection, shards, made_at, id).map_err(failed)?;
        let heads = vec![Head::default(); usize::from(shards)];
        Ok(Self { folder, id: id.to_owned(), connection, sql: Sql::new(), heads, places: Places::default() })
    }

    /// What it holds so far.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        let reader = Reader::open_any(self.folder.path())?;
        reader.check()?;
        Ok(Box::new(reader))
    }

    /// It is whole: from here on a server takes it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn finish(self) -> Result<(), Error> {
        let path = self.folder.path();
        let failed = |error: rusqlite::Error| of_open(path, &error);
        self.connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).map_err(failed)?;
        self.folder.recognise(&self.id).map_err(|error| cannot_open(path, error))?;
        // The database's own pages are synced by the checkpoint.
        folder::remove(&folder::unfinished(path)).map_err(|error| cannot_open(path, error))
    }

    fn write(&mut self, writes: &[Write], mark: Option<(ShardId, Mark)>) -> Result<(), Error> {
        let path = self.folder.path().to_owned();
        let failed = |error: rusqlite::Error| of_open(&path, &error);
        let transaction = self.connection.transaction().map_err(failed)?;
        let mut moves = Moves::default();
        if let Some((shard, mark)) = mark
            && let Some(head) = self.heads.get_mut(usize::from(shard.0))
        {
            mark.write(&transaction, shard).map_err(failed)?;
            *head = Head { mark, last: mark.trimmed };
        }
        for write in writes {
            let answer: Answer =
                apply::apply(&transaction, &self.sql, &mut self.heads, (&self.places, &mut moves), write).map_err(failed)?;
            answer?;
        }
        transaction.commit().map_err(failed)?;
        self.places.commit(moves);
        Ok(())
    }
}

impl Filling for Fill {
    fn rows(&mut self, shard: ShardId, table: Table, rows: Pairs) -> Result<(), Error> {
        let rows = rows.into_iter().map(|(key, value)| Row { table, key, value: Some(value) }).collect();
        self.write(&[Write::PutRows { shard, epoch: Epoch(0), rows }], None)
    }

    fn journal(&mut self, shard: ShardId, journal: Journal) -> Result<(), Error> {
        let Journal { epoch, trimmed, records, .. } = journal;
        let records = records.into_iter().map(|(seq, record)| Write::Append(Append { shard, epoch, seq, record: record.into() }));
        self.write(&records.collect::<Vec<_>>(), Some((shard, Mark { epoch: epoch.0, trimmed: trimmed.0 })))
    }
}
