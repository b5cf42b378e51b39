// Wallets for tests: what the official client signs, and what a wallet can do behind a server's back.
//
//   node tests/clients/wallet.mjs RPC_URL
//
// Reads a request of JSON on each line and answers it with a line, `{result}` or `{error}`; ends when standard input closes.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { x402Client, x402HTTPClient } from '@x402/core/client';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { createPublicClient, createWalletClient, decodeFunctionData, encodeFunctionData, http, isAddressEqual, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { PERMIT2, PROXY, abiOf, artifact } from '../../contracts/chain/world.mjs';

/** The official client with this key. It pays with any token, since none of a local chain is on its list. */
export function official(key) {
  const account = privateKeyToAccount(key);
  const client = new x402Client().setSpendControls(false);
  return client.register('eip155:*', new UptoEvmScheme(account)).register('eip155:*', new ExactEvmScheme(account));
}

/** `count` payments for what a 402 demands, each as the header that carries it. */
async function sign({ key, required, count = 1 }) {
  const client = new x402HTTPClient(official(key));
  const headers = [];
  for (let signed = 0; signed < count; signed += 1) {
    const payload = await client.createPaymentPayload(required);
    headers.push(client.encodePaymentSignatureHeader(payload)['PAYMENT-SIGNATURE']);
  }
  return headers;
}

/** Every payment that a transaction's public calldata shows, as whoever reads the chain could send it again. */
async function rebuild({ hash, required }, { chain }) {
  const { to, input } = await chain.getTransaction({ hash });
  const ours = isAddressEqual(to, PROXY);
  const { args } = decodeFunctionData({ abi: abiOf(ours ? 'UptoProxyStandIn' : 'Settler'), data: input });
  const items = ours ? [{ permit: args[0], owner: args[2], witness: args[3], signature: args[4] }] : args[0];
  return items.map(({ permit, owner, witness, signature }) => {
    const permit2Authorization = {
      permitted: { token: permit.permitted.token, amount: String(permit.permitted.amount) },
      from: owner,
      spender: PROXY,
      nonce: String(permit.nonce),
      deadline: String(permit.deadline),
      witness: { to: witness.to, facilitator: witness.facilitator, validAfter: String(witness.validAfter) },
    };
    const { resource, accepts } = required;
    const payload = { x402Version: 2, resource, accepted: accepts[0], payload: { signature, permit2Authorization } };
    return Buffer.from(JSON.stringify(payload)).toString('base64');
  });
}

/** Code for `delegate`: unless another is named, one that refuses every signature. Returns its address. */
async function deployDelegate({ sponsor, contract = 'SilentDelegate' }, { chain, walletOf }) {
  const { abi, bytecode } = artifact(contract);
  const hash = await walletOf(sponsor).deployContract({ abi, bytecode });
  return (await chain.waitForTransactionReceipt({ hash })).contractAddress;
}

/** What a transaction pays so that it is mined before those that tip less. Its gas is said, so that nothing has to be estimated. */
function tipping(tip) {
  const fees = { maxPriorityFeePerGas: BigInt(tip), maxFeePerGas: BigInt(tip) + 10n ** 11n };
  return { gas: 500_000n, ...(BigInt(tip) > 0n ? fees : {}) };
}

/** Puts code behind a wallet (EIP-7702): its own signatures no longer count for Permit2. Returns the transaction. */
async function delegate({ key, sponsor, code, tip }, { walletOf }) {
  const wallet = walletOf(sponsor);
  const authorization = await wallet.signAuthorization({ account: privateKeyToAccount(key), contractAddress: code });
  return wallet.sendTransaction({ to: wallet.account.address, authorizationList: [authorization], ...tipping(tip) });
}

/** Uses a nonce of Permit2 for another spender, as a wallet can that signs the same number twice. Returns the transaction. */
async function burn({ key, token, nonce, spender, tip }, { chain, walletOf }) {
  const payer = privateKeyToAccount(key);
  const wallet = walletOf(spender);
  const permit = { permitted: { token, amount: 1n }, nonce: BigInt(nonce), deadline: BigInt(Math.floor(Date.now() / 1000) + 600) };
  const types = {
    PermitTransferFrom: [
      { name: 'permitted', type: 'TokenPermissions' },
      { name: 'spender', type: 'address' },
      { name: 'nonce', type: 'uint256' },
      { name: 'deadline', type: 'uint256' },
    ],
    TokenPermissions: [
      { name: 'token', type: 'address' },
      { name: 'amount', type: 'uint256' },
    ],
  };
  const domain = { name: 'Permit2', chainId: await chain.getChainId(), verifyingContract: PERMIT2 };
  const message = { ...permit, spender: wallet.account.address };
  const signature = await payer.signTypedData({ domain, types, primaryType: 'PermitTransferFrom', message });
  const details = { to: wallet.account.address, requestedAmount: 1n };
  const data = encodeFunctionData({ abi: PERMIT_TRANSFER, functionName: 'permitTransferFrom', args: [permit, details, payer.address, signature] });
  return wallet.sendTransaction({ to: PERMIT2, data, ...tipping(tip) });
}

/** Permit2 has two functions of this name; this is the one for a single token. */
const PERMIT_TRANSFER = abiOf('Permit2').filter(({ name, inputs }) => name === 'permitTransferFrom' && inputs[0].internalType.endsWith('PermitTransferFrom') && !inputs[1].type.endsWith('[]'));

/** What the code at an address hashes to. */
async function codeHash({ address }, { chain }) {
  return keccak256((await chain.getCode({ address })) ?? '0x');
}

async function serve(url) {
  const transport = http(url);
  const chain = createPublicClient({ chain: foundry, transport, pollingInterval: 50 });
  const walletOf = (key) => createWalletClient({ account: privateKeyToAccount(key), chain: foundry, transport });
  const known = { sign, rebuild, deployDelegate, delegate, burn, codeHash };
  for await (const line of createInterface({ input: process.stdin })) {
    const { method, ...asked } = JSON.parse(line);
    const answer = await known[method](asked, { chain, walletOf }).then((result) => ({ result }), (error) => ({ error: error.message }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2]);
