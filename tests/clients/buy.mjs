// Buys from a server as the official TypeScript client does, unmodified: asks, signs what the 402 demands, sends that, and
// polls a job to its end.
//
//   BUYER_KEY=0x… node tests/clients/buy.mjs BASE_URL PATH BODY [HEADER=VALUE …]
//
// Prints a line of JSON for the answer, `{status, headers, body}`, and where that is a job, another one for its last poll.
import { wrapFetchWithPayment } from '@x402/fetch';
import { official } from './wallet.mjs';

const PATIENCE_MS = 120_000;

async function print(response) {
  const body = JSON.parse(await response.text());
  process.stdout.write(`${JSON.stringify({ status: response.status, headers: Object.fromEntries(response.headers), body })}\n`);
  return body;
}

const [base, path, body, ...more] = process.argv.slice(2);
const pay = wrapFetchWithPayment(fetch, official(process.env.BUYER_KEY));
const headers = { 'content-type': 'application/json', ...Object.fromEntries(more.map((word) => word.split(/=(.*)/s))) };
const answer = await pay(new URL(path, base), { method: 'POST', headers, body });
const job = await print(answer);
if (job.poll_bearer !== undefined) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const poll = await fetch(job.poll_url, { headers: { authorization: `Bearer ${job.poll_bearer}`, prefer: 'wait=20' } });
    const { status } = await poll.clone().json();
    if (status === 'completed' || status === 'failed' || poll.status !== 200 || Date.now() > deadline) {
      await print(poll);
      break;
    }
  }
}
