// A drawing becomes an image such as those that the network was trained on.

/** An image has so many pixels on each side. */
export const SIDE = 28;

/** The longer side of an animal in an image. */
const LONGER = 26;

/** From here on a pixel is one of the animal. */
const INK = 128;

/**
 * The image of a drawing: ink from 0 to 255, row by row, of a square of `side` pixels. The animal is scaled so that the longer side
 * of the box around it is 26 pixels, and the box is in the middle of the image, as in the data. Each pixel is the mean of
 * what it covers. Null where nothing is drawn.
 */
export function imageOf(ink, side) {
  const box = boxAround(ink, side);
  if (box === null) return null;
  const scale = Math.max(box.width, box.height) / LONGER;
  const cells = (start, length) => covered(start + length / 2, scale, side);
  const columns = cells(box.left, box.width);
  const rows = cells(box.top, box.height);
  return Uint8Array.from({ length: SIDE * SIDE }, (_, place) => {
    let sum = 0;
    for (const [y, height] of rows[Math.floor(place / SIDE)]) {
      for (const [x, width] of columns[place % SIDE]) sum += ink[y * side + x] * width * height;
    }
    return Math.round(sum / (scale * scale));
  });
}

/** The same drawing with ink wherever no way leads from outside of it. */
export function filled(ink, side) {
  const outside = new Uint8Array(side * side);
  const next = [];
  const reach = (x, y) => {
    if (x < 0 || y < 0 || x >= side || y >= side) return;
    const place = y * side + x;
    if (outside[place] || ink[place] >= INK) return;
    outside[place] = 1;
    next.push(place);
  };
  for (let i = 0; i < side; i++) {
    reach(i, 0);
    reach(i, side - 1);
    reach(0, i);
    reach(side - 1, i);
  }
  while (next.length > 0) {
    const place = next.pop();
    const x = place % side;
    const y = (place - x) / side;
    reach(x - 1, y);
    reach(x + 1, y);
    reach(x, y - 1);
    reach(x, y + 1);
  }
  return ink.map((value, place) => (outside[place] ? value : 255));
}

/** The smallest box with all ink in it; null without ink. */
function boxAround(ink, side) {
  let [left, top, right, bottom] = [side, side, -1, -1];
  ink.forEach((value, place) => {
    if (value < INK) return;
    const x = place % side;
    const y = (place - x) / side;
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** For each pixel along a side of the image, the places of the drawing that it covers, and how much of each. */
function covered(middle, scale, side) {
  return Array.from({ length: SIDE }, (_, cell) => {
    const start = middle + (cell - SIDE / 2) * scale;
    const end = start + scale;
    const places = [];
    for (let place = Math.max(0, Math.floor(start)); place < Math.min(side, end); place++) {
      places.push([place, Math.min(end, place + 1) - Math.max(start, place)]);
    }
    return places;
  });
}
