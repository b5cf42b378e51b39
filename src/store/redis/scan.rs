//! Some rows in the order of their keys.

use super::connection::Connection;
use super::load;
use super::place;
use super::scripts::SCAN;
use crate::shard::Table;
use crate::store::{Error, Pairs, Range};
use crate::types::ShardId;

pub(super) async fn scan(connection: &Connection, shard: ShardId, table: Table, range: &Range) -> Result<Pairs, Error> {
    if range.limit == 0 {
        return Ok(Vec::new());
    }
    let Some(index) = place::index(shard, table) else {
        return Ok(pick(load::table(connection, shard, table).await?, range));
    };
    let Some((low, high)) = bounds(range) else { return Ok(Vec::new()) };
    let mut command = SCAN.call(&[place::rows(shard, table), index]);
    if range.newest_first {
        command.arg("ZREVRANGEBYLEX").arg(high).arg(low);
    } else {
        command.arg("ZRANGEBYLEX").arg(low).arg(high);
    }
    command.arg(range.limit);
    let flat: Vec<Option<Vec<u8>>> = connection.run(&SCAN, &command).await?;
    let mut flat = flat.into_iter();
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
        let (Some(key), Some(value)) = (key, value) else {
            return Err(Error::Corrupt(format!("a row of {} is named and not there", table.name())));
        };
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The rows of the range out of a whole table that is in order.
fn pick(rows: Pairs, range: &Range) -> Pairs {
    let within = |(key, _): &(Vec<u8>, Vec<u8>)| {
        key.starts_with(&range.prefix)
            && range.after.as_ref().is_none_or(|after| if range.newest_first { key < after } else { key > after })
    };
    let rows = rows.into_iter().filter(within);
    if range.newest_first { rows.rev().take(range.limit).collect() } else { rows.take(range.limit).collect() }
}

/// The range as two bounds of a sorted set, the lower one first; nothing where it holds no key.
fn bounds(range: &Range) -> Option<(Vec<u8>, Vec<u8>)> {
    let end = successor(&range.prefix);
    let mut low = bound(b'[', &range.prefix);
    let mut high = end.as_ref().map_or_else(|| b"+".to_vec(), |end| bound(b'(', end));
    match &range.after {
        Some(after) if range.newest_first => {
            if *after <= range.prefix {
                return None;
            }
            if end.as_ref().is_none_or(|end| after < end) {
                high = bound(b'(', after);
            }
        }
        Some(after) => {
            if end.as_ref().is_some_and(|end| after >= end) {
                return None;
            }
            if *after >= range.prefix {
                low = bound(b'(', after);
            }
        }
        None => {}
    }
    Some((low, high))
}

fn bound(kind: u8, key: &[u8]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(key.len() + 1);
    bound.push(kind);
    bound.extend_from_slice(key);
    bound
}

/// The first key behind all that begin with the prefix; nothing where there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}
