// A facilitator made of the official TypeScript packages, on a local chain.
//
//   FACILITATOR_KEY=0x… node tests/clients/facilitator.mjs RPC_URL [--without-upto] [--port PORT]
//
// Prints `{url}` when it listens, and a line for each call: `{path, status, answer}`. Ends when standard input closes.
import { createServer } from 'node:http';
import { x402Facilitator } from '@x402/core/facilitator';
import { toFacilitatorEvmSigner } from '@x402/evm';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import { UptoEvmScheme } from '@x402/evm/upto/facilitator';
import { createWalletClient, http, publicActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

const [rpc, ...flags] = process.argv.slice(2);
const port = flags.includes('--port') ? Number(flags[flags.indexOf('--port') + 1]) : 0;
const account = privateKeyToAccount(process.env.FACILITATOR_KEY);
const client = createWalletClient({ account, chain: foundry, transport: http(rpc), pollingInterval: 50 }).extend(publicActions);
const signer = toFacilitatorEvmSigner({ ...client, address: account.address });
const network = `eip155:${foundry.id}`;
const facilitator = new x402Facilitator().register(network, new ExactEvmScheme(signer));
if (!flags.includes('--without-upto')) facilitator.register(network, new UptoEvmScheme(signer));

const print = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);
const routes = {
  'GET /supported': () => facilitator.getSupported(),
  'POST /verify': ({ paymentPayload, paymentRequirements }) => facilitator.verify(paymentPayload, paymentRequirements),
  'POST /settle': ({ paymentPayload, paymentRequirements }) => facilitator.settle(paymentPayload, paymentRequirements),
};

async function answer({ method, url }, body) {
  const route = routes[`${method} ${url}`];
  if (route === undefined) return [404, { error: 'not found' }];
  try {
    return [200, await route(body === '' ? undefined : JSON.parse(body))];
  } catch (error) {
    return [500, { error: error.message }];
  }
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (part) => (body += part));
  request.on('end', async () => {
    const [status, said] = await answer(request, body);
    print({ path: request.url, status, answer: said });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  });
});
server.listen(port, '127.0.0.1', () => print({ url: `http://127.0.0.1:${server.address().port}` }));
process.stdin.on('end', () => process.exit(0)).resume();
