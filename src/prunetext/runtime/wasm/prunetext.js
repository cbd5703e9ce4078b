// Packed prunetext models in a browser's page, in a worker, or in Node.
//
//     import { load } from "./prunetext.js";
//     const clf = await load("model.safetensors");    // a URL, or the bytes of the file
//     clf.predict("A great film!").label;             // "positive"
//     clf.free();
//
// The module is C++ that was compiled to WebAssembly, with SIMD where the engine has it. It answers what Python answers,
// to the bit. prunetext.d.ts has the types.

// The smallest module with an instruction of SIMD: an engine without it says that this is none.
const WITH_SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
);
const TASKS = ["classification", "pairs", "labels"];
const MESSAGE = 1024; // bytes for the reason of a refusal
const MOST = 2 ** 31; // bytes of the room for the texts of a call
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Whether this engine runs the module with SIMD. */
export const simd = () => WebAssembly.validate(WITH_SIMD);

/** What a model that cannot be loaded or asked says. */
export class PrunetextError extends Error {
  name = "PrunetextError";
}

/** Load a packed model from its URL or its bytes. */
export async function load(source, options = {}) {
  const [module, bytes, random] = await Promise.all([moduleOf(options), bytesOf(source), randomSource()]);
  let memory;
  const instance = await WebAssembly.instantiate(module, {
    // Words are hashed with a number that nobody can guess. No result depends on it.
    wasi_snapshot_preview1: {
      random_get(pointer, length) {
        random.getRandomValues(new Uint8Array(memory.buffer, pointer, length));
        return 0;
      },
    },
  });
  memory = instance.exports.memory;
  instance.exports._initialize();
  return new Classifier(instance.exports, bytes);
}

/** A loaded model; `load` makes one. */
export class Classifier {
  #native; // the functions of the module, which holds this model alone; null once it is free or has failed
  #model;
  #room = 0; // for what a call is given and gives,
  #size = 0; // and its bytes

  constructor(native, bytes) {
    this.#native = native;
    const [message, file] = [native.malloc(MESSAGE) >>> 0, native.malloc(bytes.length) >>> 0];
    if (!message || !file) throw new PrunetextError("there is not enough memory for the model");
    new Uint8Array(native.memory.buffer, file, bytes.length).set(bytes);
    try {
      this.#model = native.prunetext_load(file, bytes.length, message, MESSAGE) >>> 0;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    }
    if (!this.#model) {
      const reason = new Uint8Array(native.memory.buffer, message, MESSAGE);
      throw new PrunetextError(`the model cannot be loaded: ${decoder.decode(reason.subarray(0, reason.indexOf(0)))}`);
    }
    native.free(file);
    this.task = TASKS[native.prunetext_task_of(this.#model)];
    this.reject = native.prunetext_reject(this.#model);
    this.labels = Array.from({ length: native.prunetext_label_count(this.#model) }, (_, index) => {
      const label = native.prunetext_label(this.#model, index, message) >>> 0;
      const length = new Uint32Array(native.memory.buffer, message, 1)[0];
      return decoder.decode(new Uint8Array(native.memory.buffer, label, length));
    });
    native.free(message);
  }

  /** Label a text or, with a model of pairs, an array of two. */
  predict(item, { reject = false } = {}) {
    const count = this.labels.length;
    const { chosen, shares, label } = this.#call(item, 5 * count, (native, texts, room) => {
      const label = native.prunetext_predict(this.#model, ...texts, room, room + 4 * count);
      return {
        label,
        shares: new Float32Array(native.memory.buffer, room, count).slice(),
        chosen: new Uint8Array(native.memory.buffer, room + 4 * count, count).slice(),
      };
    });
    if (label < 0) throw new PrunetextError("there is not enough memory for this text");
    const rejected = reject && shares[label] < this.reject;
    return {
      label: rejected ? null : this.labels[label],
      probability: shares[label],
      probabilities: shares,
      labels: rejected ? [] : this.labels.filter((_, index) => chosen[index]),
    };
  }

  /** Why a text or pair gets its label, or what speaks for another one: the parts of the label's logit. */
  explain(item, label = null) {
    const index = label === null ? -1 : this.labels.indexOf(label);
    if (label !== null && index < 0) throw new TypeError(`the model has no label ${JSON.stringify(label)}`);
    const places = this.#textsOf(item).map(placesOf);
    return this.#call(item, 0, (native, texts) => {
      const at = native.prunetext_explain(this.#model, ...texts, index) >>> 0;
      if (!at) throw new PrunetextError("there is not enough memory for this text");
      const view = new DataView(native.memory.buffer);
      const count = view.getUint32(at + 24, true);
      const first = view.getUint32(at + 28, true);
      const parts = Array.from({ length: count }, (_, number) => {
        const part = first + 24 * number;
        const [text, begin, end] = [0, 4, 8].map((offset) => view.getUint32(part + offset, true));
        const place = { text, begin: places[text][begin], end: places[text][end] };
        return { ...place, logit: view.getFloat64(part + 16, true) };
      });
      const found = {
        label: this.labels[view.getInt32(at, true)],
        probability: view.getFloat32(at + 4, true),
        logit: view.getFloat64(at + 8, true),
        base: view.getFloat64(at + 16, true),
        parts,
      };
      native.prunetext_free_explanation(at);
      return found;
    });
  }

  /** Give the model's memory back. */
  free() {
    this.#native = null;
  }

  // Call ask(native, texts, room) with the pointers and sizes of the texts' UTF-8, and room for so many bytes.
  #call(item, bytes, ask) {
    const native = this.#native;
    if (!native) throw new PrunetextError("the model is free, or a call has failed: load it again");
    const texts = this.#textsOf(item);
    const most = texts.map((text) => 3 * text.length);
    const start = (bytes + 7) & ~7;
    try {
      const room = this.#take(native, start + most[0] + (most[1] ?? 0) + 1);
      const memory = new Uint8Array(native.memory.buffer);
      const given = [];
      let at = room + start;
      texts.forEach((text, index) => {
        given.push(at, encoder.encodeInto(text, memory.subarray(at, at + most[index])).written);
        at += most[index];
      });
      if (texts.length === 1) given.push(0, 0);
      return ask(native, given, room);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.#native = null; // what a trap leaves behind is not used again
      throw new PrunetextError("there is not enough memory for this text: load the model again");
    }
  }

  #textsOf(item) {
    const pairs = this.task === "pairs";
    const texts = pairs ? item : [item];
    if (!Array.isArray(texts) || texts.length !== (pairs ? 2 : 1) || !texts.every((text) => typeof text === "string"))
      throw new TypeError(pairs ? "this model labels pairs: give an array of two strings" : "give a string");
    return texts;
  }

  // Kept for the next call; a long text's room is not.
  #take(native, bytes) {
    if (bytes > this.#size || this.#size > 1 << 20) {
      native.free(this.#room);
      this.#room = this.#size = 0;
      const size = bytes + Math.floor(bytes / 2);
      this.#room = size < MOST ? native.malloc(size) >>> 0 : 0;
      if (!this.#room) throw new PrunetextError("there is not enough memory for this text");
      this.#size = size;
    }
    return this.#room;
  }
}

// Of each place in the UTF-8 of a text, and of its end, the place in the text, in units of UTF-16.
function placesOf(text) {
  const places = new Uint32Array(3 * text.length + 1);
  let at = 0;
  for (let unit = 0; unit < text.length; ) {
    const code = text.codePointAt(unit);
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    places.fill(unit, at, at + bytes);
    at += bytes;
    unit += bytes === 4 ? 2 : 1;
  }
  places[at] = text.length;
  return places;
}

const compiled = new Map(); // of each URL, the promise of its module

async function moduleOf({ wasm, simd: wanted = simd() }) {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (wasm instanceof ArrayBuffer || ArrayBuffer.isView(wasm)) return WebAssembly.compile(wasm);
  // Each URL is written out, for tools that gather the files of a page.
  const url = wasm ?? (wanted ? new URL("prunetext-simd.wasm", import.meta.url) : new URL("prunetext.wasm", import.meta.url));
  const compile = async () => WebAssembly.compile(await bytesOf(url));
  if (typeof url !== "string" && !(url instanceof URL)) return compile(); // a request, which may be answered once
  const name = String(url);
  if (!compiled.has(name)) {
    const module = compile();
    module.catch(() => compiled.delete(name));
    compiled.set(name, module);
  }
  return compiled.get(name);
}

async function bytesOf(source) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof URL && source.protocol === "file:") {
    const files = "node:fs/promises"; // in a variable, for tools that would look for it in a page
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ files)).readFile(source);
  }
  const response = await fetch(source);
  if (!response.ok) throw new PrunetextError(`${response.url || source} cannot be fetched: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function randomSource() {
  const module = "node:crypto"; // for Node 18, which has no global one
  return globalThis.crypto ?? (await import(/* webpackIgnore: true */ /* @vite-ignore */ module)).webcrypto;
}
