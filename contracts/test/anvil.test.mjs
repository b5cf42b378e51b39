// The local chain itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAnvil } from '../chain/anvil.mjs';

test('a chain that has started goes on when the time to start is over', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const chain = await startAnvil({ accounts: 1 });
  t.mock.timers.tick(60_000);
  t.mock.timers.reset();
  try {
    await new Promise((resolve) => setTimeout(resolve, 200)); // A killed process answers for a moment.
    assert.equal(await chain.rpc('eth_chainId'), '0x7a69');
  } finally {
    await chain.stop();
  }
});
