// A chain on which payments can be settled: Permit2 and the proxy where payers' signatures name them, a dollar, a settler
// with its operators, a recipient, and payers with money. The same addresses every time.
import { readFileSync } from 'node:fs';
import { encodeDeployData, encodeFunctionData, getAddress, keccak256, numberToHex, toHex } from 'viem';
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
import { permit2 } from '../permit2/permit2.mjs';
import { startAnvil } from './anvil.mjs';

/** Everybody's test words: whatever they hold on a real chain is lost. */
const MNEMONIC = 'test test test test test test test test test test test junk';
export const PROXY = '0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002';
export const PERMIT2 = permit2.address;
/** What each payer starts with: $1,000. */
export const FUNDS = 1_000_000_000n;

export const UNLIMITED = 2n ** 256n - 1n;
/** Enough for all that is sent here, and said, so that nothing has to be estimated. */
const GAS = numberToHex(5_000_000);

const OPERATORS = 4;
const WITHOUT_ALLOWANCE = 4;
/** Accounts by what they are for. */
const PLACES = { deployer: 0, operators: 1, payTo: 5, stranger: 6, payers: 10 };

export function artifact(name) {
  return JSON.parse(readFileSync(new URL(`../artifacts/${name}.json`, import.meta.url), 'utf8'));
}

const ABIS = {};
/** The ABI of a contract, read once. */
export function abiOf(name) {
  ABIS[name] ??= artifact(name).abi;
  return ABIS[name];
}

/** A call of a contract as the fields of a transaction. */
export function call(to, contract, functionName, args) {
  return { to, data: encodeFunctionData({ abi: abiOf(contract), functionName, args }) };
}

/** What a server has to be told in X402_EIP155_31337_PROXY_CODE_HASH: the proxy here is a stand-in. */
export async function proxyCodeHash(chain) {
  return keccak256(await chain.rpc('eth_getCode', [PROXY, 'latest']));
}

/** All accounts hang from here. To begin with the words for each takes longer than all else that is set up. */
const PARENT = mnemonicToAccount(MNEMONIC, { path: "m/44'/60'/0'/0" }).getHdKey();

function account(index) {
  const key = toHex(PARENT.deriveChild(index).privateKey);
  return { address: privateKeyToAccount(key).address, key };
}

/** Starts a chain and sets all of it up. `payers` says how many have tokens and an unlimited allowance for Permit2. */
export async function startWorld({ payers: payerCount = 20, ...place } = {}) {
  const total = PLACES.payers + payerCount + WITHOUT_ALLOWANCE;
  const chain = await startAnvil({ accounts: total, ...place });
  try {
    return await setUp(chain, payerCount, total);
  } catch (error) {
    await chain.stop();
    throw error;
  }
}

async function setUp(chain, payerCount, total) {
  const accounts = Array.from({ length: total }, (_, index) => account(index));
  const deployer = accounts[PLACES.deployer];
  const operators = accounts.slice(PLACES.operators, PLACES.operators + OPERATORS);
  const payTo = accounts[PLACES.payTo];
  const payers = accounts.slice(PLACES.payers, PLACES.payers + payerCount);
  const withoutAllowance = accounts.slice(PLACES.payers + payerCount);

  /** Sends a transaction and returns its receipt, whatever became of it. */
  async function attempt(transaction) {
    const hash = await chain.rpc('eth_sendTransaction', [{ from: deployer.address, gas: GAS, ...transaction }]);
    for (;;) {
      const receipt = await chain.rpc('eth_getTransactionReceipt', [hash]);
      if (receipt !== null) return receipt;
      await new Promise((resolve) => setTimeout(resolve, 5)); // It is mined at once, but not always before the answer.
    }
  }
  /** The same for one that has to succeed. */
  async function send(transaction) {
    const receipt = await attempt(transaction);
    if (receipt.status !== '0x1') throw new Error(`reverted: ${JSON.stringify(transaction).slice(0, 200)}`);
    return receipt;
  }
  async function deploy(name, args = []) {
    const { abi, bytecode } = artifact(name);
    return getAddress((await send({ data: encodeDeployData({ abi, bytecode, args }) })).contractAddress);
  }

  // By the deployer that every chain has, so that the address proves the code.
  await send({ to: permit2.deployer, data: `${permit2.salt}${artifact('Permit2').bytecode.slice(2)}` });
  await chain.rpc('anvil_setCode', [PROXY, artifact('UptoProxyStandIn').deployedBytecode]);
  // Its guard, as any earlier call would have left it.
  await chain.rpc('anvil_setStorageAt', [PROXY, '0x0', numberToHex(1, { size: 32 })]);
  for (const place of [PERMIT2, PROXY]) {
    if ((await chain.rpc('eth_getCode', [place, 'latest'])) === '0x') throw new Error(`there is no code at ${place}`);
  }
  const token = await deploy('TestToken');
  const settler = await deploy('Settler', [PROXY, operators.map(({ address }) => address)]);
  const everybody = [...payers, ...withoutAllowance];
  // The recipient has been paid before, as it is on all days but the first.
  await send(call(token, 'TestToken', 'mint', [payTo.address, 1n]));
  for (const { address } of everybody) await send(call(token, 'TestToken', 'mint', [address, FUNDS]));
  for (const { address } of payers) await send({ from: address, ...call(token, 'TestToken', 'approve', [PERMIT2, UNLIMITED]) });
  const chainId = Number(await chain.rpc('eth_chainId'));
  const stranger = accounts[PLACES.stranger];
  return { chain, chainId, token, settler, deployer, operators, payTo, stranger, payers, withoutAllowance, attempt, send, deploy };
}
