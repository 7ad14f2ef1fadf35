// Tests the page, for `scripts/web.sh`: `node test.mjs PAGE DATA [PICTURE]`, the folder of the page, the beginning of the names of test
// images (`.pixels`), their labels (`.labels`), and the bits of their logits with their classes (`-1-int8.txt`), and where a
// picture of the page goes to.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "./classifier.js";
import { SIDE, filled, imageOf } from "./drawing.js";

const [page, data, picture] = process.argv.slice(2);
const labels = readFileSync(`${data}.labels`);
const pixels = new Float32Array(new Uint8Array(readFileSync(`${data}.pixels`)).buffer);
const image = (i) => Uint8Array.from(pixels.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE), (pixel) => Math.round(pixel * 255));
const expected = readFileSync(`${data}-1-int8.txt`, "utf8").trim().split("\n");

function check(holds, text) {
  if (!holds) throw new Error(text);
}

/** All test images in the module alone: logits bit by bit. */
async function testModule() {
  const classifier = await open(readFileSync(join(page, "pets.wasm")));
  for (const [i, line] of expected.entries()) {
    const logits = classifier.logits(image(i));
    const bits = Array.from(new Uint32Array(logits.buffer), (bits) => bits.toString(16).padStart(8, "0"));
    const got = [...bits, classifier.names[logits.indexOf(Math.max(...logits))]].join(" ");
    check(got === line, `image ${i}: expected ${line}, got ${got}`);
  }
  console.log(`${expected.length} images: the same classes and the same bits of all logits as on this machine`);
  return classifier;
}

/** A drawing of a test image is that image again, as far as may be. */
function testDrawing(classifier) {
  check(imageOf(new Uint8Array(100), 10) === null, "expected no image of no ink");
  const isRight = (image, i) => {
    const logits = classifier.logits(image);
    return logits.indexOf(Math.max(...logits)) === labels[i];
  };
  const all = [...expected.keys()];
  const right = all.filter((i) => isRight(image(i), i)).length;
  const drawn = all.filter((i) => isRight(imageOf(large(image(i), 280), 280), i)).length;
  console.log(`classified right: ${right} test images, ${drawn} of them drawn ten times as large, in the middle`);
  check(drawn >= right - 20, "expected no more than 20 to be lost by that");
  const ring = Uint8Array.from({ length: 400 }, (_, place) => {
    const [x, y] = [place % 20, Math.floor(place / 20)];
    return 255 * (x >= 4 && x < 14 && y >= 6 && y < 16 && !(x >= 6 && x < 12 && y >= 8 && y < 14));
  });
  const square = imageOf(filled(ring, 20), 20);
  check(square.every((value, place) => {
    const [x, y] = [place % SIDE, Math.floor(place / SIDE)];
    return value === 255 * (x >= 1 && x < 27 && y >= 1 && y < 27);
  }), "expected a square of 26 pixels in the middle of a filled ring");
}

/** An image with more pixels, each of the nearest. */
function large(image, side) {
  const step = side / SIDE;
  return Uint8Array.from({ length: side * side }, (_, place) => {
    const [x, y] = [Math.floor((place % side) / step), Math.floor(place / side / step)];
    return image[y * SIDE + x];
  });
}

/** Chromium, told what to do through a pipe. */
class Browser {
  constructor() {
    this.profile = mkdtempSync(join(tmpdir(), "page-"));
    const options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", `--user-data-dir=${this.profile}`];
    this.process = spawn("chromium", options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    let text = "";
    this.process.stdio[4].on("data", (bytes) => {
      const messages = (text + bytes).split("\0");
      text = messages.pop();
      for (const message of messages.map((message) => JSON.parse(message))) {
        const { done, failed } = this.waiting.get(message.id) ?? {};
        this.waiting.delete(message.id);
        if (message.error) failed?.(new Error(message.error.message));
        else done?.(message.result);
      }
    });
    this.process.on("exit", () => this.waiting.forEach(({ failed }) => failed(new Error("the browser ended"))));
  }

  send(method, params = {}) {
    const id = (this.id = (this.id ?? 0) + 1);
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    return new Promise((done, failed) => this.waiting.set(id, { done, failed }));
  }

  async show(url) {
    const { targetId } = await this.send("Target.createTarget", { url });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    this.session = sessionId;
  }

  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    check(!exceptionDetails, exceptionDetails?.exception?.description ?? exceptionDetails?.text);
    return result.value;
  }

  mouse(type, x, y) {
    const buttons = type === "mouseReleased" ? 0 : 1;
    return this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons, clickCount: 1 });
  }

  touch(type, ...points) {
    return this.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y]) => ({ x, y })) });
  }

  async end() {
    const ended = new Promise((done) => this.process.on("exit", done));
    this.process.kill();
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** The runs of an image's rows that belong to the animal. */
function runs(image) {
  const runs = [];
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      if (image[y * SIDE + x] < 128) continue;
      const start = x;
      while (x + 1 < SIDE && image[y * SIDE + x + 1] >= 128) x++;
      runs.push([start, x, y]);
    }
  }
  return runs;
}

/** Draws images with a mouse, and one with a finger, and reads what the page says. */
async function testPage(browser, url) {
  await browser.show(url);
  for (let tries = 0; !(await browser.value("document.body?.dataset.ready === 'yes'")); tries++) {
    check(tries < 100, "expected the page to be ready");
    await new Promise((done) => setTimeout(done, 100));
  }
  const box = await browser.value("(({ x, y }) => ({ x, y }))(document.getElementById('drawing').getBoundingClientRect())");
  const read = "Array.from(document.querySelectorAll('.class'), (row) => [row.children[0].textContent, row.children[2].textContent])";
  const clear = "document.getElementById('clear').click()";
  check((await browser.value(read)).every(([, share]) => share === ""), "expected no probabilities of nothing");
  await browser.value("document.getElementById('fill').click()");
  let right = 0;
  const chosen = [0, 400, 100, 300, 500, 200];
  for (const i of chosen) {
    await browser.value(clear);
    for (const [start, end, y] of runs(image(i))) {
      // A line is 14 pixels wide, so one pixel of the image becomes a little more.
      const at = (x) => [box.x + 28 + 8 * (x + 0.5), box.y + 28 + 8 * (y + 0.5)];
      await browser.mouse("mousePressed", ...at(start));
      await browser.mouse("mouseMoved", ...at(end));
      await browser.mouse("mouseReleased", ...at(end));
    }
    const shown = await browser.value(read);
    const share = ([, text]) => parseFloat(text);
    check(Math.abs(shown.reduce((sum, row) => sum + share(row), 0) - 100) < 0.2, `expected 100 %, got ${shown}`);
    const [name] = shown.reduce((best, row) => (share(row) > share(best) ? row : best));
    const label = shown[labels[i]][0];
    console.log(`drawn with a mouse: a ${label}; the page says ${shown.map((row) => row.join(" ")).join(", ")}`);
    right += name === label;
  }
  if (picture !== undefined) {
    const clip = { x: 80, y: 8, width: 640, height: 424, scale: 1 };
    const { data } = await browser.send("Page.captureScreenshot", { format: "png", clip });
    writeFileSync(picture, Buffer.from(data, "base64"));
  }
  check(right >= 5, `expected 5 of ${chosen.length} drawings to be classified right, got ${right}`);

  // A square by a finger, an outline that is filled.
  await browser.value(`${clear}, document.getElementById('fill').click()`);
  const corners = [[80, 80], [200, 80], [200, 200], [80, 200], [80, 80]].map(([x, y]) => [box.x + x, box.y + y]);
  await browser.touch("touchStart", corners[0]);
  for (const corner of corners.slice(1)) await browser.touch("touchMove", corner);
  await browser.touch("touchEnd");
  const ink = await browser.value(
    "Array.from(document.getElementById('image').getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 3))",
  );
  const covered = ink.filter((value) => value >= 128).length;
  check(Math.abs(covered - 26 * 26) <= 8, `expected a square of 676 pixels drawn with a finger, got ${covered}`);
  console.log("an outline drawn with a finger is filled");
}

const classifier = await testModule();
testDrawing(classifier);
const types = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
const server = createServer((request, response) => {
  const name = request.url === "/" ? "index.html" : request.url.slice(1);
  try {
    const bytes = readFileSync(join(page, name));
    response.writeHead(200, { "content-type": types[name.split(".").pop()] }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = new Browser();
const late = setTimeout(() => browser.process.kill(), 60_000);
try {
  await testPage(browser, `http://127.0.0.1:${server.address().port}/`);
} finally {
  clearTimeout(late);
  await browser.end();
  server.close();
}
