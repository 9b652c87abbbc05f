// What comes behind # in the address: a reset link, a confirmation, the way back from the organisation's provider.
import { find } from "./page.js";
import { post, signInByProvider } from "./session.js";

const PROBLEMS = {
  "provider-away": "Your organisation's sign-in can't be reached. Try again, or use your password.",
  "provider-refused": "The sign-in with your organisation was refused. Begin again in this browser, or ask your administrator.",
};

const NAMES = ["reset", "confirm", "sign-in", "forgot", "problem"];

// Name and secret of a link, which then leave the address bar and the history; null for any other address.
export function takeLink() {
  const [name, ...rest] = location.hash.slice(1).split("=");
  if (!NAMES.includes(name)) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return [name, decodeURIComponent(rest.join("="))];
}

function showForm(id) {
  for (const form of ["sign", "reset"]) find(form).hidden = form !== id;
}

export async function showLoginMethods() {
  const answer = await fetch("/v1/auth/methods");
  const methods = answer.ok ? await answer.json() : {};
  find("forgot").hidden = !methods.password_reset;
  find("sign-provider").hidden = !methods.provider;
}

export async function askForReset() {
  const email = find("sign-email").value.trim();
  if (!email) {
    find("sign-problem").textContent = "Type your e-mail address first.";
    return find("sign-email").focus();
  }
  await post("/v1/auth/password-reset", { email });
  find("sign-hint").textContent = "If there is an account, a link is on its way. It is valid for an hour.";
}

function openReset(token, say) {
  showForm("reset");
  find("reset-password").focus();
  find("reset").onsubmit = async (event) => {
    event.preventDefault();
    find("reset-problem").textContent = "";
    try {
      await post("/v1/auth/password-reset/confirm", { token, new_password: find("reset-password").value });
      find("reset").reset();
      showForm("sign");
      say("Your new password is set. Sign in with it.");
    } catch (problem) {
      find("reset-problem").textContent = problem.message.replace("new_password:", "The password").replace("token: this", "This");
    }
  };
}

// True when the link leads to a session. `say` writes to the sign-in form, `askCode` waits for the second factor.
export async function followLink([name, secret], say, askCode) {
  if (name === "reset") openReset(secret, say);
  else if (name === "problem") say(PROBLEMS[secret] ?? "That didn't work. Try again.");
  else if (name === "forgot") say("Type your e-mail address and choose “Forgot password?”.");
  else if (name === "confirm") {
    await post("/v1/auth/confirm-email", { token: secret });
    say("Your address is confirmed. Sign in.");
  } else if (name === "sign-in") {
    try {
      await signInByProvider(secret, null);
      return true;
    } catch (problem) {
      if (problem.type !== "/problems/second-factor-required") throw problem;
      askCode((code) => signInByProvider(secret, code));
    }
  }
  return false;
}
