//! What is booked as paid, and what the chain says was paid: the same, both ways, to the micro-dollar (safety.md I-5).

use super::lane::{ItemKey, TxHash};
use crate::types::{Usd, Wallet};

/// Something that the books say was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// Its name, for a person.
    pub name: String,
    /// How much.
    pub amount: Usd,
    /// Who paid, where it is known.
    pub payer: Option<Wallet>,
    /// In which transaction, where it is known.
    pub tx: Option<TxHash>,
    /// By which authorization, for `exact`.
    pub key: Option<ItemKey>,
}

/// A transfer to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// In which transaction.
    pub tx: TxHash,
    /// By whom.
    pub payer: Wallet,
    /// How much.
    pub amount: Usd,
    /// The authorizations that its transaction used up, for `exact`.
    pub keys: Vec<ItemKey>,
    /// Its transaction settled payments: a transfer like any other is somebody's own affair.
    pub is_settlement: bool,
}

/// What doesn't fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Booked, and nowhere on the chain.
    pub not_paid: Vec<Booked>,
    /// Settled on the chain, and not in the books.
    pub not_booked: Vec<Paid>,
    /// Sent to us by whoever liked to.
    pub gifts: Vec<Paid>,
    /// How many fit.
    pub matched: u64,
    /// What they add up to.
    pub matched_usd: Usd,
    /// Mined, and booked as soon as it is deep enough.
    pub under_way: u64,
}

/// Compares. `owed` is what may be mined already and isn't booked yet: payers and amounts.
pub fn reconcile(booked: Vec<Booked>, mut paid: Vec<Paid>, mut owed: Vec<(Wallet, Usd)>) -> Differences {
    let mut differences = Differences::default();
    // What is known best first, so that what is known less doesn't take its transfer.
    let mut booked = booked;
    booked.sort_by_key(|one| (one.tx.is_none(), one.key.is_none(), one.payer.is_none()));
    for one in booked {
        match paid.iter().position(|transfer| fits(&one, transfer)) {
            Some(at) => {
                paid.swap_remove(at);
                differences.matched = differences.matched.saturating_add(1);
                differences.matched_usd = differences.matched_usd.plus(one.amount).unwrap_or(Usd::MAX_WIRE);
            }
            None => differences.not_paid.push(one),
        }
    }
    for transfer in paid {
        if let Some(at) = owed.iter().position(|(payer, amount)| *payer == transfer.payer && *amount == transfer.amount) {
            owed.swap_remove(at);
            differences.under_way = differences.under_way.saturating_add(1);
        } else if transfer.is_settlement {
            differences.not_booked.push(transfer);
        } else {
            differences.gifts.push(transfer);
        }
    }
    differences
}

fn fits(booked: &Booked, paid: &Paid) -> bool {
    booked.amount == paid.amount
        && booked.payer.is_none_or(|payer| payer == paid.payer)
        && booked.tx.is_none_or(|tx| tx == paid.tx)
        && booked.key.is_none_or(|key| paid.keys.contains(&key))
        // Of what nothing is known but its amount, it could be any payment of ours, and no gift.
        && paid.is_settlement
}

impl Differences {
    /// Whether books and chain say the same.
    pub fn is_ok(&self) -> bool {
        self.not_paid.is_empty() && self.not_booked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn wallet(byte: u8) -> Wallet {
        Wallet::from_bytes([byte; 20])
    }

    fn booked(amount: i64, payer: Option<u8>, tx: Option<u8>, key: Option<u8>) -> Booked {
        let amount = Usd::from_micros(amount);
        Booked {
            name: "it".to_owned(),
            amount,
            payer: payer.map(wallet),
            tx: tx.map(|byte| TxHash([byte; 32])),
            key: key.map(|byte| ItemKey([byte; 32])),
        }
    }

    fn paid(amount: i64, payer: u8, tx: u8, keys: &[u8]) -> Paid {
        let keys = keys.iter().map(|byte| ItemKey([*byte; 32])).collect();
        Paid { tx: TxHash([tx; 32]), payer: wallet(payer), amount: Usd::from_micros(amount), keys, is_settlement: true }
    }

    /// I-5
    #[test]
    fn i5_both_ways_to_the_micro_dollar() {
        let gift = Paid { is_settlement: false, ..paid(7, 9, 9, &[]) };
        for (books, chain, owed, wanted) in [
            (vec![booked(5, Some(1), Some(1), None)], vec![paid(5, 1, 1, &[])], vec![], (1, 0, 0, 0, 0)),
            (vec![booked(5, Some(1), Some(1), None)], vec![paid(6, 1, 1, &[])], vec![], (0, 1, 1, 0, 0)),
            (vec![booked(5, Some(1), Some(1), None)], vec![paid(5, 1, 2, &[])], vec![], (0, 1, 1, 0, 0)),
            (vec![booked(5, Some(1), Some(1), None)], vec![paid(5, 2, 1, &[])], vec![], (0, 1, 1, 0, 0)),
            // One transfer pays one job.
            (vec![booked(5, Some(1), Some(1), None); 2], vec![paid(5, 1, 1, &[])], vec![], (1, 1, 0, 0, 0)),
            (vec![booked(5, Some(1), Some(1), None); 2], vec![paid(5, 1, 1, &[]); 2], vec![], (2, 0, 0, 0, 0)),
            // A deposit is known by its authorization, an old job by its amount alone.
            (vec![booked(5, None, None, Some(3))], vec![paid(5, 1, 1, &[3])], vec![], (1, 0, 0, 0, 0)),
            (vec![booked(5, None, None, Some(3))], vec![paid(5, 1, 1, &[4])], vec![], (0, 1, 1, 0, 0)),
            (
                vec![booked(5, None, None, None), booked(5, Some(1), Some(1), None)],
                vec![paid(5, 1, 1, &[]), paid(5, 2, 2, &[])],
                vec![],
                (2, 0, 0, 0, 0),
            ),
            (vec![], vec![paid(5, 1, 1, &[])], vec![(wallet(1), Usd::from_micros(5))], (0, 0, 0, 1, 0)),
            (vec![], vec![gift], vec![], (0, 0, 0, 0, 1)),
        ] {
            let found = reconcile(books.clone(), chain.clone(), owed);
            let counts = (found.matched, found.not_paid.len(), found.not_booked.len(), found.under_way, found.gifts.len());
            assert_eq!(counts, wanted, "{books:?} {chain:?}");
            assert_eq!(found.is_ok(), wanted.1 == 0 && wanted.2 == 0);
        }
    }
}
