// The chain that tests settle on: the token's signatures, Permit2, and the stand-in of the proxy.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { encodeAbiParameters, hexToNumber, keccak256, numberToHex, parseAbiParameters, parseSignature, slice, toFunctionSelector, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { now, settleArguments, upto } from '../chain/upto.mjs';
import { FUNDS, PERMIT2, PROXY, abiOf, call, startWorld } from '../chain/world.mjs';

const AUTHORIZATION = [
  { name: 'from', type: 'address' },
  { name: 'to', type: 'address' },
  { name: 'value', type: 'uint256' },
  { name: 'validAfter', type: 'uint256' },
  { name: 'validBefore', type: 'uint256' },
  { name: 'nonce', type: 'bytes32' },
];
const TYPES = {
  TransferWithAuthorization: AUTHORIZATION,
  ReceiveWithAuthorization: AUTHORIZATION,
  CancelAuthorization: [
    { name: 'authorizer', type: 'address' },
    { name: 'nonce', type: 'bytes32' },
  ],
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
};

let world;
before(async () => {
  world = await startWorld({ payers: 8 });
});
after(() => world?.chain.stop());

async function sign(payer, primaryType, message) {
  const domain = { name: 'USDC', version: '2', chainId: world.chainId, verifyingContract: world.token };
  return privateKeyToAccount(payer.key).signTypedData({ domain, types: TYPES, primaryType, message });
}
const split = (signature) => {
  const { r, s, yParity } = parseSignature(signature);
  return { v: 27 + yParity, r, s };
};
const token = (name, args) => call(world.token, 'TestToken', name, args);
const read = async (name, args) => BigInt(await world.chain.rpc('eth_call', [token(name, args), 'latest']));
/** What a transaction would revert with: its text where it has one, or its selector. */
async function refusal(transaction) {
  const error = await world.chain.rpc('eth_call', [transaction, 'latest']).then(() => assert.fail('it succeeds'), (error) => error);
  const text = /execution reverted: (.*)$/.exec(error.message)?.[1];
  return slice(error.data, 0, 4) === toFunctionSelector('Error(string)') ? text : slice(error.data, 0, 4);
}
const authorization = (payer, terms = {}) => {
  const message = { from: payer.address, to: world.payTo.address, value: 1_000n, validAfter: 0n, validBefore: now() + 60n, nonce: toHex(randomBytes(32)), ...terms };
  return { message, args: AUTHORIZATION.map(({ name }) => message[name]) };
};

test('Permit2 is where the deployer of every chain puts it, with its own domain', async () => {
  const separator = await world.chain.rpc('eth_call', [call(PERMIT2, 'Permit2', 'DOMAIN_SEPARATOR', []), 'latest']);
  const type = keccak256(toHex('EIP712Domain(string name,uint256 chainId,address verifyingContract)'));
  const fields = parseAbiParameters('bytes32, bytes32, uint256, address');
  assert.equal(separator, keccak256(encodeAbiParameters(fields, [type, keccak256(toHex('Permit2')), 31337n, PERMIT2])));
});

test('the stand-in has the selectors of the proxy', () => {
  const selectors = abiOf('UptoProxyStandIn').filter(({ type }) => type === 'function').map((each) => [each.name, toFunctionSelector(each)]);
  assert.deepEqual(Object.fromEntries(selectors), { settle: '0xff11e7b4', settleWithPermit: '0x016c1748' });
});

test('the stand-in checks what the proxy checks, in its order', async () => {
  const [payer] = world.payers;
  const [facilitator, nobody] = [world.stranger.address, '0x0000000000000000000000000000000000000000'];
  // Each is wrong in one thing less than the one before.
  const wrong = { maximum: 5n, amount: 6n, facilitator: world.payTo.address, to: nobody, validAfter: now() + 600n, deadline: 1n };
  const steps = [
    [{}, 'AmountExceedsPermitted()'],
    [{ amount: 0n }, 'UnauthorizedFacilitator()'],
    [{ facilitator }, 'InvalidAmount()'],
    [{ amount: 5n }, 'InvalidDestination()'],
    [{ to: world.payTo.address }, 'PaymentTooEarly()'],
    [{ validAfter: 0n }, 'SignatureExpired(uint256)'],
  ];
  const terms = { ...wrong };
  for (const [fix, error] of steps) {
    Object.assign(terms, fix);
    const item = await upto(world, payer, terms);
    assert.equal(await refusal({ from: facilitator, ...call(PROXY, 'UptoProxyStandIn', 'settle', settleArguments(item)) }), toFunctionSelector(error), error);
  }
  const orphan = { ...(await upto(world, payer, { facilitator, to: nobody })), owner: nobody };
  assert.equal(await refusal({ from: facilitator, ...call(PROXY, 'UptoProxyStandIn', 'settle', settleArguments(orphan)) }), toFunctionSelector('InvalidOwner()'));
});

test('EIP-2612: a permit along with the payment, and one that comes too late', async () => {
  const [payer] = world.withoutAllowance;
  const facilitator = world.stranger.address;
  const deadline = now() + 600n;
  const message = { owner: payer.address, spender: PERMIT2, value: 500_000n, nonce: 0n, deadline };
  const permit2612 = { value: 500_000n, deadline, ...split(await sign(payer, 'Permit', message)) };
  const settle = async (terms, permit = permit2612) => {
    const item = await upto(world, payer, { facilitator, ...terms });
    return { from: facilitator, ...call(PROXY, 'UptoProxyStandIn', 'settleWithPermit', [permit, ...settleArguments(item)]) };
  };
  assert.equal(await refusal(await settle({}, { ...permit2612, value: 1n })), toFunctionSelector('Permit2612AmountMismatch()'));
  await world.send(await settle({ amount: 300_000n }));
  assert.equal(await read('allowance', [payer.address, PERMIT2]), 200_000n);
  assert.equal(await read('nonces', [payer.address]), 1n);
  // The permit's nonce is spent: refused in silence, and what the first one left still serves.
  assert.equal(await refusal(await settle({ amount: 300_000n })), 'TRANSFER_FROM_FAILED');
  await world.send(await settle({ amount: 200_000n }));
});

test('EIP-2612: the wrong signer, an old deadline', async () => {
  const [payer, other] = world.payers;
  const permit = async (signer, deadline) => {
    const message = { owner: payer.address, spender: other.address, value: 1n, nonce: 0n, deadline };
    const { v, r, s } = split(await sign(signer, 'Permit', message));
    return token('permit', [payer.address, other.address, 1n, deadline, v, r, s]);
  };
  assert.equal(await refusal(await permit(payer, now() - 60n)), 'FiatTokenV2: permit is expired');
  assert.equal(await refusal(await permit(other, now() + 60n)), 'EIP2612: invalid signature');
  await world.send(await permit(payer, now() + 60n));
  assert.equal(await read('allowance', [payer.address, other.address]), 1n);
});

test('EIP-3009: both forms of a transfer, once each', async (t) => {
  const [, , payer, other] = world.payers;
  const paidBefore = await read('balanceOf', [world.payTo.address]);
  const first = authorization(payer);
  const signature = await sign(payer, 'TransferWithAuthorization', first.message);
  const { v, r, s } = split(signature);
  const receipt = await world.send(token('transferWithAuthorization', [...first.args, v, r, s]));
  t.diagnostic(`transferWithAuthorization: ${hexToNumber(receipt.gasUsed)} gas`);
  assert.equal(await read('authorizationState', [payer.address, first.message.nonce]), 1n);
  assert.equal(await refusal(token('transferWithAuthorization', [...first.args, signature])), 'FiatTokenV2: authorization is used or canceled');
  const second = authorization(payer);
  await world.send(token('transferWithAuthorization', [...second.args, await sign(payer, 'TransferWithAuthorization', second.message)]));
  assert.equal((await read('balanceOf', [world.payTo.address])) - paidBefore, 2_000n);

  const refused = async (terms, signer = payer) => {
    const { message, args } = authorization(payer, terms);
    return refusal(token('transferWithAuthorization', [...args, await sign(signer, 'TransferWithAuthorization', message)]));
  };
  assert.equal(await refused({ validAfter: now() + 60n }), 'FiatTokenV2: authorization is not yet valid');
  assert.equal(await refused({ validBefore: now() - 60n }), 'FiatTokenV2: authorization is expired');
  assert.equal(await refused({}, other), 'FiatTokenV2: invalid signature');
  assert.equal(await refused({ value: FUNDS + 1n }), 'ERC20: transfer amount exceeds balance');
});

test('EIP-3009: a contract that answers for its signature, a payee who takes, a payer who cancels', async () => {
  const [, , , , payer] = world.payers;
  const wallet = { address: await world.deploy('FickleWallet') };
  await world.send(token('mint', [wallet.address, 5_000n]));
  await world.send(token('transferWithAuthorization', [...authorization(wallet).args, '0x01']));
  assert.equal(await read('balanceOf', [wallet.address]), 4_000n);
  await world.send(call(wallet.address, 'FickleWallet', 'setWilling', [false]));
  assert.equal(await refusal(token('transferWithAuthorization', [...authorization(wallet).args, '0x01'])), 'FiatTokenV2: invalid signature');

  const taken = authorization(payer, { to: world.stranger.address });
  const { v, r, s } = split(await sign(payer, 'ReceiveWithAuthorization', taken.message));
  const receive = token('receiveWithAuthorization', [...taken.args, v, r, s]);
  assert.equal(await refusal({ from: payer.address, ...receive }), 'FiatTokenV2: caller must be the payee');
  await world.send({ from: world.stranger.address, ...receive });
  assert.equal(await read('balanceOf', [world.stranger.address]), 1_000n);

  const cancelled = authorization(payer);
  const cancel = split(await sign(payer, 'CancelAuthorization', { authorizer: payer.address, nonce: cancelled.message.nonce }));
  await world.send(token('cancelAuthorization', [payer.address, cancelled.message.nonce, cancel.v, cancel.r, cancel.s]));
  const signature = await sign(payer, 'TransferWithAuthorization', cancelled.message);
  assert.equal(await refusal(token('transferWithAuthorization', [...cancelled.args, signature])), 'FiatTokenV2: authorization is used or canceled');
});

test('a signature in its other form (EIP-2098) pays too, and a clock wound on lets a payment expire', async () => {
  const [, , , , , payer] = world.payers;
  const facilitator = world.stranger.address;
  const long = await upto(world, payer, { facilitator });
  const { r, s, yParity } = parseSignature(long.signature);
  const compact = `${r}${numberToHex(BigInt(s) | (BigInt(yParity) << 255n), { size: 32 }).slice(2)}`;
  await world.send({ from: facilitator, ...call(PROXY, 'UptoProxyStandIn', 'settle', settleArguments({ ...long, signature: compact })) });
  const late = await upto(world, payer, { facilitator });
  await world.chain.rpc('evm_increaseTime', [1300]);
  await world.chain.rpc('evm_mine');
  const settle = { from: facilitator, ...call(PROXY, 'UptoProxyStandIn', 'settle', settleArguments(late)) };
  assert.equal(await refusal(settle), toFunctionSelector('SignatureExpired(uint256)'));
});
