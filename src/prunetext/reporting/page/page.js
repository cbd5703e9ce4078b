// Makes the page answer: models that label what is typed, a threshold that moves, tables that sort and can be searched.
// Text only ever enters the page as text: nothing here writes markup.
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const bytesIn = (element) => Uint8Array.from(atob(element.textContent.trim()), (c) => c.charCodeAt(0));
const inflated = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

// Tables: each header becomes a button that sorts by its column.
const collator = new Intl.Collator(undefined, { numeric: true });
const numeric = (text) => (/\d/.test(text) ? Number(text.replace(/(\d)\s*\(.*\)$/, "$1").replace(/[,%\s]/g, "").replace("−", "-")) : NaN);
function sortBy(table, column, head) {
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const each of head.parentElement.children) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [row.cells[column].textContent.trim(), row]);
  const numbers = rows.every(([text]) => text === "–" || text === "" || Number.isFinite(numeric(text)));
  const value = (text) => (text === "–" || text === "" ? -Infinity : numeric(text));
  rows.sort(([one], [other]) => (numbers ? value(one) - value(other) || 0 : collator.compare(one, other)));
  if (down) rows.reverse();
  body.append(...rows.map(([, row]) => row));
}
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    if (!head.textContent) return;
    const button = make("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => sortBy(table, column, head));
  });
}
for (const box of document.querySelectorAll("input[data-table]")) {
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of $(box.dataset.table).tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

// The threshold.
const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(2)} %`);
function startThreshold() {
  const choice = $("label-choice"), cut = $("cut");
  if (!choice) return;
  data.thresholds.forEach(([label], at) => choice.append(make("option", { value: at }, label || "any: reject unsure texts")));
  const show = () => {
    const [, found] = data.thresholds[choice.value], at = Number(cut.value);
    $("cut-value").textContent = (at / 100).toFixed(2);
    for (const name of ["precision", "recall", "share"]) $(`cut-${name}`).textContent = share(found[name][at]);
  };
  choice.addEventListener("change", show);
  cut.addEventListener("input", show);
  show();
}
startThreshold();

// Words marked by what they say: parts that overlap add up.
function marked(target, text, parts, side) {
  const worth = new Float64Array(text.length);
  for (const part of parts) {
    if (part.text !== side) continue;
    for (let at = part.begin; at < part.end; ++at) worth[at] += part.logit;
  }
  const most = worth.reduce((found, each) => Math.max(found, Math.abs(each)), 1e-9);
  const level = (value) => (Math.abs(value) < 0.08 * most ? 0 : Math.sign(value) * Math.min(3, 1 + Math.floor((3 * Math.abs(value)) / most)));
  const whole = make("span"); // put in at once: a place that finds its direction looks at each child
  for (let from = 0, at = 1; at <= text.length; ++at) {
    if (at < text.length && level(worth[at]) === level(worth[from])) continue;
    const strength = level(worth[from]), own = text.slice(from, at);
    whole.append(strength ? make("mark", { class: `${strength > 0 ? "s" : "a"}${Math.abs(strength)}` }, own) : own);
    from = at;
  }
  target.replaceChildren(whole);
}

// What is said of the labels that are given: the probability of the least probable one or, of none, that none is right;
// and the label that marks explain, the most probable of those that are given, or of all.
function told(model, said) {
  const share = (label) => said.probabilities[model.labels.indexOf(label)];
  const given = said.labels.map(share);
  const sure = given.length ? given.reduce((one, other) => Math.min(one, other)) : 1 - said.probability;
  const explained = said.labels.reduce((one, other) => (share(other) > share(one) ? other : one), said.labels[0] ?? said.label);
  return { given: said.labels.join(", ") || "(none)", sure, explained };
}

// The models in the page.
async function startModels() {
  const box = $("typed");
  if (!box) return;
  const binaries = Object.fromEntries([...document.querySelectorAll("script.wasm")].map((each) => [each.dataset.name, each]));
  const wasm = await WebAssembly.compile(await inflated(bytesIn(binaries[simd() ? "prunetext-simd.wasm" : "prunetext.wasm"])));
  const models = {};
  for (const name of data.modelNames) models[name] = await load(bytesIn($(`model-${name}`)), { wasm });
  const pairs = models.packed.task === "pairs";
  $("second-box").hidden = !pairs;
  const itemOf = (texts) => (pairs ? texts : texts[0]);

  const answers = Object.entries(models).map(([name, model]) => {
    const label = make("div", { class: "label", "aria-live": "polite", dir: "auto" }), explained = make("p", { class: "explained" });
    const bar = make("progress", { max: 1, value: 0, "aria-label": `probability by the ${name} model` });
    const shown = [make("div", { class: "shown", dir: "auto" }), make("div", { class: "shown", dir: "auto" })];
    $("answers").append(make("div", { class: "answer", id: `answer-${name}` }, make("h3", {}, `${name} model`), label, bar, explained, ...shown));
    return { model, label, bar, explained, shown };
  });
  const clear = () => {
    for (const { label, bar, explained, shown } of answers) {
      bar.value = 0;
      for (const each of [label, explained, ...shown]) each.replaceChildren();
    }
    $("took").textContent = $("trouble").textContent = "";
  };
  const answerAll = () => {
    const texts = [box.value, $("typed-b").value], began = performance.now();
    if (!texts[0]) return clear();
    for (const { model, label, bar, explained, shown } of answers) {
      const said = model.predict(itemOf(texts)), { given, sure, explained: word } = told(model, said);
      const why = model.explain(itemOf(texts), word);
      label.textContent = `${given} ${(100 * sure).toFixed(1)} %`;
      bar.value = sure;
      explained.textContent = said.labels.length === 1 ? "" : `Marked for ${word}, ${said.labels.length ? "the most probable of these" : "which is not given"}.`;
      shown.forEach((target, side) => (side && !pairs ? null : marked(target, texts[side], why.parts, side)));
    }
    $("trouble").textContent = "";
    $("took").textContent = `(${(performance.now() - began).toFixed(1)} ms)`;
  };
  const answer = () => {
    try {
      answerAll();
    } catch (error) {
      clear();
      $("trouble").textContent = `This text has no answer: ${error.message}`;
    }
  };
  box.addEventListener("input", answer);
  $("typed-b").addEventListener("input", answer);

  const spans = [...document.querySelectorAll("#changed tbody tr")];
  const lines = (row) => [...row.querySelectorAll(".marked")].map((each) => each.textContent);
  const whole = spans.filter((row) => !("cut" in row.dataset));
  for (const row of (whole.length ? whole : spans).slice(0, 3)) {
    const texts = lines(row);
    const button = make("button", { type: "button" }, texts[0].length > 60 ? `${texts[0].slice(0, 60)}…` : texts[0]);
    button.addEventListener("click", () => {
      box.value = texts[0];
      if (pairs) $("typed-b").value = texts[1];
      answer();
    });
    $("examples").append(button, " ");
  }
  if (!spans.length) $("examples").parentElement.hidden = true;
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      seen.unobserve(entry.target);
      const texts = lines(entry.target), { label } = entry.target.dataset;
      if (!models.packed.labels.includes(label)) continue;
      const why = models.packed.explain(itemOf(texts), label);
      entry.target.querySelectorAll(".marked").forEach((span, side) => marked(span, texts[side], why.parts, side));
    }
  });
  for (const row of spans) seen.observe(row);
  window.prunetextModels = models;
  document.documentElement.dataset.ready = "yes";
}
startModels().catch((error) => {
  const box = $("answers");
  if (box) box.textContent = `The model in this page cannot run here: ${error.message}`;
  console.error(error);
});
