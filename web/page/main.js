// The demo page: signing in, the form, and what the stream brings.
import { Stream } from "./stream.js";
import * as view from "./view.js";

const $ = (id) => document.getElementById(id);
let stream = null;

// api posts JSON and throws what the server says is wrong.
async function api(path, body, headers = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail || problem.title || `The server answered ${response.status}.`);
  }
  return response.status === 204 ? null : response.json().catch(() => null);
}

// startSession gets a token from the demo, which in a product is the work of its
// own login, and trades it for the session cookie that EventSource can send.
async function startSession(user) {
  const { token } = await api("/demo/token", { user });
  await api("/v1/session", undefined, { Authorization: `Bearer ${token}` });
}

async function signIn(user) {
  view.signInError("");
  try {
    await startSession(user);
  } catch (error) {
    view.signInError(error.message);
    return;
  }
  sessionStorage.setItem("user", user);
  view.signedIn(user);
  stream = new Stream(user, startSession);
  stream.addEventListener("state", (e) => view.state(e.detail));
  stream.addEventListener("note", (e) => view.note(e.detail));
  stream.addEventListener("reset", (e) => view.reset(e.detail));
  stream.addEventListener("block", (e) => view.block(e.detail));
  stream.open(); // all that is kept of the inbox, then what comes
}

async function signOut() {
  stream?.close();
  stream = null;
  sessionStorage.removeItem("user");
  view.signedOut();
  // Only this window's business if it fails: the cookie ends with its token.
  await fetch("/v1/session", { method: "DELETE" }).catch(() => {});
}

$("sign-in").addEventListener("submit", (e) => {
  e.preventDefault();
  signIn($("name").value.trim());
});

for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => signIn(chip.dataset.name));
}

$("sign-out").addEventListener("click", signOut);

$("away").addEventListener("click", () => {
  if (stream.wanted) stream.close();
  else stream.open();
});

$("send").addEventListener("submit", async (e) => {
  e.preventDefault();
  const button = e.submitter ?? e.target.querySelector("button");
  const to = $("to").value.trim();
  const text = $("text").value;
  button.disabled = true;
  try {
    const began = performance.now();
    const answer = await api("/demo/events", { from: stream.user, to, text });
    view.sent(to, answer.events[0].seq, performance.now() - began);
    $("text").value = "";
  } catch (error) {
    view.notSent(error.message);
  } finally {
    button.disabled = false;
    $("text").focus();
  }
});

const remembered = sessionStorage.getItem("user");
if (remembered) signIn(remembered);
