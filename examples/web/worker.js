// A worker that labels each message: a text or, with a model of pairs, an array of two.
import { load } from "./prunetext.js";

const loading = load("model.safetensors");
onmessage = async ({ data }) => postMessage((await loading).predict(data));
