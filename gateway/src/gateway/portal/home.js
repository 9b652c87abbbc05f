// The first page: search and the newest books, with the portal's session of this tab or an API key.
import { day, find, make, number } from "./page.js";
import { ask, isSignedIn, resume } from "./session.js";

async function get(path) {
  const key = find("key").value.trim();
  const answer = key ? await fetch(path, { headers: { "X-API-Key": key }, cache: "no-store" }) : await ask("GET", path);
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  if (answer.status === 401) find("key-part").hidden = false;
  throw new Error(answer.status === 401 ? "Give an API key that is valid, or sign in at the portal." : body.detail || `The server answered ${answer.status}`);
}

function row(book, note) {
  const isWeb = /^https?:/.test(book.url);
  const title = isWeb ? make("a", { href: book.url, rel: "noreferrer", textContent: book.title }) : make("span", { textContent: book.title });
  const facts = [book.details?.authors?.join(", "), book.category, book.source, note].filter(Boolean).join(" · ");
  return make("li", {},
    make("div", { className: "what" }, title, make("p", { textContent: facts })),
    make("span", { className: "price", textContent: book.price ? `${book.price.amount} ${book.price.currency}` : "no price" }));
}

async function showNewest() {
  const { items } = await get("/v1/books?sort=-first_seen_at&limit=8");
  find("newest-hint").textContent = items.length ? "" : "The catalogue is empty: no book was crawled yet.";
  find("newest").replaceChildren(...items.map((book) => row(book, `since ${day(book.first_seen_at)}`)));
}

async function showHits() {
  const text = find("q").value.trim();
  history.replaceState(null, "", text ? `/?q=${encodeURIComponent(text)}` : "/");
  const { items, total } = await get(`/v1/search?limit=20&q=${encodeURIComponent(text)}`);
  find("found").textContent = total === 1 ? "1 book" : `${number(total)} books${total > items.length ? `, the best ${items.length}` : ""}`;
  find("hits").replaceChildren(...items.map(({ book }) => row(book)));
}

async function guarded(...works) {
  find("problem").textContent = "";
  try {
    for (const work of works) await work();
  } catch (problem) {
    find("problem").textContent = problem instanceof TypeError ? "The server can't be reached. Try again." : problem.message;
    find("found").textContent = "";
    find("hits").replaceChildren();
  }
}

find("search").onsubmit = (event) => {
  event.preventDefault();
  guarded(showHits, showNewest);
};
find("q").value = new URLSearchParams(location.search).get("q") ?? "";
await resume();
find("key-part").hidden = isSignedIn();
if (isSignedIn()) guarded(...(find("q").value ? [showHits] : []), showNewest);
