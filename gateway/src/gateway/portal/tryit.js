// Try it: choose an operation of the merged OpenAPI document, fill in what it takes, send it, see the answer.
import { copied, find, make } from "./page.js";
import { ask, call } from "./session.js";

const MOST_SHOWN = 200_000;
const SHOWN_AT_ONCE = 4;
const FIRST = "search_books";
let schemas = {};
let chosen = null;

const resolve = (schema) => (schema?.$ref ? schemas[schema.$ref.split("/").pop()] : schema) ?? {};

// The part of a schema that isn't null.
function plain(schema) {
  const whole = resolve(schema);
  const inner = (whole.anyOf ?? []).map(resolve).find((one) => one.type !== "null");
  return { ...whole, ...(inner ?? {}) };
}

function field(parameter) {
  const schema = plain(parameter.schema);
  const id = `p-${parameter.in}-${parameter.name}`;
  const items = plain(schema.items);
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  const example = schema.examples?.[0];
  const hint = [parameter.required ? "needed" : "", schema.type === "array" ? "separate by commas" : "", schema.default !== undefined && schema.default !== null && String(schema.default) ? `else ${schema.default}` : ""].filter(Boolean).join(", ");
  const input = choices
    ? make("select", { id }, make("option", { value: "", textContent: "–" }), ...choices.map((one) => make("option", { value: String(one), textContent: String(one) })))
    : make("input", { id, placeholder: example === undefined ? (items.enum ?? []).join(", ") : String(example), inputMode: ["integer", "number"].includes(schema.type) ? "decimal" : "text" });
  input.dataset.name = parameter.name;
  input.dataset.in = parameter.in;
  input.dataset.kind = schema.type ?? "string";
  input.required = Boolean(parameter.required);
  const label = make("label", { htmlFor: id }, `${parameter.name} `, make("small", { textContent: hint }));
  return make("div", {}, label, input);
}

function choose(operation) {
  chosen = operation;
  find("operation-words").textContent = operation.description;
  const shown = (operation.parameters ?? []).filter((one) => one.in !== "header" || one.name.toLowerCase() !== "idempotency-key");
  const first = shown.filter((one, n) => one.required || n < SHOWN_AT_ONCE);
  const rest = shown.filter((one) => !first.includes(one));
  find("parameters").replaceChildren(...first.map(field));
  if (rest.length) {
    find("parameters").append(make("details", {}, make("summary", { textContent: `${rest.length} more parameters` }), make("div", { className: "fields" }, ...rest.map(field))));
  }
  const media = operation.requestBody?.content?.["application/json"];
  find("body-part").hidden = !media;
  find("body").value = media ? JSON.stringify(media.example ?? {}, null, 2) : "";
  find("answer").hidden = true;
}

// What the form says: the address, headers and body of the request.
function request() {
  let path = chosen.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const input of find("parameters").querySelectorAll("input, select")) {
    const value = input.value.trim();
    const { name, in: place, kind } = input.dataset;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (!value) continue;
    else if (place === "header") headers[name] = value;
    else for (const one of kind === "array" ? value.split(",") : [value]) query.append(name, one.trim());
  }
  const text = String(query);
  const body = find("body-part").hidden ? undefined : find("body").value;
  return { method: chosen.method, path: text ? `${path}?${text}` : path, headers, body };
}

function pretty(text, kind) {
  if (!/^application\/(problem\+)?json/.test(kind)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send() {
  const { method, path, headers, body } = request();
  const missing = [...find("parameters").querySelectorAll("[required]")].find((input) => !input.value.trim());
  if (missing) return missing.focus();
  const button = find("send");
  button.disabled = true;
  try {
    const started = performance.now();
    const answer = await ask(method, path, body, headers);
    const text = await answer.text();
    const took = performance.now() - started;
    const whole = pretty(text, answer.headers.get("content-type") ?? "");
    const kind = answer.status < 400 ? "fine" : answer.status < 500 ? "refused" : "failed";
    find("answer-status").textContent = `${answer.status}`;
    find("answer-status").className = `badge ${kind}`;
    const cache = /; (hit|fwd=[a-z-]+)/.exec(answer.headers.get("cache-status") ?? "")?.[1];
    const from = cache === "hit" ? ", from the cache" : "";
    find("answer-time").textContent = `${took.toFixed(0)} ms, ${text.length.toLocaleString("en-GB")} characters${from}`;
    find("answer-body").textContent = whole.length > MOST_SHOWN ? `${whole.slice(0, MOST_SHOWN)}\n… cut here` : whole || "(no body)";
    find("answer-headers").textContent = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    find("answer").hidden = false;
  } finally {
    button.disabled = false;
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl() {
  const { method, path, headers, body } = request();
  const lines = [`curl -X ${method} ${quoted(location.origin + path)}`, "-H 'X-API-Key: YOUR_KEY'"];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) lines.push("-H 'Content-Type: application/json'", `-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}

export async function startTryIt(guarded) {
  const document_ = await call("GET", "/openapi.json");
  schemas = document_.components?.schemas ?? {};
  const operations = new Map();
  const groups = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const known = { ...operation, path, method: method.toUpperCase() };
      operations.set(operation.operationId, known);
      const tag = operation.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), known]);
    }
  }
  const ordered = [...groups].sort(([a], [b]) => rank(a) - rank(b));
  find("operation").replaceChildren(
    ...ordered.map(([tag, group]) =>
      make("optgroup", { label: tag }, ...group.map((one) => make("option", { value: one.operationId, textContent: `${one.method} ${one.path}` })))),
  );
  find("operation").onchange = (event) => choose(operations.get(event.target.value));
  find("try-form").onsubmit = (event) => {
    event.preventDefault();
    guarded(send);
  };
  find("curl-copy").onclick = (event) => guarded(() => copied(event.target, curl()));
  const first = operations.get(FIRST) ?? operations.values().next().value;
  find("operation").value = first.operationId;
  choose(first);
}

const ORDER = ["search", "books", "catalogue", "writing"];
const rank = (tag) => (ORDER.includes(tag) ? ORDER.indexOf(tag) : ORDER.length);
