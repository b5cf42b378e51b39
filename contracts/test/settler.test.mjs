// The settler on a chain: what it settles, whom it refuses, and that no item harms another.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWalletClient, decodeErrorResult, decodeFunctionResult, encodeDeployData, http, numberToHex, toFunctionSelector } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { RpcError } from '../chain/anvil.mjs';
import { keyOf, now, outcomes, settleArguments, upto } from '../chain/upto.mjs';
import { FUNDS, PERMIT2, PROXY, UNLIMITED, abiOf, artifact, call, startWorld } from '../chain/world.mjs';

let world;
before(async () => {
  world = await startWorld({ payers: 25 });
});
after(() => world?.chain.stop());

const SETTLED = { settled: 200_000n };
const refused = (error) => ({ failed: error === '' ? '0x00000000' : toFunctionSelector(error) });
const TRANSFER_FAILED = refused('Error(string)');

const batch = (items, operator = world.operators[0]) => ({ from: operator.address, ...call(world.settler, 'Settler', 'settle', [items]) });
const signed = (count, terms) => Promise.all(world.payers.slice(0, count).map((payer) => upto(world, payer, terms)));
const balanceOf = async ({ address }) => BigInt(await world.chain.rpc('eth_call', [call(world.token, 'TestToken', 'balanceOf', [address]), 'latest']));
const gasOf = (receipt) => Number(receipt.gasUsed);

/** What a call would revert with, or undefined. */
async function revertOf(transaction, abi) {
  try {
    await world.chain.rpc('eth_call', [transaction, 'latest']);
    return undefined;
  } catch (error) {
    return decodeErrorResult({ abi, data: error.data });
  }
}

test('gas: batches of 1, 10 and 25 against a single direct settle', async (t) => {
  const facilitator = world.operators[0].address;
  const direct = await upto(world, world.payers[0], { facilitator });
  const single = gasOf(await world.send({ from: facilitator, ...call(PROXY, 'UptoProxyStandIn', 'settle', settleArguments(direct)) }));
  t.diagnostic(`direct settle: ${single} gas`);
  const parts = {};
  for (const count of [1, 10, 25]) {
    const items = await signed(count);
    const paidBefore = await balanceOf(world.payTo);
    const receipt = await world.send(batch(items));
    assert.deepEqual(outcomes(world, receipt.logs, items), Array(count).fill(SETTLED));
    assert.equal((await balanceOf(world.payTo)) - paidBefore, 200_000n * BigInt(count));
    const gas = gasOf(receipt);
    parts[count] = gas / count / single;
    t.diagnostic(`batch of ${count}: ${gas} gas, ${Math.round(gas / count)} each, ${parts[count].toFixed(3)} of a direct settle`);
  }
  assert(parts[1] < 1.12 && parts[10] < 0.72 && parts[25] < 0.69, JSON.stringify(parts));
});

test('a mixed batch: each bad item fails alone, with its reason', async (t) => {
  const [drained, revoked, cancelled, expired, foreign, ...good] = world.payers;
  const bomb = { address: await world.deploy('GasBurningWallet') };
  await world.send(call(world.token, 'TestToken', 'mint', [bomb.address, FUNDS]));
  const cases = [
    [await upto(world, good[0]), SETTLED],
    [await upto(world, drained), TRANSFER_FAILED],
    [await upto(world, revoked), TRANSFER_FAILED],
    [await upto(world, good[1]), SETTLED],
    [await upto(world, cancelled), refused('InvalidNonce()')],
    [await upto(world, expired, { deadline: now() - 60n }), refused('SignatureExpired(uint256)')],
    [await upto(world, foreign, { facilitator: world.operators[0].address }), refused('UnauthorizedFacilitator()')],
    [await upto(world, bomb, { signature: '0x' }), refused('')],
    [await upto(world, good[2]), SETTLED],
    [await upto(world, good[3]), SETTLED],
  ];
  const items = cases.map(([item]) => item);
  // What the payers do after their payments were accepted.
  const drain = await balanceOf(drained);
  await world.send({ from: drained.address, ...call(world.token, 'TestToken', 'transfer', [world.stranger.address, drain]) });
  await world.send({ from: revoked.address, ...call(world.token, 'TestToken', 'approve', [PERMIT2, 0n]) });
  const { nonce } = items[4].permit;
  await world.send({ from: cancelled.address, ...call(PERMIT2, 'Permit2', 'invalidateUnorderedNonces', [nonce >> 8n, 1n << (nonce & 255n)]) });

  const paidBefore = await balanceOf(world.payTo);
  const receipt = await world.send(batch(items));
  assert.deepEqual(outcomes(world, receipt.logs, items), cases.map(([, outcome]) => outcome));
  assert.equal((await balanceOf(world.payTo)) - paidBefore, 4n * 200_000n);
  t.diagnostic(`a mixed batch of 10, 4 of them good: ${gasOf(receipt)} gas`);

  // As they were, for the tests below.
  await world.send(call(world.token, 'TestToken', 'mint', [drained.address, drain]));
  await world.send({ from: revoked.address, ...call(world.token, 'TestToken', 'approve', [PERMIT2, UNLIMITED]) });
});

test('what else can be wrong with an item', async () => {
  const [good, zero, over, early, bad, paused] = world.payers;
  const [fickle, loud] = [{ address: await world.deploy('FickleWallet') }, { address: await world.deploy('LoudWallet') }];
  for (const [wallet, name] of [[fickle, 'FickleWallet'], [loud, 'LoudWallet']]) {
    await world.send(call(world.token, 'TestToken', 'mint', [wallet.address, FUNDS]));
    const approve = call(world.token, 'TestToken', 'approve', [PERMIT2, FUNDS]);
    await world.send(call(wallet.address, name, 'execute', [approve.to, approve.data]));
  }
  const willing = await upto(world, fickle, { signature: '0x01' });
  assert.deepEqual(outcomes(world, (await world.send(batch([willing]))).logs, [willing]), [SETTLED]);
  await world.send(call(fickle.address, 'FickleWallet', 'setWilling', [false]));

  const flipped = { ...(await upto(world, bad)), owner: good.address };
  const cases = [
    [await upto(world, zero, { amount: 0n }), refused('InvalidAmount()')],
    [await upto(world, over, { amount: 500_001n }), refused('AmountExceedsPermitted()')],
    [await upto(world, early, { validAfter: now() + 600n }), refused('PaymentTooEarly()')],
    [flipped, refused('InvalidSigner()')],
    [await upto(world, bad, { signature: '0x1234' }), refused('InvalidSignatureLength()')],
    [await upto(world, fickle, { signature: '0x01' }), refused('InvalidContractSignature()')],
    // What a payer's code reverts with is its own choice: here it plays a nonce that was used.
    [await upto(world, loud, { signature: '0x01' }), refused('InvalidNonce()')],
    [await upto(world, good), SETTLED],
  ];
  const items = cases.map(([item]) => item);
  const receipt = await world.send(batch(items));
  assert.deepEqual(outcomes(world, receipt.logs, items), cases.map(([, outcome]) => outcome));

  const held = await upto(world, paused);
  await world.send(call(world.token, 'TestToken', 'setBlacklisted', [paused.address, true]));
  assert.deepEqual(outcomes(world, (await world.send(batch([held]))).logs, [held]), [TRANSFER_FAILED]);
  await world.send(call(world.token, 'TestToken', 'setBlacklisted', [paused.address, false]));
  await world.send(call(world.token, 'TestToken', 'setPaused', [true]));
  assert.deepEqual(outcomes(world, (await world.send(batch([held]))).logs, [held]), [TRANSFER_FAILED]);
  await world.send(call(world.token, 'TestToken', 'setPaused', [false]));
  assert.deepEqual(outcomes(world, (await world.send(batch([held]))).logs, [held]), [SETTLED], 'a failed item can be sent again');
});

test('a payer who has delegated its account since: its signature no longer counts', async () => {
  const payer = world.payers[24];
  const item = await upto(world, payer);
  const delegate = await world.deploy('SilentDelegate');
  const wallet = createWalletClient({ account: privateKeyToAccount(world.stranger.key), chain: foundry, transport: http(world.chain.url) });
  const authorize = async (address) => {
    const authorization = await wallet.signAuthorization({ account: privateKeyToAccount(payer.key), contractAddress: address });
    const hash = await wallet.sendTransaction({ to: world.stranger.address, authorizationList: [authorization] });
    while ((await world.chain.rpc('eth_getTransactionReceipt', [hash])) === null);
  };
  await authorize(delegate);
  assert.equal(await world.chain.rpc('eth_getCode', [payer.address, 'latest']), `0xef0100${delegate.slice(2).toLowerCase()}`);
  const [outcome] = outcomes(world, (await world.send(batch([item]))).logs, [item]);
  assert.deepEqual(outcome, refused(''));
  await authorize('0x0000000000000000000000000000000000000000');
  assert.deepEqual(outcomes(world, (await world.send(batch([item]))).logs, [item]), [SETTLED]);
});

test('too little gas undoes the whole transaction, and the same items settle in the next one', async () => {
  const items = await signed(10);
  const paidBefore = await balanceOf(world.payTo);
  const gas = numberToHex(500_000);
  const { errorName, args } = await revertOf({ ...batch(items), gas }, abiOf('Settler'));
  assert.equal(errorName, 'TooLittleGas');
  assert(args[0] > 0n && args[1] < args[2], 'not the first item, and it says what it had and what it needed');
  const receipt = await world.attempt({ ...batch(items), gas });
  assert.equal(receipt.status, '0x0');
  assert.deepEqual(receipt.logs, []);
  assert.equal(await balanceOf(world.payTo), paidBefore);
  assert.deepEqual(outcomes(world, (await world.send(batch(items))).logs, items), Array(10).fill(SETTLED));
});

/** Tries a call with gas from little to plenty: it is undone, or every item settles, and both happen. */
async function sweep(items, { from, to, step }) {
  const seen = { whole: 0, undone: 0 };
  for (let gas = from; gas < to; gas += step) {
    try {
      const answer = await world.chain.rpc('eth_call', [{ ...batch(items), gas: numberToHex(gas) }, 'latest']);
      const all = decodeFunctionResult({ abi: abiOf('Settler'), functionName: 'settle', data: answer });
      assert(all.every(({ settled }) => settled), `${gas} gas: an item was refused`);
      seen.whole += 1;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      seen.undone += 1;
    }
  }
  assert(seen.whole > 5 && seen.undone > 5, JSON.stringify(seen));
}

test('no gas limit makes a good item fail, not even one that needs most of its budget', async () => {
  const dear = { address: await world.deploy('DearWallet') };
  await world.send(call(world.token, 'TestToken', 'mint', [dear.address, FUNDS]));
  const approve = call(world.token, 'TestToken', 'approve', [PERMIT2, FUNDS]);
  await world.send(call(dear.address, 'DearWallet', 'execute', [approve.to, approve.data]));
  const last = await upto(world, dear, { signature: '0x01' });
  // A starved item leaves the settler a 63rd of what it took: enough for its log only where it took much, so the steps are small.
  await sweep([last], { from: 150_000, to: 260_000, step: 199 });
  await sweep([...(await signed(2)), last], { from: 100_000, to: 480_000, step: 7_001 });
});

test('a gas limit that is enough whatever the items do', async (t) => {
  const bomb = { address: await world.deploy('GasBurningWallet') };
  const bombs = await Promise.all(Array.from({ length: 24 }, () => upto(world, bomb, { signature: `0x${'ff'.repeat(65)}` })));
  const items = [...bombs, await upto(world, world.payers[0])];
  const receipt = await world.send({ ...batch(items), gas: numberToHex(60_000 + 215_000 * items.length) });
  assert.deepEqual(outcomes(world, receipt.logs, items), [...Array(24).fill(refused('')), SETTLED]);
  t.diagnostic(`a batch of 25, 24 of them gas bombs: ${gasOf(receipt)} gas`);
});

test('a call tells of each item what the logs would', async () => {
  const items = [...(await signed(2)), await upto(world, world.payers[2], { amount: 0n })];
  const answer = await world.chain.rpc('eth_call', [batch(items), 'latest']);
  const reason = toFunctionSelector('InvalidAmount()');
  assert.deepEqual(decodeFunctionResult({ abi: abiOf('Settler'), functionName: 'settle', data: answer }), [
    { settled: true, reason: '0x00000000' },
    { settled: true, reason: '0x00000000' },
    { settled: false, reason },
  ]);
});

test('only the operators may settle, each of them, and each as a lane of its own in one block', async () => {
  const abi = abiOf('Settler');
  const [item] = await signed(1);
  for (const caller of [world.stranger, world.deployer, world.payTo, { address: '0x0000000000000000000000000000000000000000' }]) {
    const { errorName } = await revertOf(batch([item], caller), abi);
    assert.equal(errorName, 'NotOperator');
  }
  await world.chain.rpc('evm_setAutomine', [false]);
  const batches = [];
  for (const [lane, operator] of world.operators.entries()) {
    const items = await Promise.all(world.payers.slice(lane * 5, lane * 5 + 5).map((payer) => upto(world, payer)));
    batches.push({ items, hash: await world.chain.rpc('eth_sendTransaction', [{ ...batch(items, operator), gas: numberToHex(1_000_000) }]) });
  }
  await world.chain.rpc('evm_mine');
  await world.chain.rpc('evm_setAutomine', [true]);
  const receipts = await Promise.all(batches.map(({ hash }) => world.chain.rpc('eth_getTransactionReceipt', [hash])));
  assert.equal(new Set(receipts.map(({ blockNumber }) => blockNumber)).size, 1);
  receipts.forEach((receipt, lane) => assert.deepEqual(outcomes(world, receipt.logs, batches[lane].items), Array(5).fill(SETTLED)));
});

test('a batch sent twice moves nothing the second time, and an item is found by its key', async (t) => {
  const items = await signed(10);
  const first = await world.send(batch(items));
  const paidBefore = await balanceOf(world.payTo);
  const second = await world.send(batch(items, world.operators[3]));
  assert.equal(await balanceOf(world.payTo), paidBefore);
  assert.deepEqual(outcomes(world, second.logs, items), Array(10).fill(refused('InvalidNonce()')));
  t.diagnostic(`a batch of 10 repeated: ${gasOf(second)} gas`);

  const [settledTopic] = first.logs.at(-1).topics;
  const found = await world.chain.rpc('eth_getLogs', [{ address: world.settler, fromBlock: '0x0', topics: [settledTopic, keyOf(items[7])] }]);
  assert.deepEqual(found.map(({ transactionHash }) => transactionHash), [first.transactionHash]);
});

test('it is made for 1 to 4 operators and a proxy that is there', async () => {
  const { abi, bytecode } = artifact('Settler');
  const [one, two, three, four] = world.operators.map(({ address }) => address);
  const nobody = '0x0000000000000000000000000000000000000000';
  const made = (proxy, operators) => revertOf({ data: encodeDeployData({ abi, bytecode, args: [proxy, operators] }) }, abi);
  assert.equal((await made(PROXY, [])).errorName, 'OperatorCount');
  assert.equal((await made(PROXY, [one, two, three, four, world.stranger.address])).errorName, 'OperatorCount');
  assert.equal((await made(PROXY, [one, nobody])).errorName, 'ZeroOperator');
  assert.equal((await made(world.stranger.address, [one])).errorName, 'NoCode');
  const lone = await world.deploy('Settler', [PROXY, [two]]);
  const may = async (address) => BigInt(await world.chain.rpc('eth_call', [call(lone, 'Settler', 'isOperator', [address]), 'latest'])) === 1n;
  assert.deepEqual(await Promise.all([one, two, three, nobody].map(may)), [false, true, false, false]);
});

test('its code on the chain is the artifact, but for the immutables', async () => {
  const { deployedBytecode, immutables } = artifact('Settler');
  let code = await world.chain.rpc('eth_getCode', [world.settler, 'latest']);
  const word = (address) => address.slice(2).toLowerCase().padStart(64, '0');
  const wanted = { proxy: PROXY, ...Object.fromEntries(world.operators.map(({ address }, index) => [`operator${index}`, address])) };
  assert.deepEqual(Object.keys(immutables).sort(), Object.keys(wanted).sort());
  for (const [name, places] of Object.entries(immutables)) {
    for (const place of places) {
      const at = 2 + 2 * place;
      assert.equal(code.slice(at, at + 64), word(wanted[name]), name);
      code = code.slice(0, at) + '0'.repeat(64) + code.slice(at + 64);
    }
  }
  assert.equal(code, deployedBytecode);
});

test('it takes no ETH', async () => {
  const receipt = await world.attempt({ to: world.settler, value: '0x1' });
  assert.equal(receipt.status, '0x0');
  assert.equal((await world.attempt({ ...batch([]), value: '0x1' })).status, '0x0');
});
