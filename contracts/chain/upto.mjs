// What a buyer signs for an `upto` payment, and how a settler's answer is read.
import { randomBytes } from 'node:crypto';
import { decodeEventLog, encodeAbiParameters, isAddressEqual, keccak256, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { PERMIT2, PROXY, abiOf } from './world.mjs';

const TYPES = {
  PermitWitnessTransferFrom: [
    { name: 'permitted', type: 'TokenPermissions' },
    { name: 'spender', type: 'address' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'witness', type: 'Witness' },
  ],
  TokenPermissions: [
    { name: 'token', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
  Witness: [
    { name: 'to', type: 'address' },
    { name: 'facilitator', type: 'address' },
    { name: 'validAfter', type: 'uint256' },
  ],
};

/** Now, in the seconds that deadlines are in. */
export const now = () => BigInt(Math.floor(Date.now() / 1000));

/**
 * A payment signed by `payer` and charged as an item of a batch. What isn't said is usual: $0.50 at most, $0.20 charged,
 * 20 minutes, a random nonce. `signature` stands in for the payer's own.
 */
export async function upto(world, payer, terms = {}) {
  const { maximum = 500_000n, amount = 200_000n, nonce = BigInt(toHex(randomBytes(32))), deadline = now() + 1200n } = terms;
  const { facilitator = world.settler, to = world.payTo.address, validAfter = 0n } = terms;
  const permit = { permitted: { token: world.token, amount: maximum }, nonce, deadline };
  const witness = { to, facilitator, validAfter };
  const message = { ...permit, spender: PROXY, witness };
  const domain = { name: 'Permit2', chainId: world.chainId, verifyingContract: PERMIT2 };
  const typed = { domain, types: TYPES, primaryType: 'PermitWitnessTransferFrom', message };
  const signature = terms.signature ?? (await privateKeyToAccount(payer.key).signTypedData(typed));
  return { permit, amount, owner: payer.address, witness, signature };
}

/** The arguments of the proxy's `settle`. */
export const settleArguments = ({ permit, amount, owner, witness, signature }) => [permit, amount, owner, witness, signature];

/** What a payment's log is found by. */
export function keyOf({ owner, permit }) {
  return keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [owner, permit.nonce]));
}

/** What a batch's logs say of each item: `settled` with its amount, or the reason. */
export function outcomes(world, logs, items) {
  const said = logs
    .filter((log) => isAddressEqual(log.address, world.settler))
    .map(({ topics, data }) => decodeEventLog({ abi: abiOf('Settler'), topics, data }));
  return items.map((item) => {
    const mine = said.filter(({ args }) => args.key === keyOf(item));
    if (mine.length !== 1) throw new Error(`${mine.length} logs for one item`);
    const [{ eventName, args }] = mine;
    return eventName === 'ItemSettled' ? { settled: args.amount } : { failed: args.reason };
  });
}
