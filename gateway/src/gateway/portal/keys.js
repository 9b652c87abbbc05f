// API keys: make one (its secret is shown once), list, revoke.
import { copied, day, find, make } from "./page.js";
import { call } from "./session.js";

const WORDS = {
  "books:read": "read books",
  "books:write": "write books",
  search: "search books",
  ml: "predict prices",
  analytics: "analytics (opens nothing yet)",
  admin: "administrate",
};

function row(key, guarded) {
  const ended = key.expires_at && Date.parse(key.expires_at) < Date.now();
  const ends = key.expires_at ? `${ended ? "ended" : "ends"} ${day(key.expires_at)}` : "never ends";
  const used = key.last_used_at ? `last used ${day(key.last_used_at)}` : "never used";
  const revoke = make("button", { type: "button", className: "danger", textContent: "Revoke", "aria-label": `Revoke ${key.name}` });
  revoke.onclick = () =>
    guarded(async () => {
      if (!confirm(`Revoke “${key.name}”? Whatever uses it stops working at once.`)) return;
      await call("DELETE", `/v1/keys/${key.id}`);
      await showKeys(guarded);
    });
  return make("li", {},
    make("div", { className: "what" },
      make("span", { className: "name", textContent: key.name }), " ",
      make("code", { textContent: `${key.prefix}…` }),
      make("p", { textContent: `${key.scopes.join(", ")} · ${ends} · ${used}` })),
    revoke);
}

export async function showKeys(guarded) {
  const { items: keys, most } = await call("GET", "/v1/keys");
  find("keys").replaceChildren(
    ...(keys.length ? keys.map((key) => row(key, guarded)) : [make("li", { className: "empty", textContent: "No keys yet. Make one to use the API from a program." })]),
  );
  find("keys-meter").max = most;
  find("keys-meter").value = keys.length;
  find("keys-left").textContent = `${keys.length} of ${most}`;
  find("new-key").disabled = keys.length >= most;
}

function open(isOpen) {
  find("key-form").hidden = !isOpen;
  find("new-key").hidden = isOpen;
  find("key-problem").textContent = "";
  find(isOpen ? "key-name" : "new-key").focus();
}

async function create(guarded) {
  const days = find("key-days").value;
  const scopes = [...document.querySelectorAll("#key-scopes input:checked")].map((box) => box.value);
  try {
    const key = await call("POST", "/v1/keys", { name: find("key-name").value.trim(), scopes, days: days ? Number(days) : null });
    find("key-form").reset();
    open(false);
    find("secret-text").textContent = key.secret;
    find("secret").hidden = false;
    find("secret").focus();
    await showKeys(guarded);
  } catch (problem) {
    const field = { name: "Give it a name. ", scopes: "Choose at least one thing that it may touch. " }[problem.field];
    find("key-problem").textContent = field ?? problem.message;
  }
}

export function startKeys(me, guarded) {
  find("key-scopes").replaceChildren(
    ...me.scopes.map((scope) =>
      make("label", {}, make("input", { type: "checkbox", value: scope, checked: scope === "books:read" || scope === "search" }), WORDS[scope] ?? scope)),
  );
  find("new-key").onclick = () => open(true);
  find("key-cancel").onclick = () => open(false);
  find("key-form").onsubmit = (event) => {
    event.preventDefault();
    guarded(() => create(guarded));
  };
  find("secret-copy").onclick = (event) => guarded(() => copied(event.target, find("secret-text").textContent));
  find("secret-done").onclick = () => {
    find("secret").hidden = true;
    find("secret-text").textContent = "";
    find("new-key").focus();
  };
}
