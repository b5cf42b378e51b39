// Permit2 as it is on every chain: what it is compiled from, and how its bytes are recognized.
//
// Its creation code alone decides its address, so bytes with this hash are the contract that payers sign for.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getContractAddress, keccak256 } from 'viem';

const here = fileURLToPath(new URL('.', import.meta.url));
const ADDRESS = '0x000000000022D473030F116dDEE9F6B43aC78BA3';
const DEPLOYER = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const SALT = '0x0000000000000000000000000000000000000000d3af2663da51c10215000000';
const CREATION_HASH = '0xe2be1e05eedf35dacd66c65c862f8150ff9ab4b6b24b9bbe62be71b6b16cf0f8';

export const permit2 = {
  address: ADDRESS,
  deployer: DEPLOYER,
  salt: SALT,
  notice: 'Made from others\' sources for tests on a local chain; permit2/NOTICE.md has their licences.',

  /** Why an artifact isn't Permit2, or undefined where it is. */
  doubt({ bytecode }) {
    if (bytecode === undefined) return 'is missing; run `node build.mjs --permit2`';
    if (keccak256(bytecode) !== CREATION_HASH) return 'its creation code is not the one on every chain';
    const address = getContractAddress({ opcode: 'CREATE2', from: DEPLOYER, salt: SALT, bytecode });
    if (address !== ADDRESS) return `its creation code leads to ${address}`;
    return undefined;
  },

  /** What the compiler of that time is given. Needs `npm ci` in this folder. */
  input() {
    const top = join(here, 'node_modules/@uniswap/v4-periphery/lib/permit2');
    if (!existsSync(top)) throw new Error('the sources of Permit2 are missing: run `npm ci` in contracts/permit2');
    const sources = {};
    const add = (folder) => {
      for (const entry of readdirSync(join(top, folder), { withFileTypes: true })) {
        const path = `${folder}/${entry.name}`;
        if (entry.isDirectory()) add(path);
        else if (path.endsWith('.sol')) sources[path] = { content: readFileSync(join(top, path), 'utf8') };
      }
    };
    add('src');
    for (const path of ['utils/SafeTransferLib.sol', 'tokens/ERC20.sol']) {
      sources[`solmate/src/${path}`] = { content: readFileSync(join(top, 'lib/solmate/src', path), 'utf8') };
    }
    const settings = {
      evmVersion: 'london',
      optimizer: { enabled: true, runs: 1_000_000 },
      viaIR: true,
      metadata: { bytecodeHash: 'none' },
    };
    return { solc: createRequire(import.meta.url)('solc'), settings, sources, source: 'src/Permit2.sol' };
  },
};
