"use strict";
// Nothing is ever parsed as HTML: elements are made one by one, and texts are set as texts.

const at = (id) => document.getElementById(id);
const BEST = 12;
const MOST_LABELS = 20;
const STRONGEST = 0.65;
const FAINTEST = 0.04;
let model = null;
// Answers to questions before the last one aren't shown.
let asked = 0;

function make(name, settings = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(settings)) {
    if (key === "class") element.className = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

function say(message) {
  at("problem").textContent = message;
  at("problem").hidden = !message;
}

async function ask(path, body) {
  const headers = {};
  const token = at("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = { headers };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.method = "POST";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server can't be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) at("entrance").hidden = false;
  if (!response.ok) throw new Error(answer.error || `The server answered with the status ${response.status}.`);
  return answer;
}

async function load() {
  model = await ask("model");
  const name = [model.lang, model.name].filter(Boolean).join("_") || "Try the model";
  at("name").textContent = name;
  document.title = name;
  const parts = model.components.filter((each) => each.labels.length).map((each) => each.name);
  const about = [model.version && `version ${model.version}`, parts.join(", "), model.description];
  at("about").textContent = about.filter(Boolean).join(" · ");
  at("second").hidden = !model.input.pair;
  at("method").replaceChildren(...model.methods.map((each) => make("option", { value: each }, each)));
}

// Predictions

function record() {
  const text = at("text").value;
  return model.input.pair ? { [model.input.text[0]]: text, [model.input.pair]: at("pair").value } : text;
}

async function predict() {
  const mine = ++asked;
  at("why").hidden = true;
  at("result").replaceChildren();
  if (!model) await load();
  const text = at("text").value;
  const answer = await ask("predict?proba=true", record());
  if (mine !== asked) return;
  const [found] = answer.predictions;
  if (found.error) throw new Error(`The text can't be used: ${found.error}.`);
  at("result").replaceChildren(...drawn(found.prediction, text));
  if (model.explained.length && !model.input.pair) await explain(true);
}

function drawn(prediction, text) {
  const fields = [...model.output, ...model.proba].filter((field) => field.name in prediction);
  const scored = fields.filter((field) => field.type === "scores").map((field) => prefixOf(field, "probabilities"));
  const worded = fields.filter((field) => last(field.name) === "words").map((field) => prefixOf(field, "words"));
  const found = [];
  for (const field of fields) {
    const value = prediction[field.name];
    const mine = field.name.slice(0, -last(field.name).length);
    const isScore = ["label", "score", "labels", "scores"].includes(last(field.name));
    if (isScore && scored.includes(mine)) continue;
    const isTags = field.type === "strings" && worded.includes(mine);
    if (isTags && last(field.name) === "words") found.push(...words(prediction, mine, fields));
    else if (isTags) continue;
    else if (field.type === "scores") found.push(...bars(field, value, chosen(prediction, mine)));
    else if (field.type === "spans") found.push(...spans(field, value || [], text));
    else if (last(field.name) === "labels" && `${mine}scores` in prediction) {
      const pairs = value.map((label, place) => [label, prediction[`${mine}scores`][place]]);
      found.push(...bars(field, Object.fromEntries(pairs), value));
    } else if (last(field.name) === "scores" && `${mine}labels` in prediction) continue;
    else found.push(...plain(field, value));
  }
  return found;
}

const last = (name) => name.split("_").pop();
const prefixOf = (field, end) => field.name.slice(0, -end.length);
const heading = (field) => make("h2", {}, field.name.replaceAll("_", " "));
const told = (number) => (typeof number === "number" ? number.toFixed(4) : "–");

function chosen(prediction, prefix) {
  const labels = prediction[`${prefix}labels`] ?? [prediction[`${prefix}label`]];
  return labels.filter((label) => label !== null && label !== undefined);
}

function bars(field, scores, best) {
  const ranked = Object.entries(scores || {}).sort((a, b) => b[1] - a[1]);
  const list = make("dl", { class: "bars" });
  for (const [label, score] of ranked.slice(0, MOST_LABELS)) {
    const full = make("span");
    full.style.width = `${100 * Math.min(Math.max(score, 0), 1)}%`;
    list.append(
      make("dt", { class: best.includes(label) ? "best" : "" }, label),
      make("dd", { "aria-hidden": "true" }, make("div", { class: "bar" }, full)),
      make("dd", { class: "number" }, told(score)),
    );
  }
  const rest = ranked.length - MOST_LABELS;
  const more = rest > 0 ? [make("p", { class: "note" }, `${rest} other labels have lower scores.`)] : [];
  const none = ranked.length ? [] : [make("p", {}, "None.")];
  return [make("h2", {}, "Labels"), list, ...more, ...none];
}

function spans(field, found, text) {
  if (!found.length) return [heading(field), make("p", {}, "None.")];
  // Places count characters, and strings of JavaScript halves of some.
  const characters = Array.from(text);
  const shown = make("p", { class: "text" });
  let end = 0;
  for (const span of [...found].sort((a, b) => a.start - b.start)) {
    if (span.start < end) continue;
    shown.append(characters.slice(end, span.start).join(""));
    const inside = characters.slice(span.start, span.end).join("");
    shown.append(make("mark", { class: "entity" }, inside, make("small", {}, span.label)));
    end = span.end;
  }
  shown.append(characters.slice(end).join(""));
  const rows = found.map((span) => [span.label, span.text, `${span.start}–${span.end}`, told(span.confidence)]);
  return [heading(field), shown, table(["label", "text", "characters", "confidence"], rows, 2)];
}

function table(names, rows, numbers) {
  const line = (cells, name) =>
    make("tr", {}, ...cells.map((cell, place) => make(name, { class: place >= numbers ? "number" : "" }, cell)));
  return make("table", {}, make("thead", {}, line(names, "th")), make("tbody", {}, ...rows.map((row) => line(row, "td"))));
}

function words(prediction, prefix, fields) {
  const tags = fields.filter((field) => field.type === "strings" && field.name.startsWith(prefix) && last(field.name) !== "words");
  const text = make("p", {});
  prediction[`${prefix}words`].forEach((word, place) => {
    const mine = tags.map((field) => make("small", {}, (prediction[field.name] || [])[place] ?? ""));
    text.append(make("span", { class: "tagged" }, word, ...mine));
  });
  return [make("h2", {}, [prefix, ...tags.map((field) => last(field.name))].filter(Boolean).join(" ").replaceAll("_", " ")), text];
}

function plain(field, value) {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
  const isLong = text.length > 2000;
  return [heading(field), make("p", {}, isLong ? `${text.slice(0, 2000)}…` : text), make("p", { class: "note" }, field.meaning)];
}

// Explanations

async function explain(isNew) {
  const mine = asked;
  const text = at("text").value;
  const most = model.limits.explained_characters;
  at("why").hidden = false;
  if (Array.from(text).length > most) {
    at("explanation").replaceChildren(make("p", { class: "note" }, `Texts of up to ${most} characters are explained.`));
    return;
  }
  at("explanation").replaceChildren(make("p", { class: "note" }, "Explaining…"));
  const question = { text, method: at("method").value };
  if (!isNew && at("label").value) question.labels = [at("label").value];
  let found;
  try {
    found = await ask("explain", question);
  } catch (error) {
    if (mine === asked) at("explanation").replaceChildren(make("p", { class: "note" }, `It can't be explained: ${error.message}`));
    return;
  }
  if (mine !== asked) return;
  if (isNew) {
    const labels = Object.keys(found.scores);
    at("label").replaceChildren(...labels.map((each) => make("option", { value: each }, each)));
    if (found.explained[0].label) at("label").value = found.explained[0].label;
  }
  at("label").disabled = question.method === "attention";
  at("explanation").replaceChildren(...found.explained.flatMap((each) => marked(found, each)));
}

function marked(found, each) {
  const largest = Math.max(...each.words.map(Math.abs), 0) || 1;
  const text = make("p", { class: "text" });
  const sums = new Map();
  found.words.forEach((word, place) => {
    const number = each.words[place];
    const mark = make("mark", { class: `word ${number > 0 ? "for" : "against"}`, title: signed(number) }, word);
    const level = (STRONGEST * Math.abs(number)) / largest;
    if (level < FAINTEST) mark.className = "word";
    mark.style.setProperty("--level", level.toFixed(3));
    text.append(mark, found.spaces[place]);
    if (word.trim()) sums.set(word.toLowerCase(), (sums.get(word.toLowerCase()) || 0) + number);
  });
  const ranked = [...sums].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, BEST);
  return [
    make("p", { class: "note" }, each.note),
    text,
    make("p", { class: "note" }, "Blue words speak for it; orange ones, underlined, against it."),
    table(["word", "contribution"], ranked.map(([word, number]) => [word, signed(number)]), 1),
  ];
}

const signed = (number) => (number < 0 ? "−" : "+") + Math.abs(number).toFixed(4);

// Events

async function trying(work) {
  const button = document.querySelector("button");
  say("");
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
  }
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  trying(predict);
});
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("ask").requestSubmit();
});
at("token").addEventListener("change", () => trying(load));
at("label").addEventListener("change", () => explain(false));
at("method").addEventListener("change", () => explain(false));
trying(load).then(() => {
  if (!model) at("about").textContent = "";
});
