use super::super::Options;
use super::*;

const KEYS: [&str; 2] = [
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];
const FIRST: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const PAID: &str = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc";
const TOKEN: &str = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512";

/// The variables of a network, by what their names end with; an empty value is none.
fn variables(chain: u64, set: &[(&str, &str)]) -> Variables {
    let set = set.iter().filter(|(_, value)| !value.is_empty());
    set.map(|(end, value)| (variable(Network::Eip155(chain), end), (*value).to_owned())).collect()
}

fn read(flags: &[&str], variables: &Variables) -> Result<Vec<NetworkSettings>, String> {
    let options = Options::from_flags(flags.iter().copied()).map_err(|error| error.to_string())?;
    options.check_with(variables).map(|config| config.networks).map_err(|error| error.to_string())
}

fn on_base(more: &[(&str, &str)]) -> Result<NetworkSettings, String> {
    let mut set: BTreeMap<&str, &str> = [(RPC_URL, "https://node.example/v2/hunter2"), (PAY_TO, PAID), (OPERATOR_KEYS, KEYS[0])].into();
    set.extend(more.iter().copied());
    let set: Vec<_> = set.into_iter().collect();
    read(&["--x402-networks=eip155:8453"], &variables(8453, &set)).map(|mut networks| networks.remove(0))
}

#[test]
fn base_needs_a_node_a_key_and_a_recipient() {
    let base = on_base(&[]).unwrap();
    let terms = &base.terms;
    assert_eq!(terms.asset.to_string(), "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
    assert_eq!((&*terms.asset_name, &*terms.asset_version, terms.pay_to.to_string().as_str()), ("USD Coin", "2", PAID));
    assert_eq!((terms.permit2, terms.proxy, base.proxy_code_hash), (Terms::PERMIT2, Terms::UPTO_PROXY, UPTO_PROXY_CODE_HASH));
    assert!(matches!(&base.way, WaySettings::Direct { operators, sponsors: false } if operators[0].wallet().to_string() == FIRST));
    assert_eq!((base.caps, base.stall_seconds, base.contracts.len()), (Caps::default(), None, 0));
    let policy = base.policy;
    assert_eq!((policy.batch_max, policy.linger_ms, policy.confirmations, policy.give_up_ms), (25, 1000, 1, 30_000));
}

#[test]
fn the_ways() {
    let both = KEYS.join(" , ");
    let batch = on_base(&[(OPERATOR_KEYS, &both), (SETTLER_ADDRESS, TOKEN)]).unwrap();
    assert!(matches!(&batch.way, WaySettings::Batch { settler, operators } if settler.to_string() == TOKEN && operators.len() == 2));
    let hosted = on_base(&[(OPERATOR_KEYS, ""), (FACILITATOR_URL, "https://facilitator.example/x402")]).unwrap();
    assert!(matches!(&hosted.way, WaySettings::Hosted(settings) if settings.cdp.is_none()));
    let two = on_base(&[(RPC_URL, "https://one.example,http://127.0.0.1:8545/")]).unwrap();
    assert_eq!(two.rpc.urls.len(), 2);
    assert_eq!(on_base(&[(PROXY_CODE_HASH, &"ab".repeat(32))]).unwrap().proxy_code_hash, [0xab; 32]);
}

/// A settler, or somebody else's facilitator, can't send an allowance along: nobody is let to believe that it does.
#[test]
fn allowances_are_sponsored_by_operators_alone() {
    let base = |more: &[(&str, &str)]| {
        let set = [&[(RPC_URL, "http://127.0.0.1:1"), (PAY_TO, PAID)], more].concat();
        read(&["--x402-networks=eip155:8453", "--upto-sponsor-allowance"], &variables(8453, &set))
            .map(|mut networks| networks.remove(0).way)
    };
    assert!(matches!(base(&[(OPERATOR_KEYS, KEYS[0])]), Ok(WaySettings::Direct { sponsors: true, .. })));
    for (end, more) in [
        (SETTLER_ADDRESS, vec![(OPERATOR_KEYS, KEYS[0]), (SETTLER_ADDRESS, TOKEN)]),
        (FACILITATOR_URL, vec![(FACILITATOR_URL, "https://facilitator.example")]),
    ] {
        let refused = base(&more).unwrap_err();
        assert!(refused.starts_with(&format!("UPTO_SPONSOR_ALLOWANCE must be false where X402_EIP155_8453_{end} is set")), "{refused}");
    }
}

/// Every fault names its variable, says what it must be, and tells no secret.
#[test]
fn t25_what_cannot_be_used_is_said_without_secrets() {
    let (twice, five) = ([KEYS[0]; 2].join(","), (1..=5).map(|n| format!("{n:064x}")).collect::<Vec<_>>().join(","));
    for (end, more, wanted) in [
        (RPC_URL, vec![(RPC_URL, "")], "must be set to the URL of a node"),
        (RPC_URL, vec![(RPC_URL, "wss://node.example/hunter2")], "must be an http or https URL"),
        (RPC_URL, vec![(RPC_URL, "hunter2")], "must be an http or https URL"),
        (RPC_URL, vec![(RPC_URL, " , ")], "must name a node"),
        (RPC_URL, vec![(RPC_URL, "http://a.example/hunter2,http://a.example/hunter2")], "must name each node once"),
        (PAY_TO, vec![(PAY_TO, "")], "must be set to the address that is paid"),
        (PAY_TO, vec![(PAY_TO, "0x9965507d1a55bcC2695C58ba16FB37d819B0A4dc")], "must be an address"),
        (PAY_TO, vec![(PAY_TO, "0x0000000000000000000000000000000000000000")], "must not be the address of nobody"),
        (PAY_TO, vec![(PAY_TO, FIRST)], "must not be an operator account"),
        (ASSET_NAME, vec![(ASSET, TOKEN)], "must be set, as the token's EIP-712 domain has it"),
        (ASSET_VERSION, vec![(ASSET, TOKEN), (ASSET_NAME, "USDC")], "must be set, as the token's EIP-712 domain has it"),
        (OPERATOR_KEYS, vec![(OPERATOR_KEYS, "")], "must be set to the keys of 1 to 4 accounts"),
        (OPERATOR_KEYS, vec![(OPERATOR_KEYS, "hunter2")], "must be secp256k1 secret keys"),
        (OPERATOR_KEYS, vec![(OPERATOR_KEYS, &twice)], "must hold each key once"),
        (OPERATOR_KEYS, vec![(OPERATOR_KEYS, &five)], "must be at most 4 keys"),
        (OPERATOR_KEYS, vec![(FACILITATOR_URL, "https://f.example")], "must not be set together with X402_EIP155_8453_FACILITATOR_URL"),
        (SETTLER_ADDRESS, vec![(SETTLER_ADDRESS, "settler")], "must be an address"),
        (
            SETTLER_ADDRESS,
            vec![(OPERATOR_KEYS, ""), (SETTLER_ADDRESS, TOKEN), (FACILITATOR_URL, "https://f.example")],
            "must not be set together with",
        ),
        (FACILITATOR_URL, vec![(OPERATOR_KEYS, ""), (FACILITATOR_URL, "ftp://hunter2")], "must be an http or https URL"),
        (CDP_API_KEY_SECRET, vec![(CDP_API_KEY_ID, "id")], "must be set where CDP_API_KEY_ID is"),
        (CDP_API_KEY_ID, vec![(CDP_API_KEY_SECRET, "hunter2")], "must be set where CDP_API_KEY_SECRET is"),
        (CDP_API_KEY_SECRET, vec![(CDP_API_KEY_ID, "id"), (CDP_API_KEY_SECRET, "hunter2")], "must be the base64 of 64 bytes"),
        (PROXY_CODE_HASH, vec![(PROXY_CODE_HASH, "0x12")], "must be a keccak256 hash"),
    ] {
        let refused = on_base(&more).unwrap_err();
        assert!(refused.starts_with(&format!("X402_EIP155_8453_{end} {wanted}")), "{end}: {refused}");
        assert!(!refused.contains("hunter2") && !refused.contains(&KEYS[0][2..]), "{end}: {refused}");
    }
    let refused = read(&["--x402-networks=eip155:31337"], &Variables::default()).unwrap_err();
    assert!(refused.starts_with("X402_EIP155_31337_ASSET must be set to the address of a token"), "{refused}");
}

#[test]
fn the_numbers_of_all_networks() {
    for (flag, wanted) in [
        ("--x402-networks=base", "must be CAIP-2 names"),
        ("--x402-networks=eip155:1,eip155:1", "must name each network once"),
        ("--settle-batch-max=26", "must be a whole number from 1 to 25"),
        ("--settle-batch-max=0", "must be a whole number from 1 to 25"),
        ("--confirmations=0", "must be a whole number from 1 to 1000"),
        ("--upto-release=completed", "must be settled"),
        ("--upto-waive-below-usd=1.01", "must be from 0 to 1 US dollars"),
        ("--wallet-starting-credit-usd=101", "must be from 0 to 100 US dollars"),
        ("--upto-breaker-losses=1001", "must be a whole number from 0 to 1000"),
        ("--upto-allowed-contracts=0x12", "must be addresses"),
        ("--chain-stall-seconds=0", "must be a whole number from 1"),
        ("--upto-max-exposure-usd=-1", "must not be negative"),
    ] {
        let refused = read(&[flag], &Variables::default()).unwrap_err();
        assert!(refused.contains(wanted), "{flag}: {refused}");
    }
    let set = variables(8453, &[(RPC_URL, "http://127.0.0.1:1"), (PAY_TO, PAID), (OPERATOR_KEYS, KEYS[0])]);
    let flags = ["--x402-networks=eip155:8453", "--confirmations=100", "--upto-max-exposure-usd=7", "--chain-stall-seconds=30"];
    let base = read(&flags, &set).unwrap().remove(0);
    assert_eq!((base.policy.confirmations, base.policy.keep_blocks, base.stall_seconds), (100, 100, Some(30)));
    assert_eq!(base.caps.each, crate::types::Usd::from_micros(7_000_000));
    let refused = read(&["--x402-networks=eip155:8453", "--job-run-seconds=901"], &set).unwrap_err();
    assert!(refused.starts_with("JOB_RUN_SECONDS must be less"), "{refused}");
}

/// T-25
#[test]
fn t25_what_is_shown_is_masked() {
    let secrets = [
        (RPC_URL, "https://node.example/hunter2,http://127.0.0.1:8545"),
        (OPERATOR_KEYS, KEYS[0]),
        (PAY_TO, PAID),
        (CDP_API_KEY_SECRET, "hunter2"),
    ];
    let variables = variables(8453, &secrets);
    let rows = shown(&[Network::Eip155(8453)], &variables);
    let of = |end: &str| rows.iter().find(|(name, ..)| *name == variable(Network::Eip155(8453), end)).unwrap().1.clone();
    assert_eq!(of(RPC_URL).unwrap(), "node.example,127.0.0.1:8545");
    assert_eq!(of(OPERATOR_KEYS).unwrap(), format!("******** (of {FIRST})"));
    assert_eq!(of(CDP_API_KEY_SECRET).unwrap(), "********");
    assert_eq!(of(ASSET_NAME).unwrap(), "USD Coin");
    assert_eq!(of(PAY_TO).unwrap(), PAID);
    let told = format!("{rows:?} {variables:?}");
    assert!(!told.contains("hunter2") && !told.contains(&KEYS[0][2..]), "{told}");
}
