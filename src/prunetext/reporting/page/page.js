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
const numeric = (text) => Number(text.replace(/[,%\s]|\(.*\)/g, "").replace("−", "-"));
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
  for (const label of Object.keys(data.thresholds)) choice.append(make("option", { value: label }, label || "any: reject unsure texts"));
  const show = () => {
    const found = data.thresholds[choice.value], at = Number(cut.value);
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
    const each = part.logit / Math.max(1, part.end - part.begin);
    for (let at = part.begin; at < part.end; ++at) worth[at] += each * (part.end - part.begin);
  }
  const most = Math.max(1e-9, ...worth.map(Math.abs));
  const level = (value) => (Math.abs(value) < 0.08 * most ? 0 : Math.sign(value) * Math.min(3, 1 + Math.floor((3 * Math.abs(value)) / most)));
  const pieces = [];
  for (let from = 0, at = 1; at <= text.length; ++at) {
    if (at < text.length && level(worth[at]) === level(worth[from])) continue;
    const strength = level(worth[from]), own = text.slice(from, at);
    pieces.push(strength ? make("mark", { class: `${strength > 0 ? "s" : "a"}${Math.abs(strength)}` }, own) : own);
    from = at;
  }
  target.replaceChildren(...pieces);
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
  const ask = (model, texts) => (pairs ? [model.predict(texts), model.explain(texts)] : [model.predict(texts[0]), model.explain(texts[0])]);

  const answers = Object.entries(models).map(([name, model]) => {
    const label = make("div", { class: "label" }), bar = make("progress", { max: 1, value: 0, "aria-label": `probability by the ${name} model` });
    const shown = [make("div", { class: "shown", dir: "auto" }), make("div", { class: "shown", dir: "auto" })];
    $("answers").append(make("div", { class: "answer", id: `answer-${name}` }, make("h3", {}, `${name} model`), label, bar, ...shown));
    return { name, model, label, bar, shown };
  });
  const answer = () => {
    const texts = [box.value, $("typed-b").value], began = performance.now();
    for (const { model, label, bar, shown } of answers) {
      const [said, why] = ask(model, texts);
      const given = said.labels.join(", ") || "(none)";
      label.textContent = texts[0] ? `${given} ${(100 * said.probability).toFixed(1)} %` : "";
      bar.value = texts[0] ? said.probability : 0;
      shown.forEach((target, side) => (side && !pairs ? null : marked(target, texts[side], why.parts, side)));
    }
    const took = performance.now() - began;
    $("took").textContent = texts[0] ? `(${took.toFixed(1)} ms)` : "";
    box.dataset.took = took.toFixed(3);
  };
  box.addEventListener("input", answer);
  $("typed-b").addEventListener("input", answer);

  const spans = [...document.querySelectorAll("#changed tbody tr")];
  const lines = (row) => [...row.querySelectorAll(".marked")].map((each) => each.textContent);
  for (const row of spans.slice(0, 3)) {
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
      const texts = lines(entry.target), [, why] = ask(models.packed, texts);
      entry.target.querySelectorAll(".marked").forEach((span, side) => marked(span, texts[side], why.parts, side));
      seen.unobserve(entry.target);
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
