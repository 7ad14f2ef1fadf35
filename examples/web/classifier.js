// The network in the module `pets.wasm`.

/** Opens the network of a module whose bytes, or whose response of a server, these are. */
export async function open(source) {
  const { instance } = await (source instanceof Response
    ? WebAssembly.instantiateStreaming(source)
    : WebAssembly.instantiate(source));
  const wasm = instance.exports;
  const classifier = wasm.open();
  const count = wasm.classes(classifier);
  const text = (start, length) => new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, start, length));
  const name = (_, i) => text(wasm.name(classifier, i), wasm.name_len(classifier, i));
  return {
    names: Array.from({ length: count }, name),
    /** The logits of an image of 784 bytes. */
    logits(image) {
      const numbers = new Float32Array(wasm.memory.buffer, wasm.image(classifier), image.length);
      image.forEach((value, place) => (numbers[place] = value / 255));
      return Float32Array.from(new Float32Array(wasm.memory.buffer, wasm.classify(classifier), count));
    },
  };
}

/** The probabilities of logits. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((sum, power) => sum + power);
  return powers.map((power) => power / sum);
}
