// Runs a program of WASI in Node, for `scripts/wasi.sh`: `node wasi.mjs MODULE ARGUMENT…`. It sees the folder `/tmp` and no other.

import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const args = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args, env: process.env, preopens: { "/tmp": "/tmp" } });
const { instance } = await WebAssembly.instantiate(await readFile(args[0]), wasi.getImportObject());
process.exitCode = wasi.start(instance);
