// The portal: sign-in, then plan, usage, API keys and the account itself.
import { showAccount } from "./account.js";
import { showAdmin } from "./admin.js";
import { showKeys, startKeys } from "./keys.js";
import { askForReset, followLink, showLoginMethods, takeLink } from "./links.js";
import { find, make, number, press, short } from "./page.js";
import { call, forget, isSignedIn, onAnswer, resume, signIn, signOut, signUp } from "./session.js";
import { forgetUsage, showUsage, startUsage } from "./usage.js";

let isNew = false;
let sendCode = null; // waits for the second factor after the provider
let perMinute = 1;
const filled = [...document.querySelectorAll("[id]:empty")]; // what a session fills is empty in the page

// Run it; whatever goes wrong is said on the page, and a session that has ended leads back to the start.
async function guarded(work) {
  find("trouble").hidden = true;
  try {
    await work();
  } catch (problem) {
    if (problem.status === 401 || !isSignedIn()) return welcome("Your session has ended. Please sign in again.");
    find("trouble").textContent = problem instanceof TypeError ? "The server can't be reached. Try again." : problem.message;
    find("trouble").hidden = false;
    find("trouble").scrollIntoView({ block: "nearest" });
  }
}

// Nothing of an ended session stays in the page, also when the server is away.
function clear() {
  for (const element of filled) element.replaceChildren();
  for (const form of document.forms) form.reset();
  find("factor-uri").removeAttribute("href");
  forgetUsage();
}

function welcome(words = "") {
  clear();
  find("inside").hidden = find("who").hidden = true;
  find("welcome").hidden = false;
  find("sign-problem").textContent = words;
  askForCode(false);
  find("sign-email").focus();
}

function askForCode(isAsked) {
  find("sign-code-part").hidden = !isAsked;
  find("sign-code").value = "";
  if (isAsked) find("sign-code").focus();
}

function chooseForm(wantsNew) {
  isNew = wantsNew;
  press([find("choose-in"), find("choose-up")], find(isNew ? "choose-up" : "choose-in"));
  find("sign-go").textContent = isNew ? "Create account" : "Sign in";
  find("sign-hint").textContent = isNew ? "12 characters or more." : "";
  find("sign-password").autocomplete = isNew ? "new-password" : "current-password";
  find("sign-problem").textContent = "";
}

const FIELDS = { email: "The e-mail address", password: "The password" };
const inWords = ({ field, message }) => (FIELDS[field] ? message.replace(`${field}:`, FIELDS[field]) : message);

async function sign(event) {
  event.preventDefault();
  const button = find("sign-go");
  button.disabled = true;
  find("sign-problem").textContent = "";
  try {
    const [email, password, code] = ["sign-email", "sign-password", "sign-code"].map((id) => find(id).value);
    if (sendCode) await sendCode(code);
    else if (!isNew) await signIn(email, password, code);
    else if (!(await signUp(email, password))) {
      find("sign").reset();
      chooseForm(false);
      find("sign-hint").textContent = "A link that confirms your address is on its way. Open it, then sign in.";
      return;
    }
    sendCode = null;
    find("sign").reset();
    askForCode(false);
    chooseForm(false);
    await enter();
    find("content").focus();
  } catch (problem) {
    const isAway = problem instanceof TypeError;
    if (problem.type === "/problems/second-factor-required" && find("sign-code-part").hidden) return askForCode(true);
    find("sign-problem").textContent = isAway ? "The server can't be reached. Try again." : inWords(problem);
  } finally {
    button.disabled = false;
  }
}

function showQuota(answer) {
  const said = /r=(\d+)/.exec(answer.headers.get("ratelimit") ?? "");
  if (!said) return;
  find("quota-meter").max = perMinute;
  find("quota-meter").value = Number(said[1]);
  find("quota-left").textContent = `${number(Number(said[1]))} of ${number(perMinute)}`;
}

// One column for each plan: three fit a phone.
async function showPlans(mine) {
  const { items: plans } = await call("GET", "/v1/plans");
  const row = (word, cell) => make("tr", {}, make("th", { scope: "row", textContent: word }), ...plans.map((plan) => make("td", { textContent: cell(plan) })));
  find("plans").replaceChildren(
    make("tr", {}, make("th", { scope: "col", textContent: "Requests" }), ...plans.map((plan) => make("th", { scope: "col", textContent: plan.name }))),
    row("a minute", (plan) => short(plan.requests_per_minute)),
    row("a day", (plan) => short(plan.requests_per_day)),
    row("a month", (plan) => short(plan.requests_per_month)),
    row("API keys", (plan) => number(plan.api_keys)),
    row("For", (plan) => plan.words));
  const plan = plans.find((one) => one.name === mine) ?? plans[0];
  perMinute = plan.requests_per_minute;
  find("plan").textContent = plan.name;
  find("plan-words").textContent = plan.words;
  return plans.map((one) => one.name);
}

async function enter() {
  const me = await call("GET", "/v1/users/me");
  find("email").textContent = me.email;
  find("welcome").hidden = true;
  find("inside").hidden = find("who").hidden = false;
  const plans = await showPlans(me.plan);
  startKeys(me, guarded);
  startUsage(guarded);
  const left = (words) => (forget(), welcome(words));
  await Promise.all([showKeys(guarded), showUsage(), showAccount(guarded, left), showAdmin(me, plans, guarded)]);
}

const leave = (everywhere) => guarded(async () => {
  await signOut(everywhere);
  welcome(everywhere ? "You are signed out everywhere. API keys go on working." : "");
});

find("origin").textContent = location.origin;
find("choose-in").onclick = () => chooseForm(false);
find("choose-up").onclick = () => chooseForm(true);
find("sign").onsubmit = sign;
find("sign-out").onclick = () => leave(false);
find("sign-out-everywhere").onclick = () => leave(true);
onAnswer(showQuota);
setInterval(() => {
  if (isSignedIn() && document.visibilityState === "visible") guarded(() => Promise.all([showUsage(), showKeys(guarded)]));
}, 15_000);
find("forgot").onclick = () => guarded(askForReset);

async function start(link) {
  if (!link && (await resume())) return enter();
  welcome();
  await showLoginMethods();
  if (!link) return;
  const waitForCode = (send) => {
    sendCode = send;
    find("sign-hint").textContent = "One more step.";
    askForCode(true);
  };
  try {
    if (await followLink(link, (words) => (find("sign-hint").textContent = words), waitForCode)) await enter();
  } catch (problem) {
    find("sign-problem").textContent = problem instanceof TypeError ? "The server can't be reached. Try again." : problem.message.replace("token: this", "This");
  }
}
addEventListener("hashchange", () => {
  const link = takeLink();
  if (link) guarded(() => start(link));
});
guarded(() => start(takeLink()));
