//! A load on its way from the thread that reads to the task that takes it.
//!
//! The caller's sink is borrowed, so it can't move to the reading thread; and it decodes, so it must not run for long on a
//! thread of the runtime. So rows travel in chunks: copied once, a few at a time, while the next are being read.

use tokio::sync::mpsc;

use crate::shard::Table;
use crate::store::{Error, Loaded, Seq, Sink};

/// A chunk is sent once it has this many bytes: some hundred rows, decoded in well under a millisecond.
const CHUNK_BYTES: usize = 256 << 10;
/// How many chunks may wait.
const CHUNKS: usize = 4;

/// Rows and records one after the other in one buffer.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    parts: Vec<Part>,
}

/// Where a part ends in the buffer; it begins where the one before ended.
#[derive(Debug)]
enum Part {
    Row { table: Table, key_end: usize, end: usize },
    Record { seq: Seq, end: usize },
}

/// The reading end: collects chunks.
#[derive(Debug)]
pub(super) struct Collector {
    chunk: Chunk,
    channel: mpsc::Sender<Chunk>,
}

/// The taking end.
#[derive(Debug)]
pub(super) struct Stream(mpsc::Receiver<Chunk>);

pub(super) fn stream() -> (Collector, Stream) {
    let (channel, chunks) = mpsc::channel(CHUNKS);
    (Collector { chunk: Chunk::default(), channel }, Stream(chunks))
}

impl Collector {
    /// Takes a copy. Errs when nobody wants the rest.
    pub(super) fn take(&mut self, loaded: Loaded<'_>) -> Result<(), String> {
        let Chunk { bytes, parts } = &mut self.chunk;
        match loaded {
            Loaded::Row(table, key, value) => {
                bytes.extend_from_slice(key);
                let key_end = bytes.len();
                bytes.extend_from_slice(value);
                parts.push(Part::Row { table, key_end, end: bytes.len() });
            }
            Loaded::Record(seq, record) => {
                bytes.extend_from_slice(record);
                parts.push(Part::Record { seq, end: bytes.len() });
            }
        }
        if bytes.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Sends what was collected. Blocks while the taker is behind.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        let next = Chunk { bytes: Vec::with_capacity(CHUNK_BYTES + (CHUNK_BYTES >> 3)), parts: Vec::with_capacity(self.chunk.parts.len()) };
        let full = std::mem::replace(&mut self.chunk, next);
        self.channel.blocking_send(full).map_err(|_| "the load was given up".to_owned())
    }
}

impl Stream {
    /// Hands everything to the sink, and lets other tasks run between two chunks.
    pub(super) async fn pour(mut self, sink: Sink<'_>) -> Result<(), Error> {
        while let Some(chunk) = self.0.recv().await {
            let mut start = 0;
            for part in &chunk.parts {
                let (loaded, end) = match *part {
                    Part::Row { table, key_end, end } => {
                        (Loaded::Row(table, &chunk.bytes[start..key_end], &chunk.bytes[key_end..end]), end)
                    }
                    Part::Record { seq, end } => (Loaded::Record(seq, &chunk.bytes[start..end]), end),
                };
                sink(loaded).map_err(Error::Corrupt)?;
                start = end;
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
