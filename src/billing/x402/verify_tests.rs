//! Every refusal of a payment, and what the official clients sign.

use super::super::samples::{self, NOW};
use super::super::signature::SignatureFault;
use super::*;
use proptest::prelude::*;

fn refused(payment: &PaymentPayload, offer: &Offer<'_>, now: u64) -> &'static str {
    verify(payment, offer, now).map_or_else(|refusal| refusal.as_str(), |_| "taken")
}

#[test]
fn a_right_payment_is_taken() {
    let terms = samples::terms();
    let upto = verify(&samples::payment(1), &samples::offer(&terms), NOW).unwrap();
    assert_eq!((upto.payer, upto.max, upto.scheme()), (samples::wallet(1), Usd::from_micros(500_000), Scheme::Upto));
    assert_eq!(upto.deadline.seconds(), 1_795_001_200);
    assert_eq!(Some(upto.id()), PaymentId::said(&samples::payment(1)));
    let exact = verify(&samples::exact_payment(2), &samples::exact_offer(&terms), NOW).unwrap();
    assert_eq!((exact.payer, exact.max, exact.scheme()), (samples::wallet(2), Usd::from_micros(1_000_000), Scheme::Exact));
    assert_eq!(exact.deadline.seconds(), 1_795_000_299, "the last second before validBefore");
    assert_eq!(Some(exact.id()), PaymentId::said(&samples::exact_payment(2)));
    for verified in [upto, exact] {
        assert_eq!(postcard::from_bytes::<Verified>(&postcard::to_stdvec(&verified).unwrap()).unwrap(), verified);
    }
}

/// What the official clients sign is taken, and their own libraries make the same hashes.
#[test]
fn what_the_official_clients_sign_is_taken() {
    let terms = samples::terms();
    let golden = samples::golden();
    assert_eq!(golden.payments().len(), 7);
    for sample in golden.payments() {
        let payment = golden.payment(sample["name"].as_str().unwrap()).payload;
        let is_upto = sample["scheme"] == "upto";
        let offer = if is_upto { samples::offer(&terms) } else { samples::exact_offer(&terms) };
        let end = sample["deadline"].as_u64().unwrap();
        let verified = verify(&payment, &offer, end - offer.timeout_seconds).unwrap();
        assert_eq!(verified.payer.to_string(), sample["payer"].as_str().unwrap());
        assert_eq!(format!("{:#x}", verified.nonce()), sample["nonce"].as_str().unwrap());
        assert_eq!(serde_json::to_value(&verified.signature).unwrap(), sample["signature"]);
        let digest = match &verified.authorization {
            Authorization::Upto(permit) => permit2::digest(permit, &terms),
            Authorization::Exact(transfer) => token::transfer_digest(transfer, &terms),
        };
        assert_eq!(digest.to_string(), sample["digest"].as_str().unwrap(), "{}", sample["name"]);
    }
}

/// The scheme's own text shows a hex nonce, the SDKs write decimal; one payment either way (x402.md 4.4).
#[test]
fn a_nonce_is_one_number_in_either_spelling() {
    let terms = samples::terms();
    let mut json = serde_json::to_value(samples::payment(1)).unwrap();
    let nonce = samples::permit(1).nonce.0;
    json["payload"]["permit2Authorization"]["nonce"] = format!("{nonce:#x}").into();
    let payment: PaymentPayload = serde_json::from_value(json).unwrap();
    assert_eq!(verify(&payment, &samples::offer(&terms), NOW), verify(&samples::payment(1), &samples::offer(&terms), NOW));
    assert_eq!(PaymentId::said(&payment), PaymentId::said(&samples::payment(1)));
}

/// T-18: right signatures of other terms. The echo is ours in all of them.
#[test]
fn t18_what_is_signed_is_held_against_our_offer() {
    let terms = samples::terms();
    let offer = samples::offer(&terms);
    let other = samples::wallet(99);
    let signed = |change: &dyn Fn(&mut Permit2Authorization)| refused(&samples::payment_with(1, change), &offer, NOW);
    for (change, wanted) in [
        (&(|permit: &mut Permit2Authorization| permit.spender = other) as &dyn Fn(&mut Permit2Authorization), "invalid_permit2_spender"),
        (&|permit| permit.permitted.token = other, "permit2_token_mismatch"),
        (&|permit| permit.witness.to = other, "invalid_permit2_recipient_mismatch"),
        (&|permit| permit.witness.facilitator = other, "upto_facilitator_mismatch"),
        (&|permit| permit.permitted.amount = Uint::new(499_999), "permit2_amount_mismatch"),
        (&|permit| permit.permitted.amount = Uint::new(500_001), "permit2_amount_mismatch"),
        (&|permit| permit.permitted.amount = Uint(U256::MAX), "permit2_amount_mismatch"),
        (&|permit| permit.from = other, "invalid_permit2_signature"),
        (&|permit| permit.nonce = Uint(U256::MAX), "taken"),
    ] {
        assert_eq!(signed(change), wanted);
    }
    let exact = samples::exact_offer(&terms);
    let signed = |change: &dyn Fn(&mut Eip3009Authorization)| refused(&samples::exact_payment_with(1, change), &exact, NOW);
    for (change, wanted) in [
        (
            &(|transfer: &mut Eip3009Authorization| transfer.to = other) as &dyn Fn(&mut Eip3009Authorization),
            "invalid_exact_evm_recipient_mismatch",
        ),
        (&|transfer| transfer.value = Uint::new(999_999), "invalid_exact_evm_payload_authorization_value_mismatch"),
        (&|transfer| transfer.value = Uint::new(1_000_001), "invalid_exact_evm_payload_authorization_value_mismatch"),
        (&|transfer| transfer.from = other, "invalid_exact_evm_signature"),
    ] {
        assert_eq!(signed(change), wanted);
    }
}

/// T-18: the same payment on a chain, a token, a Permit2 that isn't the one it was signed for.
#[test]
fn t18_a_signature_is_of_one_chain_and_contract() {
    let terms = samples::terms();
    let echo = |payment: PaymentPayload, offer: &Offer<'_>| PaymentPayload { accepted: offer.requirements(), ..payment };
    let elsewhere = Terms { network: Network::Eip155(84532), ..samples::terms() };
    let offer = samples::offer(&elsewhere);
    assert_eq!(refused(&samples::payment(1), &offer, NOW), "invalid_upto_evm_network_mismatch");
    assert_eq!(refused(&echo(samples::payment(1), &offer), &offer, NOW), "invalid_permit2_signature");
    let exact = samples::exact_offer(&elsewhere);
    assert_eq!(refused(&echo(samples::exact_payment(1), &exact), &exact, NOW), "invalid_exact_evm_signature");
    let fork = Terms { permit2: samples::wallet(98), ..terms.clone() };
    assert_eq!(refused(&samples::payment(1), &samples::offer(&fork), NOW), "invalid_permit2_signature");
    let renamed = Terms { asset_version: "1".into(), ..terms };
    let exact = samples::exact_offer(&renamed);
    assert_eq!(refused(&echo(samples::exact_payment(1), &exact), &exact, NOW), "invalid_exact_evm_signature");
}

#[test]
fn schemes_and_versions_are_not_mixed() {
    let terms = samples::terms();
    let (upto, exact) = (samples::offer(&terms), samples::exact_offer(&terms));
    assert_eq!(refused(&samples::payment(1), &exact, NOW), "invalid_exact_evm_scheme");
    assert_eq!(refused(&samples::exact_payment(1), &upto, NOW), "invalid_upto_evm_scheme");
    let old = PaymentPayload { x402_version: 1, ..samples::payment(1) };
    assert_eq!(refused(&old, &upto, NOW), "invalid_x402_version");
    let disguised = PaymentPayload { payload: samples::exact_payment(1).payload, ..samples::payment(1) };
    assert_eq!(refused(&disguised, &upto, NOW), "unsupported_payload_type");
    let mut both = samples::payment(1);
    both.payload.authorization = Some(samples::transfer(1));
    assert_eq!(refused(&both, &upto, NOW), "unsupported_payload_type");
    both.payload.authorization = None;
    both.payload.permit2_authorization = None;
    assert_eq!(refused(&both, &upto, NOW), "unsupported_payload_type");
}

#[test]
fn every_fault_of_a_signature() {
    let terms = samples::terms();
    let offer = samples::offer(&terms);
    let with = |signature: Signature| {
        let mut payment = samples::payment(1);
        payment.payload.signature = signature;
        verify(&payment, &offer, NOW).map_err(|refusal| (refusal.as_str(), refusal.reason))
    };
    let right = samples::signature(1);
    assert!(with(samples::compact(&right)).is_ok(), "Permit2 takes the 64 bytes of EIP-2098");
    for (wrong, fault) in [
        (samples::twin(&right), SignatureFault::HighS),
        (Signature::from_bytes(&[]), SignatureFault::Length),
        (Signature::from_bytes(&[right.as_bytes(), &[0x64; 32]].concat()), SignatureFault::Length),
        (samples::signature(2), SignatureFault::OtherSigner),
    ] {
        assert_eq!(with(wrong), Err(("invalid_permit2_signature", Reason::Signature(fault))));
    }
    let mut short = samples::exact_payment(1);
    short.payload.signature = samples::compact(&samples::exact_signature(1));
    assert_eq!(refused(&short, &samples::exact_offer(&terms), NOW), "invalid_exact_evm_signature", "a token takes 65");
}

/// D-4, at each edge.
#[test]
fn times_are_the_chains() {
    let terms = samples::terms();
    let offer = samples::offer(&terms);
    let upto = |after: u64, deadline: u64, now: u64| {
        let payment = samples::payment_with(1, |permit| {
            permit.deadline = Uint::new(deadline);
            permit.witness.valid_after = Uint::new(after);
        });
        refused(&payment, &offer, now)
    };
    for (after, deadline, wanted) in [
        (NOW, NOW + 1200, "taken"),
        (NOW + 1, NOW + 1200, "permit2_not_yet_valid"),
        (NOW - 600, NOW + 1200, "taken"),
        (0, NOW + 1140, "taken"),
        (0, NOW + 1139, "permit2_deadline_expired"),
        (0, NOW + 6, "permit2_deadline_expired"),
        (0, NOW, "permit2_deadline_expired"),
        (0, NOW - 1, "permit2_deadline_expired"),
        (0, 0, "permit2_deadline_expired"),
        (0, NOW + 1200 + 3600, "taken"),
        (0, NOW + 1200 + 3601, "invalid_payload"),
        (0, u64::MAX, "invalid_payload"),
    ] {
        assert_eq!(upto(after, deadline, NOW), wanted, "{after} {deadline}");
    }
    let exact = samples::exact_offer(&terms);
    for (after, before, wanted) in [
        (NOW - 1, NOW + 300, "taken"),
        (NOW, NOW + 300, "invalid_exact_evm_payload_authorization_valid_after"),
        (0, NOW + 241, "taken"),
        (0, NOW + 240, "invalid_exact_evm_payload_authorization_valid_before"),
        (0, 0, "invalid_exact_evm_payload_authorization_valid_before"),
        (0, NOW + 3902, "invalid_exact_evm_payload_authorization_valid_before"),
        (u64::MAX, NOW + 300, "invalid_exact_evm_payload_authorization_valid_after"),
    ] {
        let payment = samples::exact_payment_with(1, |transfer| {
            transfer.valid_after = Uint::new(after);
            transfer.valid_before = Uint::new(before);
        });
        assert_eq!(refused(&payment, &exact, NOW), wanted, "{after} {before}");
    }
    let endless = samples::payment_with(1, |permit| permit.deadline = Uint(U256::MAX));
    assert_eq!(refused(&endless, &offer, NOW), "invalid_payload");
    let never = samples::payment_with(1, |permit| permit.witness.valid_after = Uint(U256::MAX));
    assert_eq!(refused(&never, &offer, NOW), "permit2_not_yet_valid");
}

#[test]
fn a_short_runway_says_how_short() {
    let terms = samples::terms();
    let refusal = verify(&samples::payment(1), &samples::offer(&terms), NOW + 61).unwrap_err();
    assert_eq!(refusal.reason, Reason::RunwayShort { seconds: 1139, needed: 1140 });
    assert_eq!(refusal.to_string(), "permit2_deadline_expired");
    assert!(refusal.detail().unwrap().contains("1139 s"));
}

fn state() -> PayerState {
    PayerState { block_number: 7, block_time: NOW, balance: U256::from(1_000_000), allowance: U256::MAX, nonce_used: false, code_size: 0 }
}

/// T-01 to T-04.
#[test]
fn t01_to_t04_what_the_chain_says_is_judged() {
    let terms = samples::terms();
    let (upto, exact) = (samples::offer(&terms), samples::exact_offer(&terms));
    let permit = verify(&samples::payment(1), &upto, NOW).unwrap();
    let transfer = verify(&samples::exact_payment(1), &exact, NOW).unwrap();
    let passed = Simulation::Passed;
    let judged = |state: PayerState, simulation| {
        [(&permit, &upto), (&transfer, &exact)]
            .map(|(verified, offer)| judge(verified, offer, &state, simulation).map_or_else(|refusal| refusal.as_str(), |()| "taken"))
    };
    let right = state();
    assert_eq!(judged(right, passed), ["taken"; 2]);
    for (state, wanted) in [
        (PayerState { code_size: 23, ..right }, ["unsupported_payer"; 2]),
        (PayerState { nonce_used: true, ..right }, ["permit2_invalid_nonce", "invalid_exact_evm_nonce_already_used"]),
        (PayerState { balance: U256::from(499_999), ..right }, ["permit2_insufficient_balance", "invalid_exact_evm_insufficient_balance"]),
        (PayerState { balance: U256::from(500_000), ..right }, ["taken", "invalid_exact_evm_insufficient_balance"]),
        (PayerState { allowance: U256::from(499_999), ..right }, ["permit2_allowance_required", "taken"]),
        (PayerState { allowance: U256::from(500_000), ..right }, ["taken"; 2]),
        (
            PayerState { allowance: U256::ZERO, balance: U256::ZERO, ..right },
            ["permit2_allowance_required", "invalid_exact_evm_insufficient_balance"],
        ),
        (
            PayerState { block_time: NOW + 61, ..right },
            ["permit2_deadline_expired", "invalid_exact_evm_payload_authorization_valid_before"],
        ),
        (
            PayerState { block_time: NOW + 5000, ..right },
            ["permit2_deadline_expired", "invalid_exact_evm_payload_authorization_valid_before"],
        ),
        (PayerState { block_time: NOW - 5000, ..right }, ["taken"; 2]),
    ] {
        assert_eq!(judged(state, passed), wanted, "{state:?}");
    }
    let reverted = |reason| judged(right, Simulation::Reverted(reason));
    assert_eq!(reverted(RevertReason::InvalidNonce), ["permit2_invalid_nonce", "invalid_exact_evm_transaction_simulation_failed"]);
    assert_eq!(reverted(RevertReason::Empty), ["permit2_simulation_failed", "invalid_exact_evm_transaction_simulation_failed"]);
    assert_eq!(reverted(RevertReason::UnauthorizedFacilitator)[0], "upto_unauthorized_facilitator");
    // Before a step, an hour into its life: no runway is asked for any more.
    assert_eq!(check_payer(&permit, &PayerState { block_time: NOW + 1199, ..right }), Ok(()));
}

proptest! {
    /// Whatever one field is changed to after signing, it is not taken.
    #[test]
    fn no_field_can_be_changed_after_signing(field in 0_usize..8, bits in 1_u64..) {
        let terms = samples::terms();
        let mut payment = samples::payment(1);
        let permit = payment.payload.permit2_authorization.as_mut().unwrap();
        let flip_wallet = |wallet: &mut Wallet| {
            let mut bytes = *wallet.as_bytes();
            bytes.iter_mut().zip(bits.to_le_bytes()).for_each(|(byte, flip)| *byte ^= flip);
            *wallet = Wallet::from_bytes(bytes);
        };
        match field {
            0 => flip_wallet(&mut permit.from),
            1 => flip_wallet(&mut permit.spender),
            2 => flip_wallet(&mut permit.permitted.token),
            3 => flip_wallet(&mut permit.witness.to),
            4 => flip_wallet(&mut permit.witness.facilitator),
            5 => permit.nonce.0 ^= U256::from(bits),
            6 => permit.permitted.amount.0 ^= U256::from(bits),
            _ => permit.deadline.0 ^= U256::from(bits % 64 + 1),
        }
        prop_assert!(verify(&payment, &samples::offer(&terms), NOW).is_err());
    }

    #[test]
    fn whoever_pays_is_known(key in 1_u8.., nonce: [u64; 4], micros in 1_i64..=10_000_000_000, late in 0_u64..=60) {
        let terms = samples::terms();
        let offer = Offer { amount: Usd::from_micros(micros), ..samples::offer(&terms) };
        let mut payment = samples::payment_with(key, |permit| {
            permit.nonce.0 = U256::from_limbs(nonce);
            permit.permitted.amount = Uint(amount::units(offer.amount));
        });
        payment.accepted = offer.requirements();
        let verified = verify(&payment, &offer, NOW + late).unwrap();
        prop_assert_eq!((verified.payer, verified.max), (samples::wallet(key), offer.amount));
        prop_assert_eq!(verified.nonce(), U256::from_limbs(nonce));
    }
}
