// A chain for tests of any language: starts one, says on a line of JSON what is on it, and ends it when standard input
// closes or SIGTERM comes.
//
//   node tests/chain/up.mjs [--accounts N] [--block-time S] [--no-mining] [--host ADDRESS] [--port PORT]
//
//   --accounts N     payers with tokens and an allowance for Permit2 (20)
//   --block-time S   a block every S seconds, rather than one for each transaction
//   --no-mining      blocks only when `evm_mine` asks for one
//   --host, --port   where it listens, rather than on a free port of 127.0.0.1
//
// Needs `npm ci` in contracts/. The line's fields are told in docs/contracts.md.
import { parseArgs } from 'node:util';
import { FUNDS, PERMIT2, PROXY, proxyCodeHash, startWorld } from '../../contracts/chain/world.mjs';

function options() {
  const { values } = parseArgs({
    options: {
      accounts: { type: 'string', default: '20' },
      'block-time': { type: 'string' },
      'no-mining': { type: 'boolean' },
      host: { type: 'string' },
      port: { type: 'string' },
    },
  });
  const whole = (name, text) => {
    if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new Error(`--${name} takes a number from 1 to 999`);
    return Number(text);
  };
  const blockTime = values['block-time'];
  if (blockTime !== undefined && values['no-mining']) throw new Error('--block-time and --no-mining exclude each other');
  return {
    payers: whole('accounts', values.accounts),
    blockTime: blockTime === undefined ? undefined : whole('block-time', blockTime),
    mining: values['no-mining'] !== true,
    // What isn't said is left out, and has its default.
    place: Object.fromEntries(['host', 'port'].filter((name) => values[name] !== undefined).map((name) => [name, values[name]])),
  };
}

const { payers, blockTime, mining, place } = options();
let ending = false;
const asked = new Promise((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve(0));
  process.stdin.on('end', () => resolve(0)).on('error', () => resolve(0)).resume();
});
const world = await startWorld({ payers, ...place });
const { chain } = world;
// Only now: setting up needs its blocks.
if (!mining || blockTime !== undefined) await chain.rpc('evm_setAutomine', [false]);
if (blockTime !== undefined) await chain.rpc('evm_setIntervalMining', [blockTime]);

const line = {
  rpc_url: chain.url,
  chain_id: world.chainId,
  token: world.token,
  token_name: 'USDC',
  token_version: '2',
  permit2: PERMIT2,
  proxy: PROXY,
  proxy_code_hash: await proxyCodeHash(chain),
  settler: world.settler,
  pay_to: world.payTo.address,
  deployer: world.deployer,
  operators: world.operators,
  stranger: world.stranger,
  payers: world.payers,
  payers_without_allowance: world.withoutAllowance,
  payer_funds: FUNDS.toString(),
};
process.stdout.write(`${JSON.stringify(line)}\n`);

const died = chain.ended.then((how) => {
  if (!ending) console.error(`the chain ended by itself: ${how}`);
  return 1;
});
const code = await Promise.race([asked, died]);
ending = true;
await chain.stop();
process.exit(code);
