//! Payment checks: what one processor does of them without asking a chain, beside the hash and the recovery alone.

use std::time::Duration;

use alloy_primitives::{B256, U256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, VerifyOnly};
use tokio::time::Instant;

use super::Bench;
use super::figures::Figure as F;
use super::machine::Watch;
use super::numbers::as_f64;
use super::trouble::{Context as _, Result, ensure};
use crate::billing::x402::amount::Uint;
use crate::billing::x402::messages::{Authorized, PaymentPayload, Permit2Authorization, TokenPermissions, VERSION, Witness};
use crate::billing::x402::verify::verify;
use crate::billing::x402::{Offer, Scheme, Signature, Terms, permit2};
use crate::chain::key::OperatorKey;
use crate::types::{Network, Usd, Wallet};

/// Different payers, so that no cache of one helps.
const PAYERS: u8 = 64;
/// The chain's time in all of them.
const NOW: u64 = 1_795_000_000;

struct Signed {
    payment: PaymentPayload,
    permit: Permit2Authorization,
    compact: [u8; 65],
}

/// Measures on this thread, which nothing else uses meanwhile.
pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let terms = terms();
    let offer = Offer::new(&terms, Scheme::Upto, Usd::from_micros(500_000));
    let payments = (1..=PAYERS).map(|key| signed(key, &offer)).collect::<Result<Vec<_>>>()?;
    let context = Secp256k1::verification_only();
    let watch = Watch::start(None);
    // By turns, so that what disturbs one disturbs the other.
    let (mut bare, mut whole) = (Pace::default(), Pace::default());
    for _ in 0..4 {
        bare.run(bench.scale.time / 4, &payments, |signed| recovered(&context, signed, &terms).is_some())?;
        whole.run(bench.scale.time / 4, &payments, |signed| verify(&signed.payment, &offer, NOW).is_ok())?;
    }
    let foreign = watch.end().foreign;
    bench.book.enter(F::Recover, bare.rate(), foreign);
    bench.book.enter(F::Check, whole.rate(), foreign);
    bench.book.enter(F::CheckShare, whole.rate() / bare.rate(), foreign);
    Ok(())
}

#[derive(Default)]
struct Pace {
    count: u64,
    took: Duration,
}

impl Pace {
    fn run(&mut self, time: Duration, payments: &[Signed], check: impl Fn(&Signed) -> bool) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            for payment in payments {
                ensure(std::hint::black_box(check(payment)), || "a good payment was refused".to_owned())?;
                self.count += 1;
            }
        }
        self.took += start.elapsed();
        Ok(())
    }

    fn rate(&self) -> f64 {
        as_f64(self.count) / self.took.as_secs_f64()
    }
}

fn recovered(context: &Secp256k1<VerifyOnly>, signed: &Signed, terms: &Terms) -> Option<secp256k1::PublicKey> {
    let digest = permit2::digest(&signed.permit, terms);
    let [compact @ .., v] = &signed.compact;
    let id = RecoveryId::try_from(i32::from(v.checked_sub(27)?)).ok()?;
    let signature = RecoverableSignature::from_compact(compact, id).ok()?;
    context.recover_ecdsa(Message::from_digest(digest.0), &signature).ok()
}

fn signed(number: u8, offer: &Offer<'_>) -> Result<Signed> {
    let key = OperatorKey::from_hex(&format!("{number:064x}")).context("a test key can't be made")?;
    let terms = offer.terms;
    let permit = Permit2Authorization {
        permitted: TokenPermissions { token: terms.asset, amount: Uint::new(500_000) },
        from: key.wallet(),
        spender: terms.proxy,
        nonce: Uint(U256::from_be_bytes([number; 32])),
        deadline: Uint::new(NOW + 1200),
        witness: Witness { to: terms.pay_to, facilitator: terms.facilitator, valid_after: Uint::new(0) },
    };
    let digest: B256 = permit2::digest(&permit, terms);
    let made = key.sign(digest).context("a payment can't be signed")?;
    let mut compact = [0; 65];
    let parts = made.r.iter().chain(&made.s).copied().chain([27 + u8::from(made.y_is_odd)]);
    compact.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    let payload = Authorized { signature: Signature::from_bytes(&compact), permit2_authorization: Some(permit), authorization: None };
    let payment = PaymentPayload { x402_version: VERSION, resource: None, accepted: offer.requirements(), payload, extensions: None };
    Ok(Signed { payment, permit, compact })
}

fn terms() -> Terms {
    let wallet = |byte| Wallet::from_bytes([byte; 20]);
    Terms {
        network: Network::Eip155(8453),
        asset: wallet(0xa1),
        asset_name: "USD Coin".into(),
        asset_version: "2".into(),
        pay_to: wallet(0xa2),
        facilitator: wallet(0xa3),
        permit2: Terms::PERMIT2,
        proxy: Terms::UPTO_PROXY,
    }
}
