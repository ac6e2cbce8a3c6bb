// A page for whoever is signed in to the browser as it loads, and again when it
// reconnects because that is somebody else. It reports whatever it is given of another.
import { Bellhop } from "/bellhop.js";

const query = new URLSearchParams(location.search);
const byCookie = query.has("cookie");
/** Short, so that a tab that is left over soon has to ask again. */
const life = "6s";
const [mina, jonas] = ["mina", "jonas"];

const signedIn = () => localStorage.getItem("user") ?? "";
/** Whose things are shown; "" after a reconnect as somebody else, until there is one. */
let user = signedIn();
let nobodySince = 0;

/** Of the whole browser one thing is done at a time about who is signed in. */
const locked = (f) => navigator.locks.request("who", f);

async function token() {
  const who = signedIn();
  return who && (await fetch(`/token?${new URLSearchParams({ user: who, life })}`)).text();
}

async function session() {
  const method = signedIn() ? "POST" : "DELETE";
  await fetch("/v1/session", { method, headers: method === "POST" ? { Authorization: `Bearer ${await token()}` } : {} });
}

/** sign changes who is signed in; "" signs out. */
const sign = (who) => locked(async () => {
  localStorage.setItem("user", who);
  if (byCookie) await session();
});
if (byCookie) setInterval(() => locked(session), 1000);

const reported = new Set();
function report(what, detail) {
  if (reported.has(what)) return;
  reported.add(what);
  fetch("/crossed", { method: "POST", keepalive: true, body: JSON.stringify({ user, what, detail, states }) });
}

/**
 * shown is called with whatever is shown of a channel. What was asked for while somebody
 * was signed in may come when they are not any more, so the test, which knows who was
 * when, judges.
 */
function shown(channel) {
  if (user) return;
  user = channel.replace("user:", "");
  fetch("/became", { method: "POST", keepalive: true, body: JSON.stringify({ user, since: nobodySince, until: Date.now(), states }) });
}

const states = [];
let client = null;
if (user) {
  client = new Bellhop({ token: byCookie ? undefined : token, heartbeat: 1000 });
  const look = () => {
    const { items, unread } = client.inbox;
    if (items.length > 0) shown(items[0].channel);
    if (!user) return;
    const strange = items.find(({ channel, data }) => channel !== `user:${user}` || data.to !== user);
    if (strange) report("an item", strange);
    // What nobody marks in the one's inbox is what is marked in the other's.
    const marked = items.find(({ seq, read }) => read && (user === mina ? seq % 2 === 0 : seq > 10 && seq % 2 === 1));
    if (marked) report("a mark", marked);
    if (unread !== 0 && (user === mina) !== (unread >= 55)) report("a count", unread);
  };
  client.on("bellhop.status", ({ state, reason }) => states.push(reason ? `${state}: ${reason}` : state));
  client.on("bellhop.inbox", look);
  client.on("*", (event) => {
    shown(event.channel);
    if (event.channel !== `user:${user}`) report("an event", event);
  });
  setInterval(look, 100); // also what is not told
}

/** act does something in the inbox, and waits for nothing. */
function act(what, ...args) {
  if (!user && args.length > 0) return; // whose seqs are meant is not known
  const another = what === "reconnect" && client?.status.reason === "somebody else is signed in";
  Promise.resolve(client?.[what](...args)).catch(() => {});
  if (!another) return;
  if (client.items.length > 0 || client.unread > 0) report("what is left", client.inbox);
  user = "";
  nobodySince = Date.now();
}

Object.defineProperty(window, "user", { get: () => user });
Object.assign(window, { client, sign, act, states });
