// Label texts with a packed model, in Node: node node.mjs model.safetensors "A great film!" "Dull."
//
// With a model of pairs, each two texts are one pair. Printed is a line of JSON for each text or pair.
import { readFile } from "node:fs/promises";
import { load } from "prunetext";

const [path, ...texts] = process.argv.slice(2);
const clf = await load(await readFile(path));
const items = clf.task === "pairs" ? texts.flatMap((text, i) => (i % 2 ? [[texts[i - 1], text]] : [])) : texts;
for (const item of items) {
  const { labels, label, probability, probabilities } = clf.predict(item);
  console.log(JSON.stringify({ item, labels, label, probability, probabilities: [...probabilities] }));
}
clf.free();
