// The lens: one call of code that is never deployed, against what the contracts say themselves.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decodeAbiParameters, decodeErrorResult, encodeDeployData, numberToHex, parseAbiParameters, toHex } from 'viem';
import { FUNDS, PERMIT2, UNLIMITED, abiOf, artifact, call, startWorld } from '../chain/world.mjs';

const ANSWER = parseAbiParameters([
  'ReadAt at, Answer[] answers',
  'struct ReadAt { uint256 number; uint256 timestamp; uint256 chainId; }',
  'struct Answer { bool ok; uint256 balance; uint256 allowance; uint256 codeSize; uint256[] bitmaps; uint8[] authorizations; }',
]);
const UNUSED = 0;
const USED = 1;
const UNKNOWN = 2;

let world;
let wallet;
before(async () => {
  world = await startWorld({ payers: 4 });
  wallet = await world.deploy('FickleWallet');
});
after(() => world?.chain.stop());

const lens = (token, queries, permit2 = PERMIT2) => ({
  data: encodeDeployData({ abi: abiOf('PayerLens'), bytecode: artifact('PayerLens').bytecode, args: [token, permit2, queries] }),
});
const ask = async (queries, { token = world.token, permit2 = PERMIT2, block = 'latest' } = {}) =>
  decodeAbiParameters(ANSWER, await world.chain.rpc('eth_call', [lens(token, queries, permit2), block]));
const query = (payer, words = [], authorizations = []) => ({ payer, words, authorizations });
const number = async (to, contract, name, args) => BigInt(await world.chain.rpc('eth_call', [call(to, contract, name, args), 'latest']));
const refusal = async (...asked) => {
  const error = await world.chain.rpc('eth_call', asked).then(() => assert.fail('it answers'), (error) => error);
  return decodeErrorResult({ abi: abiOf('PayerLens'), data: error.data }).errorName;
};

test('several payers at one block, as the contracts themselves answer', async () => {
  const [payer, revoked] = world.payers;
  const [empty] = world.withoutAllowance;
  const [word, nonce, cancelled] = [BigInt(toHex(randomBytes(31))), toHex(randomBytes(32)), toHex(randomBytes(32))];
  await world.send({ from: payer.address, ...call(PERMIT2, 'Permit2', 'invalidateUnorderedNonces', [word, 0b101n]) });
  await world.send({ from: revoked.address, ...call(world.token, 'TestToken', 'approve', [PERMIT2, 7n]) });
  await world.send(call(world.token, 'TestToken', 'mint', [wallet, 12n]));
  // The wallet takes any signature for its own.
  await world.send(call(world.token, 'TestToken', 'cancelAuthorization', [wallet, cancelled, '0x']));

  const queries = [
    query(payer.address, [word, word + 1n], [nonce]),
    query(revoked.address),
    query(empty.address, [word], [nonce, nonce]),
    query(wallet, [0n], [cancelled, nonce]),
  ];
  const [at, answers] = await ask(queries);
  const block = await world.chain.rpc('eth_getBlockByNumber', ['latest', false]);
  assert.deepEqual(at, { number: BigInt(block.number), timestamp: at.timestamp, chainId: 31337n });
  assert(at.timestamp >= BigInt(block.timestamp));
  const codeSize = BigInt((await world.chain.rpc('eth_getCode', [wallet, 'latest'])).length / 2 - 1);
  assert.deepEqual(answers, [
    { ok: true, balance: FUNDS, allowance: UNLIMITED, codeSize: 0n, bitmaps: [0b101n, 0n], authorizations: [UNUSED] },
    { ok: true, balance: FUNDS, allowance: 7n, codeSize: 0n, bitmaps: [], authorizations: [] },
    { ok: true, balance: FUNDS, allowance: 0n, codeSize: 0n, bitmaps: [0n], authorizations: [UNUSED, UNUSED] },
    { ok: true, balance: 12n, allowance: 0n, codeSize, bitmaps: [0n], authorizations: [USED, UNUSED] },
  ]);
  for (const [index, { payer: asked, words }] of queries.entries()) {
    assert.equal(answers[index].balance, await number(world.token, 'TestToken', 'balanceOf', [asked]));
    assert.equal(answers[index].allowance, await number(world.token, 'TestToken', 'allowance', [asked, PERMIT2]));
    for (const [place, each] of words.entries()) {
      assert.equal(answers[index].bitmaps[place], await number(PERMIT2, 'Permit2', 'nonceBitmap', [asked, each]));
    }
  }
});

test('at an earlier block it answers for that block', async () => {
  const [, , payer] = world.payers;
  const block = await world.chain.rpc('eth_blockNumber');
  await world.send({ from: payer.address, ...call(world.token, 'TestToken', 'transfer', [world.stranger.address, FUNDS]) });
  const [then, [rich]] = await ask([query(payer.address)], { block });
  const [now, [poor]] = await ask([query(payer.address)]);
  assert.deepEqual([then.number, rich.balance], [BigInt(block), FUNDS]);
  assert.deepEqual([now.number, poor.balance], [BigInt(block) + 1n, 0n]);
});

test('a token that is none, reverts, burns gas or shouts makes its own answers unknown, and nothing else', async () => {
  const [payer] = world.payers;
  const none = { ok: false, balance: 0n, allowance: 0n, codeSize: 0n };
  const tokens = [world.stranger.address, PERMIT2, world.settler];
  for (const name of ['GasBurningWallet', 'LoudWallet', 'SilentDelegate']) tokens.push(await world.deploy(name));
  for (const token of tokens) {
    const [, [answer]] = await ask([query(payer.address, [1n], [toHex(1, { size: 32 })])], { token });
    const { bitmaps, authorizations, ...rest } = answer;
    assert.deepEqual([rest, bitmaps, authorizations], [none, [0n], [UNKNOWN]], token);
  }
  const [, [{ ok, balance }]] = await ask([query(payer.address, [1n])], { permit2: world.stranger.address });
  assert.deepEqual([ok, balance], [false, FUNDS], 'no Permit2: the word is unknown, the balance is not');
});

test('an answer that would not fit, and too little gas, are said', async () => {
  const many = (count) => Array.from({ length: count }, () => query(world.payers[0].address, [1n], [toHex(1, { size: 32 })]));
  assert.equal((await ask(many(60)))[1].length, 60);
  assert.equal(await refusal(lens(world.token, many(80)), 'latest'), 'AnswerTooLong');
  for (let gas = 250_000; gas < 6_000_000; gas += 250_000) {
    const called = { ...lens(world.token, many(20)), gas: numberToHex(gas) };
    const answered = await world.chain.rpc('eth_call', [called, 'latest']).catch(() => undefined);
    if (answered !== undefined) assert(decodeAbiParameters(ANSWER, answered)[1].every(({ ok }) => ok), `${gas} gas`);
  }
});
