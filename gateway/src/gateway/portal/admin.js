// For administrators: users, audit log, signing keys, response cache.
import { day, find, make } from "./page.js";
import { call } from "./session.js";

const ROLES = ["reader", "editor", "admin"];

function choice(label, values, chosen, change) {
  const select = make("select", { "aria-label": label }, ...values.map((value) => make("option", { value, textContent: value, selected: value === chosen })));
  select.onchange = () => change(select.value);
  return select;
}

function userRow(user, plans, guarded) {
  const change = (body) => guarded(async () => {
    try {
      await call("PATCH", `/v1/users/${user.id}`, body);
    } finally {
      await showUsers(plans, guarded);
    }
  });
  const toggle = make("button", { type: "button", className: user.disabled ? "plain" : "danger", textContent: user.disabled ? "Enable" : "Disable", "aria-label": `${user.disabled ? "Enable" : "Disable"} ${user.email}` });
  toggle.onclick = () => {
    if (user.disabled || confirm(`Disable “${user.email}”? All its sessions end at once.`)) change({ disabled: !user.disabled });
  };
  return make("li", {},
    make("div", { className: "what" },
      make("span", { className: "name", textContent: user.email }),
      make("p", { textContent: `${user.disabled ? "disabled · " : ""}since ${day(user.created_at)}` })),
    make("div", { className: "buttons" },
      choice(`Role of ${user.email}`, ROLES, user.role, (role) => change({ role })),
      choice(`Plan of ${user.email}`, plans, user.plan, (plan) => change({ plan })),
      toggle));
}

// Fills a list page by page; `more` is its button.
async function showList(id, path, row, guarded) {
  const list = find(id), more = find(`${id}-more`);
  const load = async (cursor) => {
    const { items, next } = await call("GET", `${path}limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    if (cursor) list.append(...items.map(row));
    else list.replaceChildren(...items.map(row));
    more.hidden = next === null;
    more.onclick = () => guarded(() => load(next));
  };
  await load("");
}

const showUsers = (plans, guarded) => showList("users", "/v1/users?", (user) => userRow(user, plans, guarded), guarded);

function auditRow({ at, actor, action, target, detail }) {
  const facts = Object.entries(detail).map(([name, value]) => `${name} ${value}`).join(", ");
  return make("li", {}, make("div", { className: "what" },
    make("span", { className: "name", textContent: action }), " ", make("code", { textContent: target }),
    make("p", { textContent: [new Date(at).toLocaleString("en-GB"), `by ${actor}`, facts].filter(Boolean).join(" · ") })));
}

const showAudit = (guarded) => showList("audit", "/v1/admin/audit?", auditRow, guarded);

async function showSigningKeys(guarded) {
  const { keys } = await call("GET", "/.well-known/jwks.json");
  find("signing-keys").replaceChildren(...keys.map(({ kid, alg }) => {
    const distrust = make("button", { type: "button", className: "danger", textContent: "Distrust", "aria-label": `Distrust ${kid}` });
    distrust.onclick = () => guarded(async () => {
      if (!confirm("Distrust this key? All access tokens that it signed are refused at once.")) return;
      await call("DELETE", `/v1/admin/signing-keys/${kid}`);
      await Promise.all([showSigningKeys(guarded), showAudit(guarded)]);
    });
    return make("li", {}, make("div", { className: "what" }, make("code", { textContent: kid }), make("p", { textContent: alg })), distrust);
  }));
}

async function purge(body, guarded) {
  const { tags } = await call("POST", "/v1/admin/cache/purge", body);
  find("purge-said").textContent = tags.includes("*") ? "Everything was purged." : `Purged: ${tags.join(", ")}.`;
  await showAudit(guarded);
}

export async function showAdmin(me, plans, guarded) {
  const isAdmin = me.scopes.includes("admin");
  find("admin").hidden = !isAdmin;
  if (!isAdmin) return;
  find("rotate").onclick = () => guarded(async () => {
    await call("POST", "/v1/admin/signing-keys");
    await Promise.all([showSigningKeys(guarded), showAudit(guarded)]);
  });
  find("audit-verify").onclick = () => guarded(async () => {
    const { intact, entries, broken_at } = await call("GET", "/v1/admin/audit/verify");
    find("audit-said").textContent = intact ? `All ${entries} entries are intact.` : `Entry ${broken_at} was changed.`;
  });
  find("purge-lists").onclick = () => guarded(() => purge({ lists: true }, guarded));
  find("purge-all").onclick = () => guarded(() => purge({ everything: true }, guarded));
  find("purge-form").onsubmit = (event) => {
    event.preventDefault();
    guarded(() => purge({ books: [find("purge-book").value.trim()] }, guarded));
  };
  await Promise.all([showUsers(plans, guarded), showAudit(guarded), showSigningKeys(guarded)]);
}
