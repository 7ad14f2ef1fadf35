// The page: draws what the mouse, a pen or a finger draws, and shows what the network makes of it.

import { open, softmax } from "./classifier.js";
import { SIDE, filled, imageOf } from "./drawing.js";

/** The width of a line, of the 280 pixels of the drawing. */
const LINE = 14;

const classifier = await open(await fetch("pets.wasm"));
const canvas = document.getElementById("drawing");
const drawing = canvas.getContext("2d", { willReadFrequently: true });
const preview = document.getElementById("image").getContext("2d");
const fill = document.getElementById("fill");

const rows = classifier.names.map((name) => {
  const row = document.createElement("div");
  row.className = "class";
  row.innerHTML = '<span class="name"></span><div class="bar"><div></div></div><span class="share"></span>';
  row.querySelector(".name").textContent = name;
  document.getElementById("classes").append(row);
  return row;
});

/** The ink of the drawing, from 0 to 255. */
function ink() {
  const { data } = drawing.getImageData(0, 0, canvas.width, canvas.height);
  const ink = Uint8Array.from({ length: canvas.width * canvas.height }, (_, place) => data[4 * place + 3]);
  return fill.checked ? filled(ink, canvas.width) : ink;
}

/** Shows the probabilities of what is drawn, and the image that they are of. */
function show() {
  const image = imageOf(ink(), canvas.width);
  const shares = image === null ? null : softmax(classifier.logits(image));
  rows.forEach((row, i) => {
    const share = shares === null ? 0 : shares[i];
    row.querySelector(".bar div").style.width = `${100 * share}%`;
    row.querySelector(".share").textContent = shares === null ? "" : `${(100 * share).toFixed(1)} %`;
    row.classList.toggle("first", shares !== null && share === Math.max(...shares));
  });
  const pixels = new ImageData(SIDE, SIDE);
  image?.forEach((value, place) => (pixels.data[4 * place + 3] = value));
  preview.putImageData(pixels, 0, 0);
}

drawing.lineWidth = LINE;
drawing.lineCap = drawing.lineJoin = "round";

let last = null;

/** Draws a line from the last place to that of an event, and goes on from there. */
function draw(event) {
  const place = [event.offsetX, event.offsetY];
  drawing.beginPath();
  drawing.moveTo(...(last ?? place));
  drawing.lineTo(...place);
  drawing.stroke();
  last = place;
  show();
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = null;
  draw(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (canvas.hasPointerCapture(event.pointerId)) draw(event);
});
fill.addEventListener("change", show);
document.getElementById("clear").addEventListener("click", () => {
  drawing.clearRect(0, 0, canvas.width, canvas.height);
  show();
});

show();
// For who tests the page.
document.body.dataset.ready = "yes";
