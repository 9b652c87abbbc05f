// One's own account: password, sessions, second factor, deletion.
import { find, make, moment } from "./page.js";
import { call } from "./session.js";

const FIELDS = { old_password: "The old password", new_password: "The new password", password: "The password", code: "The code", email: "The e-mail address" };
const inWords = ({ field, message }) => (FIELDS[field] ? message.replace(`${field}:`, FIELDS[field]) : message);

// A form whose problems are said beside it.
function submit(form, guarded, work) {
  const problem = form.querySelector(".problem");
  form.onsubmit = (event) => {
    event.preventDefault();
    problem.textContent = "";
    guarded(async () => {
      try {
        await work();
      } catch (error) {
        if (error.status === 401 || error instanceof TypeError) throw error;
        problem.textContent = inWords(error);
      }
    });
  };
}

function sessionRow(session, guarded) {
  const end = make("button", { type: "button", className: "danger", textContent: "End", "aria-label": `End the session of ${session.device}` });
  end.onclick = () =>
    guarded(async () => {
      await call("DELETE", `/v1/users/me/sessions/${session.id}`);
      await showSessions(guarded);
    });
  return make("li", {},
    make("div", { className: "what" },
      make("span", { className: "name", textContent: session.device || "unknown device" }), " ",
      make("code", { textContent: session.network }),
      make("p", { textContent: `begun ${moment(session.created_at)} · last used ${moment(session.last_used_at)}` })),
    session.current ? make("span", { className: "badge fine", textContent: "this one" }) : end);
}

async function showSessions(guarded) {
  const { items } = await call("GET", "/v1/users/me/sessions");
  find("sessions").replaceChildren(...items.map((session) => sessionRow(session, guarded)));
}

async function showFactor() {
  const { active, required } = await call("GET", "/v1/users/me/second-factor");
  find("factor-state").textContent = active ? "on" : "off";
  find("factor-words").textContent = active
    ? "Signing in asks for a code of your authenticator app."
    : required
      ? "Your role needs one here: until you add it you have only a reader's rights."
      : "An authenticator app on your telephone protects the account if your password gets known.";
  find("factor-begin").hidden = active;
  find("factor-remove").hidden = !active;
  find("factor-new").hidden = true;
}

function showCodes(codes) {
  find("recovery-codes").textContent = codes.join("\n");
  find("recovery").hidden = false;
  find("recovery").focus();
}

function startFactor(guarded) {
  submit(find("factor-begin"), guarded, async () => {
    const made = await call("POST", "/v1/users/me/second-factor", { password: find("factor-password").value });
    find("factor-begin").reset();
    find("factor-secret").textContent = made.secret.match(/.{4}/g).join(" ");
    find("factor-uri").href = made.uri;
    find("factor-begin").hidden = true;
    find("factor-new").hidden = false;
    find("factor-code").focus();
  });
  submit(find("factor-new"), guarded, async () => {
    const { recovery_codes } = await call("POST", "/v1/users/me/second-factor/confirm", { code: find("factor-code").value });
    find("factor-new").reset();
    await Promise.all([showFactor(), showSessions(guarded)]);
    showCodes(recovery_codes);
  });
  submit(find("factor-remove"), guarded, async () => {
    await call("POST", "/v1/users/me/second-factor/remove", { code: find("factor-old-code").value });
    find("factor-remove").reset();
    await showFactor();
  });
  find("recovery-done").onclick = () => {
    find("recovery").hidden = true;
    find("recovery-codes").textContent = "";
  };
}

export async function showAccount(guarded, leave) {
  submit(find("password-form"), guarded, async () => {
    await call("POST", "/v1/users/me/password", { old_password: find("old-password").value, new_password: find("new-password").value });
    find("password-form").reset();
    find("password-said").textContent = "Changed. Your other sessions have ended.";
    await showSessions(guarded);
  });
  submit(find("delete-form"), guarded, async () => {
    await call("DELETE", "/v1/users/me", { email: find("delete-email").value, password: find("delete-password").value });
    find("delete-form").reset();
    leave("Your account is deleted.");
  });
  startFactor(guarded);
  await Promise.all([showSessions(guarded), showFactor()]);
}
