// A local chain: one process of anvil on a port that is free, and a way to ask it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const SETPRIV = '/usr/bin/setpriv';
const START_MS = 30_000;

/** The program lies in the package for this platform; the package that we name only finds it. */
function program() {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;
  const manifest = createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`);
  return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil');
}

/** Starts a chain with so many accounts that it signs for, on a free port of this machine unless told otherwise. It ends with
 * this process, at the latest. */
export async function startAnvil({ accounts, host = '127.0.0.1', port = 0 }) {
  const words = [program(), '--host', host, '--port', String(port), '--accounts', String(accounts)];
  // So that it ends even where this process is killed and can't see to it.
  if (existsSync(SETPRIV)) words.unshift(SETPRIV, '--pdeathsig', 'KILL', '--');
  const child = spawn(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });

  const listening = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /^Listening on (\S+)$/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, START_MS, `nothing after ${START_MS} ms`)));
  const failed = Promise.race([ended, late]).then((how) => {
    kill();
    throw new Error(`anvil does not start: ${how}`);
  });
  const url = `http://${await Promise.race([listening, failed])}`;
  clearTimeout(timer);
  failed.catch(() => {}); // It ends some day; from here on that is no failure to start.

  return {
    url,
    ended,
    ...client(url),
    async stop() {
      kill();
      await ended;
      process.removeListener('exit', kill);
    },
  };
}

/** An answer of the chain that says no, with what a contract reverted with. */
export class RpcError extends Error {
  constructor(method, { code, message, data }) {
    super(`${method}: ${message}`);
    this.code = code;
    this.data = data;
  }
}

function client(url) {
  let id = 0;
  return {
    async rpc(method, params = []) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params });
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const answer = await response.json();
      if (answer.error !== undefined) throw new RpcError(method, answer.error);
      return answer.result;
    },
  };
}
