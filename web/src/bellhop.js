// The client: what a page uses of all this.

import { Access } from "./access.js";
import { API, SESSION } from "./api.js";
import { parseCursor } from "./cursor.js";
import { Inbox } from "./inbox.js";
import { browser, watchPage } from "./page.js";
import { SharedStream } from "./shared.js";
import { MESSAGES } from "./tabs.js";
import { openEventSource, openFetch, streams } from "./transport.js";

const DEFAULTS = {
  url: "", channels: [], inbox: true, share: true, transport: "auto", pageSize: 20, heartbeat: 20_000, cursor: "",
};

/** Where a client is in its life. */
const NEW = 0;
const BEGINNING = 1;
const RUNNING = 2;
const CLOSED = 3;

/**
 * Bellhop keeps a page connected to its user's notifications. See bellhop.d.ts for
 * what each method promises.
 */
export class Bellhop {
  #options;
  #env;
  #access;
  #api;
  #inbox;
  #stream;
  #stopWatching;
  #listeners = new Map();
  #status = Object.freeze({ state: "connecting" });
  #stage = NEW;
  #away = false;
  #live = false;
  #own = ""; // our inbox's channel, as soon as it is known

  /**
   * @param {import("../bellhop.d.ts").BellhopOptions} [options]
   * @param {object} [env]  replaces parts of the browser, for tests
   */
  constructor(options = {}, env = {}) {
    // What a page leaves undefined, it leaves to us.
    const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
    this.#options = { ...DEFAULTS, .../** @type {typeof options} */ (said) };
    this.#options.url = this.#options.url.replace(/\/+$/, "");
    this.#env = { ...browser(), ...env };
    this.#access = new Access(this.#options.token, this.#env);
    this.#api = new API(this.#options.url, this.#access, this.#env);
    this.#inbox = new Inbox({
      api: this.#api,
      env: this.#env,
      pageSize: this.#listed ? this.#options.pageSize : 0,
      onChange: (inbox) => this.#emit("bellhop.inbox", inbox),
      onLocalChange: (change) => this.#stream.tell(change),
    });
    this.#stream = new SharedStream({
      env: this.#env,
      access: this.#streamAccess(),
      connect: (target, handlers) => this.#open(target, handlers),
      heartbeat: this.#options.heartbeat,
      onStatus: (status) => this.#setStatus(status),
      onRead: (change) => this.#inbox.read(change),
      reader: {
        event: (event) => this.#event(event),
        ready: (ready) => this.#ready(ready),
        reset: (reset) => this.#reset(reset),
        other: (type, data) => this.#emit(type, data),
      },
    });
    this.#stopWatching = watchPage(this.#env, {
      away: () => this.#goAway(),
      back: () => this.#comeBack(),
      shown: () => this.#stream.check(),
      // What was open may belong to a network that is gone.
      online: () => this.#stream.check(true),
    });
    // Whoever made us attaches listeners first.
    this.#env.queueMicrotask(() => this.#begin());
  }

  get status() { return this.#status; }
  get cursor() { return this.#stream.cursor; }
  get leader() { return this.#stream.leader; }
  get inbox() { return this.#inbox.snapshot; }
  get items() { return this.#inbox.snapshot.items; }
  get unread() { return this.#inbox.snapshot.unread; }

  on(type, listener) {
    if (!this.#listeners.has(type)) this.#listeners.set(type, new Set());
    this.#listeners.get(type).add(listener);
    return () => this.off(type, listener);
  }

  off(type, listener) {
    this.#listeners.get(type)?.delete(listener);
  }

  loadMore() { return this.#inbox.loadMore(); }
  async refresh() { await this.#inbox.load(); }
  markRead(which) { return this.#inbox.markRead(which); }
  markUnread(seqs) { return this.#inbox.markUnread(seqs); }
  remove(seq) { return this.#inbox.remove(seq); }

  reconnect() {
    if (this.#away) return;
    if (this.#stage === NEW) this.#begin();
    else if (this.#stage === RUNNING) this.#stream.reconnect();
  }

  close() {
    if (this.#stage === CLOSED) return;
    this.#stopWatching();
    this.#stream.pause();
    this.#inbox.close();
    this.#setStatus({ state: "closed" });
    this.#stage = CLOSED;
  }

  /** #listed tells whether we read the inbox's list. */
  get #listed() {
    return this.#options.inbox && this.#options.pageSize > 0;
  }

  /**
   * #begin reads the inbox, whose cursor is where the stream begins, so that nothing
   * falls between the two, and then finds out who shares a stream with us.
   */
  async #begin() {
    if (this.#stage !== NEW) return;
    this.#stage = BEGINNING;
    let listed = new Map();
    try {
      if (this.#listed) listed = parseCursor(await this.#inbox.load());
    } catch (error) {
      if (this.#stage === CLOSED) return;
      if (error.status === 401 || error.status === 403) {
        this.#stage = NEW;
        this.#setStatus({ state: "denied", httpStatus: error.status, reason: error.message });
        return;
      }
      // The list has to wait, the stream need not: it begins now, and a list that
      // is read later has everything before.
    }
    [this.#own = ""] = listed.keys();
    const user = await this.#who();
    if (this.#stage === CLOSED) return;
    this.#stage = RUNNING;
    // The page's own cursor comes first: it may be older than the list.
    this.#stream.begin(this.#readCursor());
    this.#stream.begin(listed);
    const { url, inbox, channels, share } = this.#options;
    const name = share && user !== null ? `bellhop:${MESSAGES}:${JSON.stringify([url, user, inbox, [...channels].sort()])}` : null;
    this.#stream.start(name, this.#own);
    if (this.#away) this.#leave();
  }

  /**
   * #who returns what tells people apart who use one browser, null if that can't be
   * known: then nothing is shared.
   *
   * @returns {Promise<string | null>}
   */
  async #who() {
    const token = await this.#access.token().catch(() => null);
    const { user, inbox } = this.#options;
    const { subject } = this.#access;
    if (inbox && subject) this.#own ||= `user:${subject}`;
    if (token === null) return null;
    if (user !== undefined) return user;
    if (inbox) return this.#own || null; // of a token that we can't read, or a cookie, the list has said it
    return token === "" ? "" : subject || null;
  }

  /**
   * #readCursor reads the page's cursor; "0" is the beginning of every channel.
   *
   * @returns {import("./cursor.js").Positions}
   */
  #readCursor() {
    const { channels, cursor } = this.#options;
    const wanted = this.#own ? [this.#own, ...channels] : channels;
    const text = cursor === "0" ? wanted.map((channel) => `0@${channel}`).join(",") : cursor;
    return new Map([...parseCursor(text)].filter(([channel]) => wanted.includes(channel)));
  }

  /** #open opens one response. */
  #open(target, handlers) {
    const { url, inbox, channels } = this.#options;
    const query = new URLSearchParams([["inbox", String(inbox)], ...channels.map((channel) => ["channel", channel])]);
    const open = this.#byEventSource ? openEventSource : openFetch;
    return open({ url: `${url}/v1/stream?${query}`, ...target }, handlers, this.#env);
  }

  get #byEventSource() {
    const { transport } = this.#options;
    return transport === "eventsource" || (transport === "auto" && !streams(this.#env));
  }

  /**
   * #streamAccess: EventSource sends cookies only, so a token becomes one first.
   *
   * @returns {import("./access.js").StreamAccess}
   */
  #streamAccess() {
    const access = this.#access;
    if (!this.#byEventSource || !access.renewable) return access;
    return {
      renewable: true,
      refused: (token) => access.refused(token),
      token: async () => {
        const token = await access.token();
        if (token) await this.#api.request("POST", SESSION);
        return token;
      },
    };
  }

  #event(event) {
    if (this.#options.inbox && event.channel.startsWith("user:")) this.#inbox.event(event);
    const meta = { live: this.#live, cursor: this.cursor };
    this.#emit(event.type, event, meta);
    this.#emit("*", event, meta);
  }

  #ready(ready) {
    this.#live = true;
    if (this.#listed && !this.inbox.loaded) this.#inbox.load().catch(() => {});
    this.#inbox.ready(ready);
    this.#emit("bellhop.ready", ready);
  }

  #reset(reset) {
    if (this.#options.inbox && reset.channel.startsWith("user:")) this.#inbox.reset();
    this.#emit("bellhop.reset", reset);
  }

  #setStatus(status) {
    if (this.#stage === CLOSED) return;
    this.#live = status.state === "live";
    this.#status = Object.freeze({ ...status });
    this.#emit("bellhop.status", this.#status);
  }

  #emit(type, ...args) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        // The page's fault must not cost it the events that follow.
        this.#env.setTimeout(() => { throw error; }, 0);
      }
    }
  }

  #goAway() {
    if (this.#away) return;
    this.#away = true;
    this.#leave();
  }

  #leave() {
    this.#stream.pause();
    this.#setStatus({ state: "paused" });
  }

  #comeBack() {
    if (!this.#away) return;
    this.#away = false;
    this.#setStatus({ state: "connecting" });
    if (this.#stage === RUNNING) this.#stream.resume();
    else if (this.#stage === NEW) this.#begin();
  }
}
