// Bellhop for Vue: https://github.com/bellhop/bellhop
// The client is made when something is mounted, so a server may render all of this, and
// a page that comes to life shows at first what the server showed.

import { getCurrentInstance, inject, markRaw, onMounted, onScopeDispose, provide, shallowReadonly, shallowRef } from "vue";
import { view as viewOf } from "./bellhop-tidy.js";
import { Bellhop } from "./bellhop.js";

const KEY = Symbol("bellhop");

/** What is known while there is no client. */
const EMPTY = Object.freeze({ items: Object.freeze([]), unread: 0, hasMore: false, loading: true, loaded: false });
const CONNECTING = Object.freeze({ state: "connecting" });

const ACTIONS = [
  "markRead", "markUnread", "remove", "archive", "unarchive", "markSeen", "request", "loadMore", "refresh", "reconnect",
];

/** Provided is a client that is made when it is first needed, and what it last said. */
class Provided {
  client = shallowRef(null);
  inbox = shallowRef(EMPTY);
  status = shallowRef(CONNECTING);
  #options;
  #closed = typeof window === "undefined"; // on a server nothing begins

  constructor(options) {
    this.#options = options;
    this.actions = Object.fromEntries(ACTIONS.map((name) => [name, (...args) => {
      const client = this.start();
      if (!client) throw new Error(`bellhop: ${name}: there is no client on a server, nor after the end of the app`);
      return client[name](...args);
    }]));
  }

  start() {
    if (this.#closed || this.client.value) return this.client.value;
    const client = markRaw(new Bellhop(this.#options));
    client.on("bellhop.inbox", (inbox) => { this.inbox.value = inbox; });
    client.on("bellhop.status", (status) => { this.status.value = status; });
    this.client.value = client;
    return client;
  }

  close() {
    this.#closed = true;
    this.client.value?.close();
    this.client.value = null;
  }
}

/** createBellhop is a plugin: app.use(createBellhop(options)). */
export function createBellhop(options) {
  return {
    install(app) {
      const provided = new Provided(options);
      app.provide(KEY, provided);
      app.onUnmount(() => provided.close());
    },
  };
}

/** provideBellhop gives a client to what is in the component that calls it. */
export function provideBellhop(options) {
  const provided = new Provided(options);
  provide(KEY, provided);
  onScopeDispose(() => provided.close());
  return handle(provided);
}

/** begin does something with the client: once the component is on the page, or now where there is none. */
function begin(provided, act = () => {}) {
  const run = () => {
    const client = provided.start();
    if (client) act(client);
  };
  if (getCurrentInstance()) onMounted(run);
  else run();
}

function injected() {
  const provided = inject(KEY, null);
  if (!provided) throw new Error("bellhop: call app.use(createBellhop(options)), or provideBellhop(options) in a component around this one");
  return provided;
}

function handle(provided) {
  begin(provided);
  return { client: shallowReadonly(provided.client), status: shallowReadonly(provided.status), ...provided.actions };
}

export function useBell() {
  return handle(injected());
}

export function useInbox() {
  const provided = injected();
  begin(provided);
  return shallowReadonly(provided.inbox);
}

export function useView(filter) {
  const inbox = shallowRef(EMPTY);
  const view = shallowRef(null);
  let over = false;
  begin(injected(), (client) => { if (!over) view.value = markRaw(viewOf(client, filter, (now) => { inbox.value = now; })); });
  onScopeDispose(() => {
    over = true;
    view.value?.close();
  });
  return { inbox: shallowReadonly(inbox), view: shallowReadonly(view) };
}

export function useEvent(type, listener) {
  let off = () => {};
  let over = false;
  begin(injected(), (client) => { if (!over) off = client.on(type, listener); });
  onScopeDispose(() => {
    over = true;
    off();
  });
}
