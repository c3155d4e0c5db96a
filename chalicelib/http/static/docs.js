"use strict";

// Everything below is made from openapi.json, which lies beside this page: relative addresses
// work below any prefix, such as the stage name of an API Gateway.
const formType = "multipart/form-data";
const root = new URL(".", location.href);
let contract;

const byId = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && typeof value !== "string") element[name] = value;
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

// Text with `code` in backticks.
function prose(text) {
  return text.split("`").map((piece, at) => (at % 2 ? make("code", {}, piece) : piece));
}

async function start() {
  const response = await fetch(new URL("openapi.json", root));
  if (!response.ok) throw new Error(`openapi.json answers with ${response.status}`);
  contract = await response.json();
  byId("version").textContent = contract.info.version;
  byId("about").textContent = contract.info.description;
  if (schemesOf(contract.components.securitySchemes).includes("bearer")) askForToken();
  byId("operations").replaceChildren(...contract.tags.map(section));
  byId("index").replaceChildren(...contract.tags.map(indexOf));
  addEventListener("hashchange", openAddressed);
  addEventListener("keydown", focusFilter);
  byId("filter").addEventListener("input", filter);
  openAddressed();
}

// ---- The token

const schemesOf = (named) => Object.keys(named ?? {});
const schemeOf = (operation) => schemesOf(operation.security?.[0])[0];

// Kept for this tab alone, and shown nowhere: what is on a screen or in an address gets shared.
function askForToken() {
  const input = byId("token");
  input.value = sessionStorage.getItem("token") ?? "";
  input.addEventListener("input", () => sessionStorage.setItem("token", token()));
  input.closest("label").hidden = false;
}

function token() {
  return byId("token").value.trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
}

function needOf(operation) {
  if (schemeOf(operation) === "bearer") return `Needs the scope \`${operation.security[0].bearer.join(" ")}\`.`;
  if (schemeOf(operation) === "sigv4") return "Needs an AWS signature, which this page can't make.";
  return "";
}

// ---- The list of operations

function operationsOf(tag) {
  const all = Object.entries(contract.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
  return all.filter((operation) => operation.tags.includes(tag.name));
}

function section(tag) {
  return make(
    "section",
    {},
    make("h2", {}, tag.name),
    make("p", {}, ...prose(tag.description)),
    ...operationsOf(tag).map(card),
  );
}

function indexOf(tag) {
  const links = operationsOf(tag).map((operation) =>
    make(
      "a",
      { href: `#${operation.operationId}`, "data-for": operation.operationId },
      badge(operation.method),
      operation.operationId.replaceAll("_", " "),
    ),
  );
  return make("div", { class: "group" }, make("h2", {}, tag.name), ...links);
}

function badge(method) {
  return make("span", { class: `method ${method}` }, method.toUpperCase());
}

// Lines break between segments only.
function pathOf(path) {
  const segments = path.slice(1).split("/").flatMap((segment) => [
    make("wbr"),
    make("span", { class: "segment" }, "/", segment.startsWith("{") ? make("var", {}, segment) : segment),
  ]);
  return make("span", { class: "path" }, ...segments);
}

function openAddressed() {
  const addressed = byId(location.hash.slice(1));
  if (!addressed || !addressed.matches(".operation")) return;
  addressed.open = true;
  addressed.scrollIntoView();
  addressed.querySelector("summary").focus({ preventScroll: true });
}

function focusFilter(event) {
  if (event.key !== "/" || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  byId("filter").focus();
}

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/);
  for (const operation of document.querySelectorAll(".operation")) {
    const text = operation.firstChild.textContent.toLowerCase() + operation.id;
    operation.hidden = !words.every((word) => text.includes(word));
    document.querySelector(`nav [data-for="${operation.id}"]`).hidden = operation.hidden;
  }
  for (const each of document.querySelectorAll("section")) {
    each.hidden = !each.querySelector(".operation:not([hidden])");
  }
  const groups = [...document.querySelectorAll("nav .group")];
  for (const each of groups) each.hidden = !each.querySelector("a:not([hidden])");
  byId("nothing").hidden = groups.some((each) => !each.hidden);
}

// ---- One operation

function card(operation) {
  const details = make(
    "details",
    { class: "operation", id: operation.operationId },
    make(
      "summary",
      {},
      badge(operation.method),
      pathOf(operation.path),
      make("span", { class: "says" }, ...prose(operation.summary)),
    ),
  );
  // Built when it is opened first, so that the page is there at once.
  details.addEventListener("toggle", () => details.children.length > 1 || details.append(inside(operation)), { once: true });
  return details;
}

function inside(operation) {
  const form = make("form", { class: "inside" });
  const parameters = operation.parameters.map((parameter) =>
    field(parameter.name, parameter.schema, { required: parameter.required, place: parameter.in }),
  );
  const accept = acceptField(operation);
  const body = bodyEditor(operation);
  const curl = block("");
  const answer = make("div", { "aria-live": "polite" });
  const send = make("button", { class: "send" }, "Send");
  form.append(
    ...[...(operation.description ?? "").split("\n\n"), needOf(operation)]
      .filter(Boolean)
      .map((text) => make("p", {}, ...prose(text))),
    ...titled("Parameters", [...parameters, accept]),
    ...titled("Body", [body?.element]),
    make("div", { class: "trying" }, send),
    make("h3", {}, "The same with curl"),
    curl.element,
    answer,
    ...titled("Answers", [answersOf(operation)]),
  );
  const request = () => requestOf(operation, form, body);
  const refresh = () => curl.show(curlOf(operation, request()));
  form.addEventListener("input", refresh);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    answer.replaceChildren(...(await answered(operation, request())));
    send.disabled = false;
  });
  refresh();
  return form;
}

function titled(title, children) {
  const present = children.filter(Boolean);
  return present.length ? [make("h3", {}, title), ...present] : [];
}

// ---- Schemas

function resolve(schema) {
  if (schema.$ref) return resolve(contract.components.schemas[schema.$ref.split("/").pop()]);
  const choices = (schema.anyOf ?? []).filter((choice) => choice.type !== "null");
  return choices.length === 1 ? { ...resolve(choices[0]), ...schema, anyOf: undefined } : schema;
}

function typeOf(schema) {
  const type = resolve(schema);
  if (type.anyOf) return type.anyOf.map((choice) => resolve(choice).title).join(" or ");
  if (type.enum) return type.enum.join(" · ");
  if (type.type === "array") return `list of ${resolve(type.items).title ?? `${type.items.type}s`}`;
  if (type.format === "binary") return "file";
  return (type.format ?? type.title ?? type.type ?? "anything") + boundsOf(type);
}

function boundsOf(type) {
  const low = type.minimum ?? type.minLength;
  const high = type.maximum ?? type.maxLength;
  const unit = type.type === "string" ? " characters" : "";
  const count = (number) => number.toLocaleString("en");
  // JavaScript rounds beyond this, and nobody needs the bound.
  const bounded = high !== undefined && high <= Number.MAX_SAFE_INTEGER;
  if (!bounded) return low ? `, at least ${count(low)}${unit}` : "";
  return low === undefined ? `, up to ${count(high)}${unit}` : `, ${count(low)} to ${count(high)}${unit}`;
}

// Whether fields are required is of interest in what is sent; an answer has them all.
function shape(schema, sent = false) {
  const type = resolve(schema);
  if (type.anyOf) return make("div", {}, ...type.anyOf.map((choice) => more(resolve(choice).title, () => shape(choice, sent))));
  if (type.type === "array") return shape(type.items, sent);
  const entries = Object.entries(type.properties ?? {}).map(([name, inner]) => {
    const deep = resolve(inner).type === "array" ? resolve(resolve(inner).items) : resolve(inner);
    return make(
      "li",
      {},
      make("span", { class: "name" }, name),
      make("span", { class: "type" }, typeOf(inner)),
      sent && type.required.includes(name) ? make("span", { class: "needed" }, " required") : null,
      resolve(inner).description && make("span", { class: "hint" }, ...prose(resolve(inner).description)),
      deep.properties && more(deep.title, () => shape(deep, sent)),
    );
  });
  return make("ul", { class: "shape" }, ...entries);
}

function more(title, build) {
  const details = make("details", { class: "more" }, make("summary", {}, title));
  details.addEventListener("toggle", () => details.append(build()), { once: true });
  return details;
}

function sample(schema) {
  const type = resolve(schema);
  if (type.examples) return type.examples[0];
  if (type.default !== undefined && type.default !== null) return type.default;
  if (type.enum) return type.enum[0];
  if (type.type === "array") return [sample(type.items)];
  if (type.properties) return Object.fromEntries(type.required.map((name) => [name, sample(type.properties[name])]));
  return { integer: 1, number: 1, boolean: true, object: {} }[type.type] ?? "";
}

// ---- Fields

const shared = new Map(); // what was typed for a name in a path holds for every operation

function field(name, schema, { required, place }) {
  const type = resolve(schema);
  const control = controlFor(type, required);
  control.name = `${place}:${name}`;
  if (place === "path") share(control, name, type);
  const preset = JSON.stringify(type.default);
  const hints = [type.description, preset && !/^[[{]/.test(preset) && `Default \`${preset}\`.`];
  const label = make(
    "span",
    {},
    make("span", { class: "name" }, name),
    make("span", { class: "type" }, type.enum ? "" : typeOf(type)),
    required ? make("span", { class: "needed" }, " required") : null,
    make("span", { class: "hint" }, ...prose(hints.filter(Boolean).join(" "))),
  );
  return make("label", { class: "field" }, label, control);
}

function controlFor(type, required) {
  const choices = type.type === "boolean" ? ["true", "false"] : type.enum;
  if (choices) return make("select", { required }, ...["", ...choices].map((choice) => make("option", {}, choice)));
  if (type.type === "object") return make("textarea", { required, spellcheck: false, placeholder: "{ }" });
  const properties = { required, autocomplete: "off", spellcheck: false };
  if (type.format === "binary") return make("input", { ...properties, type: "file" });
  if (type.type === "integer") return make("input", { ...properties, inputmode: "numeric" });
  if (type.type === "array") return make("input", { ...properties, placeholder: "separated by commas" });
  return make("input", { ...properties, placeholder: type.examples ? `for example ${type.examples[0]}` : "" });
}

function share(control, name, type) {
  control.value = shared.get(name) ?? "";
  control.dataset.shared = name;
  control.addEventListener("input", () => {
    shared.set(name, control.value);
    for (const other of document.querySelectorAll(`[data-shared="${name}"]`)) {
      if (other === control) continue;
      other.value = control.value;
      other.form.dispatchEvent(new Event("input"));
    }
  });
}

function acceptField(operation) {
  const types = Object.keys(operation.responses["200"]?.content ?? {}).filter((type) => /octet-stream|zip/.test(type));
  if (!types.length) return undefined;
  return field("Accept", { enum: types, description: "Asks for the bytes in the answer itself." }, { required: false, place: "header" });
}

// ---- Bodies

function bodyEditor(operation) {
  const content = operation.requestBody?.content;
  if (!content) return undefined;
  const editors = Object.entries(content)
    .map(([type, { schema }]) => ({ type, element: type === formType ? formFields(schema) : jsonText(schema) }))
    .sort((one) => (one.type === formType ? -1 : 1));
  const choose = (chosen) => {
    for (const editor of editors) {
      editor.element.hidden = editor.element.disabled = editor !== chosen;
    }
  };
  const ways = editors.map((editor, at) => {
    const radio = make("input", { type: "radio", name: "way", value: editor.type, checked: at === 0 });
    radio.addEventListener("input", () => choose(editor));
    return make("label", {}, radio, editor.type === "application/json" ? "JSON" : "Form with the file");
  });
  choose(editors[0]);
  const switcher = make("div", { class: "ways", role: "radiogroup", "aria-label": "How to send" }, ...ways);
  return {
    element: make("div", {}, editors.length > 1 ? switcher : null, ...editors.map((editor) => editor.element)),
    chosen: () => editors.find((editor) => !editor.element.disabled),
  };
}

function jsonText(schema) {
  const example = JSON.stringify(sample(schema), null, 2);
  const rows = example.split("\n").length + 1;
  const text = make("textarea", { name: "json", rows, spellcheck: false, "aria-label": "JSON body" }, example);
  return make("fieldset", {}, text, more("All fields", () => shape(schema, true)));
}

function formFields(schema) {
  const { properties, required } = resolve(schema);
  const fields = (names, isRequired) =>
    names.map((name) => field(name, properties[name], { required: isRequired, place: "form" }));
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  return make(
    "fieldset",
    {},
    ...fields(required, true),
    make(
      "details",
      { class: "more" },
      make("summary", {}, `${optional.length} more fields`),
      ...fields(optional, false),
    ),
  );
}

// ---- Requests

function requestOf(operation, form, body) {
  const texts = (place) =>
    [...form.elements]
      .filter((control) => control.name.startsWith(`${place}:`) && control.value)
      .map((control) => [control.name.slice(place.length + 1), control.files?.[0] ?? control.value]);
  const filled = new Map(texts("path"));
  const path = operation.path.replace(/\{(\w+)\}/g, (hole, name) =>
    filled.has(name) ? encodeURIComponent(filled.get(name)) : hole,
  );
  const url = new URL(root);
  url.pathname += path.slice(1);
  url.search = new URLSearchParams(texts("query"));
  const headers = Object.fromEntries(texts("header"));
  const type = body?.chosen().type;
  return {
    method: operation.method.toUpperCase(),
    url: url.href.replaceAll("%7B", "{").replaceAll("%7D", "}"),
    headers,
    json: type === "application/json" ? form.elements.json.value : undefined,
    parts: type === formType ? texts("form") : undefined,
  };
}

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function curlOf(operation, { method, url, headers, json, parts }) {
  const lines = [`curl ${operation.responses["307"] ? "-L " : ""}${quoted(url)}`];
  if (method !== (json !== undefined || parts ? "POST" : "GET")) lines.push(`-X ${method}`);
  if (schemeOf(operation) === "bearer") lines.push('-H "Authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  for (const [name, value] of parts ?? []) {
    if (value instanceof File) lines.push(`-F ${quoted(`${name}=@${value.name}`)}`);
    else lines.push(`${/^[@<]|;/.test(value) ? "--form-string" : "-F"} ${quoted(`${name}=${value}`)}`);
  }
  if (json !== undefined) lines.push("-H 'Content-Type: application/json'", `-d ${quoted(json)}`);
  if (operation.responses["307"]) lines.push("-OJ");
  return lines.join(" \\\n  ");
}

async function answered(operation, { method, url, headers, json, parts }) {
  const options = { method, headers: { ...headers }, redirect: "manual" };
  const secured = schemeOf(operation) === "bearer";
  if (secured && token()) options.headers.Authorization = `Bearer ${token()}`;
  if (json !== undefined) {
    options.body = json;
    options.headers["Content-Type"] = "application/json";
  }
  if (parts) {
    options.body = new FormData();
    for (const [name, value] of parts) options.body.append(name, value);
  }
  const started = performance.now();
  try {
    const response = await fetch(url, options);
    if (response.type === "opaqueredirect") return redirected(url, secured);
    const content = await response.blob();
    const milliseconds = Math.round(performance.now() - started);
    return [heading(response, `${milliseconds} ms · ${content.size.toLocaleString("en")} bytes`), headersOf(response), await contentOf(response, content)];
  } catch (error) {
    return [make("h3", {}, "Answer"), make("p", { class: "status bad" }, `No answer: ${error.message}`)];
  }
}

// A page is not told where a redirect leads; the browser itself may follow it, but has no token.
function redirected(url, secured) {
  const link = make("a", { href: url, target: "_blank" }, "fetch it");
  return [
    make("h3", {}, "Answer"),
    make(
      "p",
      {},
      make("span", { class: "status good" }, "307"),
      " The content lies at a presigned URL: ",
      ...(secured ? ["fetch it with the curl command above."] : [link, "."]),
    ),
  ];
}

function heading(response, measured) {
  const status = make("span", { class: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`);
  return make("div", {}, make("h3", {}, "Answer"), make("p", {}, status, make("span", { class: "measured" }, measured)));
}

function headersOf(response) {
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  return more("Headers", () => block(lines.join("\n")).element);
}

async function contentOf(response, content) {
  const type = response.headers.get("content-type") ?? "";
  if (!/json|text/.test(type)) return make("p", {}, make("a", { href: URL.createObjectURL(content), download: nameIn(response) }, "Save the content"));
  const text = await content.text();
  return block(...(type.includes("json") && text ? highlighted(JSON.parse(text)) : [text])).element;
}

function nameIn(response) {
  return /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? "content";
}

function highlighted(document) {
  const tokens = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;
  const text = JSON.stringify(document, null, 2);
  const nodes = [];
  let end = 0;
  for (const token of text.matchAll(tokens)) {
    const kind = token[2] ? "json-key" : token[1] ? "json-string" : "json-other";
    const shown = token[1] ?? token[0];
    nodes.push(text.slice(end, token.index), make("span", { class: kind }, shown));
    end = token.index + shown.length;
  }
  return [...nodes, text.slice(end)];
}

function block(...content) {
  const pre = make("pre", { tabindex: "0" }, ...content);
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.textContent);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  return { element: make("div", { class: "block copied-from" }, pre, copy), show: (text) => pre.replaceChildren(text) };
}

// ---- What comes back

function answersOf(operation) {
  const entries = Object.entries(operation.responses).flatMap(([status, response]) => {
    const types = Object.entries(response.content ?? {});
    const [type, { schema } = {}] = types[0] ?? [];
    const isError = status === "default" || status >= "400";
    return [
      make("dt", {}, make("code", {}, status), ...prose(response.description)),
      make(
        "dd",
        {},
        type && type !== "application/json" ? make("span", { class: "hint" }, types.map(([name]) => name).join(", ")) : null,
        type === "application/json" && !isError && typeOf(schema) !== "object" ? more(typeOf(schema), () => shape(schema)) : null,
      ),
    ];
  });
  return make("dl", { class: "answers" }, ...entries);
}

start().catch((error) => {
  byId("operations").replaceChildren(make("p", { class: "status bad" }, `The contract can't be read: ${error.message}`));
});
