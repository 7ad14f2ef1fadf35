// Runs the module in Node, for `scripts/wasm.sh`: `node run.mjs MODULE` prints what its models are, `node run.mjs --time MODULE…` how long
// a dense layer 784 → 1024 takes in each module, in turns.

import { readFile } from "node:fs/promises";

async function load(path) {
  const { instance } = await WebAssembly.instantiate(await readFile(path));
  return instance.exports;
}

async function print(path) {
  const wasm = await load(path);
  const text = wasm.run();
  process.stdout.write(Buffer.from(wasm.memory.buffer, wasm.text(text), wasm.text_len(text)));
}

/** Rounds, in each of which every module has its turn. */
const ROUNDS = 41;

async function time(paths) {
  const modules = await Promise.all(paths.map(load));
  for (const batch of [1, 32]) {
    const layers = modules.map((wasm) => ({ wasm, layer: wasm.dense(batch), times: [] }));
    const passes = batch === 1 ? 60 : 3;
    for (let round = -4; round < ROUNDS; round++) {
      for (const { wasm, layer, times } of layers) {
        const start = performance.now();
        wasm.forward(layer, passes);
        // The first rounds are compiled while they run.
        if (round >= 0) times.push((performance.now() - start) / passes);
      }
    }
    layers.forEach(({ times }, i) => {
      const median = times.sort((a, b) => a - b)[times.length >> 1];
      const rate = (2 * 784 * 1024 * batch) / median / 1e6;
      console.log(`batch ${batch}: ${(1000 * median).toFixed(0)} µs, ${rate.toFixed(2)} Gflop/s: ${paths[i]}`);
    });
  }
}

const [first, ...others] = process.argv.slice(2);
await (first === "--time" ? time(others) : print(first));
