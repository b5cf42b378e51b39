// Compiles the contracts to `artifacts/`, the same bytes every time.
//
//   node build.mjs            writes the artifacts
//   node build.mjs --check    writes nothing; exits 1 and names each artifact that building again would change
//   node build.mjs --permit2  the same with Permit2, by its own old compiler (half a minute); both words may be given
//
// Without `--permit2`, Permit2's artifact is held to the hash of its code on every chain, which proves the bytes as well.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { permit2 } from './permit2/permit2.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const artifacts = join(here, 'artifacts');

const SETTINGS = {
  // Every EVM chain runs code for Paris. Later rules would save a few gas (PUSH0), and not run on chains that lag behind.
  evmVersion: 'paris',
  optimizer: { enabled: true, runs: 10_000 },
  viaIR: true,
  // No hash of the sources at the end of the code: a comment doesn't change the bytes.
  metadata: { bytecodeHash: 'none' },
};

function compile(solc, settings, sources) {
  const outputs = ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'evm.deployedBytecode.immutableReferences'];
  const input = { language: 'Solidity', sources, settings: { ...settings, outputSelection: { '*': { '': ['ast'], '*': outputs } } } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const said = output.errors ?? [];
  if (said.length > 0) {
    throw new Error(`the compiler complains:\n${said.map((each) => each.formattedMessage).join('\n')}`);
  }
  return output;
}

/** Where the runtime code holds each immutable, by its name: whoever compares code on a chain leaves these bytes out. */
function immutables(references, sources) {
  const names = new Map();
  const note = (node) => {
    if (Array.isArray(node)) node.forEach(note);
    else if (node !== null && typeof node === 'object') {
      if (node.nodeType === 'VariableDeclaration' && node.mutability === 'immutable') names.set(String(node.id), node.name);
      Object.values(node).forEach(note);
    }
  };
  Object.values(sources).forEach((source) => note(source.ast));
  const named = Object.entries(references).map(([id, places]) => [names.get(id), places.map(({ start }) => start).sort((a, b) => a - b)]);
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function artifact(name, source, output, compiler, settings) {
  const { abi, evm } = output.contracts[source][name];
  const places = immutables(evm.deployedBytecode.immutableReferences ?? {}, output.sources);
  return {
    contract: name,
    source,
    compiler,
    settings,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    ...(Object.keys(places).length > 0 && { immutables: places }),
  };
}

/** One line for each entry of the ABI, so that a change of one shows as one. */
function print({ abi, ...rest }) {
  const lines = abi.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
  return `${JSON.stringify({ ...rest, abi: [] }, null, 2).replace('"abi": []', () => `"abi": [\n${lines}\n  ]`)}\n`;
}

function ours() {
  const solc = createRequire(import.meta.url)('solc');
  const files = ['src', 'test-only'].flatMap((folder) => readdirSync(join(here, folder)).map((file) => `${folder}/${file}`));
  const sources = Object.fromEntries(files.sort().map((file) => [file, { content: readFileSync(join(here, file), 'utf8') }]));
  const output = compile(solc, SETTINGS, sources);
  const built = [];
  for (const [source, contracts] of Object.entries(output.contracts)) {
    for (const [name, { evm }] of Object.entries(contracts)) {
      // An interface has no code.
      if (evm.bytecode.object !== '') built.push(artifact(name, source, output, solc.version(), SETTINGS));
    }
  }
  return built;
}

function theirs() {
  const { solc, settings, sources, source } = permit2.input();
  const output = compile(solc, settings, sources);
  const built = artifact('Permit2', source, output, solc.version(), settings);
  // The caches of the chain id and of the domain are always computed afresh in a test: nobody compares this code.
  delete built.immutables;
  return { notice: permit2.notice, ...built };
}

const words = process.argv.slice(2);
const unknown = words.find((word) => !['--check', '--permit2'].includes(word));
if (unknown !== undefined) {
  console.error(`${unknown} is not an option; see the top of build.mjs`);
  process.exit(2);
}
const check = words.includes('--check');
const built = [...ours(), ...(words.includes('--permit2') ? [theirs()] : [])];
const wrong = [];
for (const each of built) {
  const file = join(artifacts, `${each.contract}.json`);
  const text = print(each);
  if (!check) writeFileSync(file, text);
  else if (read(file) !== text) wrong.push(`artifacts/${each.contract}.json: building again gives something else; run \`node build.mjs\``);
}
const known = new Set([...built.map((each) => `${each.contract}.json`), 'Permit2.json']);
for (const file of readdirSync(artifacts).filter((file) => !known.has(file))) wrong.push(`artifacts/${file}: no source makes it`);
const doubt = permit2.doubt(JSON.parse(read(join(artifacts, 'Permit2.json')) ?? '{}'));
if (doubt !== undefined) wrong.push(`artifacts/Permit2.json: ${doubt}`);

if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log(`${built.length} artifacts ${check ? 'are what their sources make' : 'written'}; Permit2's code is the one on every chain`);

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
