// A shop made of the official Express middleware, for the comparison of how fast a payment is asked for.
//
//   node tests/clients/express.mjs FACILITATOR_URL TOKEN PAY_TO
//
// Prints `{url}` when it listens. Ends when standard input closes.
import express from 'express';
import { HTTPFacilitatorClient } from '@x402/core/server';
import { UptoEvmScheme } from '@x402/evm/upto/server';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import { foundry } from 'viem/chains';

const [facilitator, asset, payTo] = process.argv.slice(2);
const network = `eip155:${foundry.id}`;
const shop = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator })).register(network, new UptoEvmScheme());
const price = { asset, amount: '500000', extra: { name: 'Test Dollar', version: '1' } };
const app = express();
app.use(express.json());
app.use(paymentMiddleware({ 'POST /api/v1/enrich/jobs': { accepts: { scheme: 'upto', price, network, payTo }, description: 'A job' } }, shop));
app.post('/api/v1/enrich/jobs', (_, response) => response.status(202).json({}));
const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
