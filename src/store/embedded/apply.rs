//! One write inside of a transaction: refused before it changes anything, or done.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::digest::Digest;
use super::failure::of_read;
use super::head::{Head, Place};
use super::mark::Mark;
use super::places::{Kept, Moves, Places};
use super::sql::{Sql, journal, place_sum, row_sum};
use crate::shard::{Row, Table};
use crate::store::{Append, Epoch, Error, Seq};
use crate::types::ShardId;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Write {
    Acquire { shard: ShardId },
    Append(Append),
    PutRows { shard: ShardId, epoch: Epoch, rows: Vec<Row> },
    Trim { shard: ShardId, epoch: Epoch, upto: Seq },
}

/// The shard's epoch, or a refusal.
pub(super) type Answer = Result<Epoch, Error>;

impl Write {
    /// Whether nobody's answer waits for it: rows follow from records that are durable already.
    pub(super) const fn can_wait(&self) -> bool {
        match self {
            Self::PutRows { .. } | Self::Trim { .. } => true,
            Self::Acquire { .. } | Self::Append(_) => false,
        }
    }

    /// About how much it adds to the transaction.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Acquire { .. } | Self::Trim { .. } => 64,
            Self::Append(append) => append.record.len(),
            Self::PutRows { rows, .. } => rows.iter().map(|row| 64 + row.key.len() + row.value.as_ref().map_or(0, Vec::len)).sum(),
        }
    }

    fn shard(&self) -> ShardId {
        match self {
            Self::Acquire { shard } | Self::PutRows { shard, .. } | Self::Trim { shard, .. } => *shard,
            Self::Append(append) => append.shard,
        }
    }
}

/// Does one write. An error of SQLite spoils the whole transaction, so every refusal comes before the first change;
/// it is then an answer like any other, and its neighbours in the transaction aren't touched by it.
pub(super) fn apply(
    connection: &Connection,
    sql: &Sql,
    heads: &mut [Head],
    journal: (&Places, &mut Moves),
    write: &Write,
) -> rusqlite::Result<Answer> {
    let shard = write.shard();
    let shards = heads.len();
    let Some(head) = heads.get_mut(usize::from(shard.0)) else {
        return Ok(Err(Error::NoShard { shard: shard.0, shards }));
    };
    let refusal = match write {
        Write::Acquire { .. } => acquire(connection, head, shard)?,
        Write::Append(append) => append_record(connection, head, journal, append)?,
        Write::PutRows { epoch, rows, .. } => put_rows(connection, sql, *head, shard, *epoch, rows)?,
        Write::Trim { epoch, upto, .. } => trim(connection, head, shard, *epoch, *upto)?,
    };
    Ok(refusal.map(|()| Epoch(head.mark.epoch)))
}

fn acquire(connection: &Connection, head: &mut Head, shard: ShardId) -> rusqlite::Result<Result<(), Error>> {
    head.mark.epoch = head.mark.epoch.saturating_add(1);
    head.mark.write(connection, shard)?;
    Ok(Ok(()))
}

fn append_record(
    connection: &Connection,
    head: &mut Head,
    (places, moves): (&Places, &mut Moves),
    append: &Append,
) -> rusqlite::Result<Result<(), Error>> {
    if let Err(fenced) = head.owned_under(append.epoch) {
        return Ok(Err(fenced));
    }
    let (shard, seq) = (append.shard.0, append.seq.0);
    match head.place(append.seq) {
        Place::Next => {
            let place = places.next(moves);
            let values = (place.cast_signed(), shard, seq.cast_signed(), place_sum(place, shard, seq), &*append.record);
            connection.prepare_cached(journal::INSERT)?.execute(values)?;
            moves.add(Kept { place, shard, seq });
            head.last = seq;
            Ok(Ok(()))
        }
        Place::Taken => {
            let Some(place) = places.find(moves, append.shard, seq) else { return Ok(Err(head.out_of_order(append.seq))) };
            let same = connection
                .prepare_cached(journal::ONE)?
                .query_row([place.cast_signed()], |row| Ok(row.get_ref(0)?.as_blob().is_ok_and(|kept| kept == &*append.record)))?;
            Ok(if same { Ok(()) } else { Err(head.out_of_order(append.seq)) })
        }
        Place::Elsewhere => Ok(Err(head.out_of_order(append.seq))),
    }
}

fn put_rows(
    connection: &Connection,
    sql: &Sql,
    head: Head,
    shard: ShardId,
    epoch: Epoch,
    rows: &[Row],
) -> rusqlite::Result<Result<(), Error>> {
    if let Err(fenced) = head.owned_under(epoch) {
        return Ok(Err(fenced));
    }
    let mut changes: BTreeMap<Table, Digest> = BTreeMap::new();
    for Row { table, key, value } in rows {
        let Some(text) = sql.table(*table) else { continue };
        let change = changes.entry(*table).or_default();
        // Most rows of the tables of history are new, and then this is all: one way down the tree instead of two.
        if let (Some(value), false) = (value, table.is_live()) {
            let sum = row_sum(*table, shard, key, value);
            if connection.prepare_cached(&text.add)?.execute((shard.0, key, value, sum))? > 0 {
                change.add(sum);
                continue;
            }
        }
        let before = connection.prepare_cached(&text.sum)?.query_row((shard.0, key), |row| row.get(0)).optional()?;
        if let Some(sum) = before {
            change.remove(sum);
        }
        match value {
            Some(value) => {
                let sum = row_sum(*table, shard, key, value);
                connection.prepare_cached(&text.put)?.execute((shard.0, key, value, sum))?;
                change.add(sum);
            }
            None => {
                connection.prepare_cached(&text.remove)?.execute((shard.0, key))?;
            }
        }
    }
    for (table, change) in changes {
        change.store(connection, shard, table)?;
    }
    Ok(Ok(()))
}

/// Moves the mark alone, so that it takes no time; [`sweep`] removes what lies below it.
fn trim(connection: &Connection, head: &mut Head, shard: ShardId, epoch: Epoch, upto: Seq) -> rusqlite::Result<Result<(), Error>> {
    if let Err(fenced) = head.owned_under(epoch) {
        return Ok(Err(fenced));
    }
    if upto.0 > head.last {
        return Ok(Err(head.out_of_order(upto)));
    }
    if upto.0 > head.mark.trimmed {
        head.mark.trimmed = upto.0;
        head.mark.write(connection, shard)?;
    }
    Ok(Ok(()))
}

/// Removes some of the oldest records from the file, as far as they are trimmed.
pub(super) fn sweep(connection: &Connection, heads: &[Head], (places, moves): (&Places, &mut Moves), slice: usize) -> rusqlite::Result<()> {
    if let Some((newest, count)) = places.sweepable(heads, slice) {
        connection.prepare_cached(journal::FORGET)?.execute([newest.cast_signed()])?;
        moves.sweep(count);
    }
    Ok(())
}

/// Reads what the writer starts from: each shard's ends, and where its records lie.
pub(super) fn heads(connection: &Connection, shards: u16) -> Result<(Vec<Head>, Places), Error> {
    let marks = (0..shards).map(|shard| Mark::read(connection, ShardId(shard)).map(|mark| Head { mark, last: mark.trimmed }));
    let mut heads: Vec<Head> = marks.collect::<Result<_, _>>()?;
    let mut places = Places::default();
    let failed = |error: rusqlite::Error| of_read(&error);
    let mut statement = connection.prepare(journal::PLACES).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let number = |column| row.get::<_, i64>(column).map_err(failed);
        let (place, shard, seq) = (number(0)?.cast_unsigned(), number(1)?, number(2)?.cast_unsigned());
        let damaged = || Error::Corrupt(format!("the record at place {place} of the journal is not where it was written"));
        let shard = u16::try_from(shard).map_err(|_| damaged())?;
        let head = heads.get_mut(usize::from(shard)).ok_or_else(damaged)?;
        if place_sum(place, shard, seq) != number(3)? {
            return Err(damaged());
        }
        head.last = head.last.max(seq);
        places.push(Kept { place, shard, seq });
    }
    Ok((heads, places))
}
