/** A URL, or the bytes of a file. A relative URL is one of the page; in Node, give the bytes or a URL of `file:`. */
export type Source = string | URL | Request | ArrayBuffer | ArrayBufferView;

export interface LoadOptions {
  /** The module itself, if it does not lie beside this file: its URL, its bytes, or a compiled WebAssembly.Module. */
  wasm?: Source | object;
  /** Whether to take the module with SIMD; by default, whether the engine has it. */
  simd?: boolean;
}

export interface Prediction {
  /** The label with the largest logit; null if it was rejected. Of several labels, the most probable one, given or not. */
  label: string | null;
  /** Its probability, or that of the one that was rejected. */
  probability: number;
  /** Of each label, in the order of `Classifier.labels`. */
  probabilities: Float32Array;
  /** The labels that the text is given: one, or any number with a model of several labels. */
  labels: string[];
}

/** What some characters add to a label's logit. */
export interface Part {
  /** 0, or 1 for the second text of a pair. */
  text: number;
  /** The characters, `text.slice(begin, end)`. */
  begin: number;
  end: number;
  logit: number;
}

/** The label's logit, before the temperature, is `base` and the logits of all parts added up. */
export interface Explanation {
  label: string;
  probability: number;
  logit: number;
  base: number;
  parts: Part[];
}

export class Classifier {
  private constructor();
  readonly task: "classification" | "pairs" | "labels";
  readonly labels: string[];
  /** The probability below which `reject` leaves a text without a label; 0 if the file has none. */
  readonly reject: number;
  /** Label a text or, with a model of pairs, an array of two. */
  predict(item: string | [string, string], options?: { reject?: boolean }): Prediction;
  /** Why a text or pair gets its label, or what speaks for another one. */
  explain(item: string | [string, string], label?: string | null): Explanation;
  /** Give the model's memory back. */
  free(): void;
}

/** Why a model cannot be loaded or asked. */
export class PrunetextError extends Error {}

/** Load a packed model. */
export function load(source: Source, options?: LoadOptions): Promise<Classifier>;

/** Whether this engine runs the module with SIMD. */
export function simd(): boolean;
