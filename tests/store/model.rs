//! Any sequence of calls gets the same answers from every store.

use enrich_jobs::shard::{Row, Table};
use enrich_jobs::store::{Epoch, Error, Memory, Range, Redis, Seq, Store, redis};
use enrich_jobs::types::ShardId;
use proptest::prelude::*;

use crate::redis_server::RedisServer;
use crate::support::{load, record, settings, try_open};

/// A call, in terms of what the shard's owner would send: mostly right, sometimes late, early or from a former owner.
#[derive(Debug, Clone)]
enum Call {
    Acquire(u16),
    Append { shard: u16, epoch_back: u64, seq_off: i64, byte: u8 },
    PutRows { shard: u16, epoch_back: u64, rows: Vec<Row> },
    Trim { shard: u16, epoch_back: u64, seq_off: i64 },
    Get { shard: u16, table: Table, key: Vec<u8> },
    Scan { shard: u16, table: Table, range: Range },
    Reopen,
}

fn call() -> impl Strategy<Value = Call> {
    let shard = 0_u16..3;
    let epoch_back = prop_oneof![9 => Just(0_u64), 1 => Just(1_u64)];
    let seq_off = prop_oneof![6 => Just(0_i64), 3 => -4_i64..=1];
    let table = prop_oneof![Just(Table::Agent), Just(Table::LiveJob), Just(Table::Transfer)];
    let key = proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff)], 0..4);
    let value = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..4));
    let row = (table.clone(), key.clone(), value).prop_map(|(table, key, value)| Row { table, key, value });
    let range = (key.clone(), proptest::option::of(key.clone()), any::<bool>(), 0_usize..6)
        .prop_map(|(prefix, after, newest_first, limit)| Range { prefix, after, newest_first, limit });
    prop_oneof![
        2 => shard.clone().prop_map(Call::Acquire),
        8 => (shard.clone(), epoch_back.clone(), seq_off.clone(), 0_u8..3)
            .prop_map(|(shard, epoch_back, seq_off, byte)| Call::Append { shard, epoch_back, seq_off, byte }),
        4 => (shard.clone(), epoch_back.clone(), proptest::collection::vec(row, 0..8))
            .prop_map(|(shard, epoch_back, rows)| Call::PutRows { shard, epoch_back, rows }),
        3 => (shard.clone(), epoch_back, seq_off).prop_map(|(shard, epoch_back, seq_off)| Call::Trim { shard, epoch_back, seq_off }),
        2 => (shard.clone(), table.clone(), key).prop_map(|(shard, table, key)| Call::Get { shard, table, key }),
        3 => (shard, table, range).prop_map(|(shard, table, range)| Call::Scan { shard, table, range }),
        1 => Just(Call::Reopen),
    ]
}

/// Answers as text, so that errors compare too.
async fn answer(store: &dyn Store, call: &Call, epochs: &[u64; 3], lasts: &[u64; 3]) -> String {
    let epoch = |shard: u16, back: u64| Epoch(epochs[usize::from(shard)].saturating_sub(back));
    let seq = |shard: u16, off: i64| lasts[usize::from(shard)].saturating_add_signed(off);
    match call.clone() {
        Call::Acquire(shard) => text(&store.acquire(ShardId(shard)).await),
        Call::Append { shard, epoch_back, seq_off, byte } => {
            text(&store.append(record(shard, epoch(shard, epoch_back), seq(shard, seq_off) + 1, vec![byte; 3])).await)
        }
        Call::PutRows { shard, epoch_back, rows } => text(&store.put_rows(ShardId(shard), epoch(shard, epoch_back), rows).await),
        Call::Trim { shard, epoch_back, seq_off } => {
            text(&store.trim(ShardId(shard), epoch(shard, epoch_back), Seq(seq(shard, seq_off))).await)
        }
        Call::Get { shard, table, key } => text(&store.get(ShardId(shard), table, &key).await),
        Call::Scan { shard, table, range } => text(&store.scan(ShardId(shard), table, range).await),
        Call::Reopen => String::new(),
    }
}

fn text<T: std::fmt::Debug>(answer: &Result<T, Error>) -> String {
    format!("{answer:?}")
}

thread_local! {
    /// One server for all cases, emptied before each.
    static SERVER: RedisServer = RedisServer::start(&[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// I-13, I-20: what is kept and what is refused follows from the calls alone.
    #[test]
    fn all_stores_answer_alike(calls in proptest::collection::vec(call(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let settings = settings(folder.path(), 3);
            let memory = Memory::new(3);
            let mut embedded = try_open(&settings).unwrap();
            SERVER.with(|server| server.cli(&["FLUSHALL"]));
            // Without what the case before had acknowledged: that would raise the epochs.
            let of_redis = redis::Settings { tail: None, ..SERVER.with(|server| server.settings(3)) };
            let redis = Redis::open(&of_redis, "the store").await.unwrap();
            let (mut epochs, mut lasts) = ([0; 3], [0; 3]);
            for call in &calls {
                if matches!(call, Call::Reopen) {
                    drop(embedded);
                    embedded = try_open(&settings).unwrap();
                }
                let wanted = answer(&memory, call, &epochs, &lasts).await;
                assert_eq!(answer(&embedded, call, &epochs, &lasts).await, wanted, "{call:?}");
                assert_eq!(answer(&redis, call, &epochs, &lasts).await, wanted, "{call:?} in Redis");
                if let Call::Acquire(shard) = call {
                    epochs[usize::from(*shard)] += 1;
                }
                for (shard, last) in (0_u16..).zip(&mut lasts) {
                    *last = memory.last(ShardId(shard)).0;
                }
            }
            for shard in 0..3 {
                let wanted = load(&memory, shard).await.unwrap();
                assert_eq!(load(&embedded, shard).await.unwrap(), wanted);
                assert_eq!(load(&redis, shard).await.unwrap(), wanted, "Redis");
            }
        });
    }
}
