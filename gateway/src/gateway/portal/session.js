// Session of this tab. The access token is kept in memory, the refresh token in sessionStorage.
const KEPT = "bookstream.refresh";
let access = null;
let renewAt = 0;
let refreshing = null;
const listeners = [];

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}`);
    this.status = status;
    this.field = body.field;
    this.type = body.type;
  }
}

export const onAnswer = (listener) => listeners.push(listener);
export const isSignedIn = () => access !== null;

function keep(tokens) {
  access = tokens ? tokens.access_token : null;
  renewAt = tokens ? Date.now() + (tokens.expires_in - 60) * 1000 : 0;
  if (tokens) sessionStorage.setItem(KEPT, tokens.refresh_token);
  else sessionStorage.removeItem(KEPT);
}

async function problemOf(answer) {
  const body = await answer.json().catch(() => ({}));
  return new Problem(answer.status, body);
}

export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 200 || answer.status === 201 ? answer.json() : null;
}

export const signIn = async (email, password, code) => keep(await post("/v1/auth/login", { email, password, code: code || null }));
export const signInByProvider = async (token, code) => keep(await post("/v1/auth/oidc/session", { token, code }));
// False when the address has to be confirmed first.
export async function signUp(email, password) {
  const tokens = await post("/v1/auth/register", { email, password });
  keep(tokens);
  return tokens !== null;
}
export const forget = () => keep(null);

export async function signOut(everywhere) {
  try {
    await call("POST", everywhere ? "/v1/auth/logout-everywhere" : "/v1/auth/logout");
  } finally {
    keep(null);
  }
}

// A refresh token works once, so concurrent callers share one refresh.
export function resume() {
  const kept = sessionStorage.getItem(KEPT);
  if (!kept) return Promise.resolve(false);
  refreshing ??= post("/v1/auth/refresh", { refresh_token: kept })
    .then((tokens) => (keep(tokens), true))
    .catch((problem) => {
      if (problem.status === 401) keep(null);
      return false;
    })
    .finally(() => (refreshing = null));
  return refreshing;
}

// Current access token, or null; renewed a minute before it expires.
export async function accessToken() {
  if (access && Date.now() > renewAt) await resume();
  return access;
}

// Raw response to a request with the session's token; an expired token is renewed once.
export async function ask(method, path, body, headers = {}) {
  const send = () =>
    fetch(path, {
      method,
      headers: {
        ...(access ? { Authorization: `Bearer ${access}` } : {}),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body,
      cache: "no-store",
    });
  let answer = await send();
  if (answer.status === 401 && access && (await resume())) answer = await send();
  for (const listener of listeners) listener(answer);
  return answer;
}

// An answer that comes when its session has ended is not shown.
export async function call(method, path, body) {
  const began = access;
  const answer = await ask(method, path, body === undefined ? undefined : JSON.stringify(body));
  if (!answer.ok) throw await problemOf(answer);
  const said = answer.status === 204 ? null : await answer.json();
  if (began && !access) throw new Problem(401, {});
  return said;
}
