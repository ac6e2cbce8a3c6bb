// Ways to call somebody who looks elsewhere, in browsers of several tabs.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { notifyDesktop, showUnread } from "../src/bell/attention.js";
import { settle } from "./fakes.js";

/** Client says what a test has it say. */
class Client {
  leader = true;
  inbox = { items: [], unread: 0 };
  #listeners = [];
  on(type, listener) {
    const entry = { type, listener };
    this.#listeners.push(entry);
    return () => { this.#listeners = this.#listeners.filter((other) => other !== entry); };
  }
  get listeners() { return this.#listeners.length; }
  #tell(type, ...args) { for (const entry of this.#listeners) if (entry.type === type) entry.listener(...args); }
  arrive(seq) {
    this.inbox = { items: [{ seq, read: false }, ...this.inbox.items], unread: this.inbox.unread + 1 };
    this.#tell("*", { channel: "user:1", seq, type: "note", data: { title: `Message ${seq}` } }, { live: true });
    this.#tell("bellhop.inbox", this.inbox);
  }
  change(items) {
    this.inbox = { items, unread: items.filter(({ read }) => !read).length };
    this.#tell("bellhop.inbox", this.inbox);
  }
}

const own = Object.fromEntries(["document", "navigator", "Notification", "reportError"].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
afterEach(() => {
  for (const [name, property] of Object.entries(own)) {
    if (property) Object.defineProperty(globalThis, name, property);
    else delete globalThis[name];
  }
});

/** Locks are Web Locks as far as shared ones go. */
function makeLocks() {
  const held = [];
  return {
    async request(name, { mode }, act) {
      const lock = { name, mode };
      assert.equal(mode, "shared");
      held.push(lock);
      try { return await act(lock); } finally { held.splice(held.indexOf(lock), 1); }
    },
    query: async () => ({ held: [...held], pending: [] }),
  };
}

/** browser sets the globals of a hidden tab; shown are the notifications that the system shows. */
function browser({ locks = makeLocks(), visibilityState = "hidden", registration } = {}) {
  const shown = new Map();
  const make = (title, { body, tag }) => {
    const it = { title, body, tag, close: () => shown.delete(tag) };
    shown.set(tag, it);
    return it;
  };
  class Notification {
    static permission = "granted";
    constructor(...args) {
      if (registration !== undefined) throw new TypeError("Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.");
      return make(...args);
    }
  }
  const document = Object.assign(new EventTarget(), { visibilityState });
  set("document", document);
  set("Notification", Notification);
  set("navigator", {
    locks,
    serviceWorker: {
      getRegistration: async () => registration && {
        showNotification: async (...args) => { make(...args); },
        getNotifications: async ({ tag }) => (shown.has(tag) ? [shown.get(tag)] : []),
      },
    },
  });
  const titles = () => [...shown.values()].map(({ title }) => title);
  const look = (state) => { document.visibilityState = state; document.dispatchEvent(new Event("visibilitychange")); };
  return { shown, titles, look };
}

test("a hidden leader shows nothing while another tab is looked at", async () => {
  const locks = makeLocks();
  const other = browser({ locks, visibilityState: "visible" });
  const stopOther = notifyDesktop(new Client());
  await settle();
  const { titles } = browser({ locks });
  const client = new Client();
  const stop = notifyDesktop(client);
  client.arrive(1);
  await settle();
  assert.deepEqual(titles(), []);
  stopOther();
  await settle();
  client.arrive(2);
  await settle();
  assert.deepEqual(titles(), ["Message 2"]);
  stop();
  assert.equal(client.listeners, 0);
  assert.deepEqual(other.titles(), []);
});

test("a tab counts as looked at for as long as it is", async () => {
  const locks = makeLocks();
  const { titles, look } = browser({ locks });
  const client = new Client();
  const stop = notifyDesktop(client);
  for (const [state, free] of [["visible", false], ["hidden", true], ["visible", false], ["visible", false], ["hidden", true]]) {
    look(state);
    await settle();
    assert.equal((await locks.query()).held.length, free ? 0 : 1, state);
  }
  client.arrive(1);
  await settle();
  assert.deepEqual(titles(), ["Message 1"]);
  look("visible");
  stop();
  await settle();
  assert.equal((await locks.query()).held.length, 0);
});

test("a notification is closed once it is read, in any tab", async () => {
  for (const registration of [undefined, true]) { // of the page, and of its service worker
    const { titles } = browser({ registration });
    const client = new Client();
    notifyDesktop(client);
    for (const seq of [1, 2, 3]) client.arrive(seq);
    await settle();
    assert.deepEqual(titles(), ["Message 1", "Message 2", "Message 3"]);
    client.change([{ seq: 3, read: false }, { seq: 2, read: true }, { seq: 1, read: false }]);
    await settle();
    assert.deepEqual(titles(), ["Message 1", "Message 3"]);
    client.change([{ seq: 3, read: true }, { seq: 1, read: true }]);
    await settle();
    assert.deepEqual(titles(), []);
  }
});

test("where only a service worker may notify, and there is none, the page is told once", async () => {
  const { titles } = browser({ registration: null });
  const faults = [];
  set("reportError", (error) => faults.push(error.message));
  const client = new Client();
  notifyDesktop(client);
  client.arrive(1);
  client.arrive(2);
  await settle();
  assert.deepEqual(titles(), []);
  assert.equal(faults.length, 1);
  assert.match(faults[0], /service worker/);
});

test("what is unread stays in a title that the page changes, and two who write it don't fight", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let writes = 0;
  let title = "Forum";
  const observers = [];
  const document = {
    head: {},
    get title() { return title; },
    set title(text) {
      writes++;
      if (text !== title) { title = text; for (const observer of observers) observer(); }
    },
  };
  set("document", document);
  set("navigator", {});
  globalThis.MutationObserver = class {
    constructor(f) { this.f = f; }
    observe() { observers.push(this.f); }
    disconnect() { observers.splice(observers.indexOf(this.f), 1); }
  };
  t.after(() => { delete globalThis.MutationObserver; });
  const client = new Client();
  client.inbox.unread = 3;
  const stop = showUnread(client);
  assert.equal(title, "(3) Forum");
  document.title = "A thread";
  t.mock.timers.tick(1_000);
  assert.equal(title, "(3) A thread");
  observers.push(() => { title = title.replace(/^\(\d+\) /, ""); for (const observer of observers.slice(0, 1)) observer(); }); // somebody who wants none
  document.title = "Another";
  writes = 0;
  t.mock.timers.tick(10_000);
  assert.ok(writes < 1_000, `${writes} writes in ten seconds`);
  observers.pop();
  stop();
  assert.equal(observers.length, 0);
});
