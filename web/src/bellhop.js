// The client: what a page uses of all this.

import { Access } from "./access.js";
import { API, SESSION } from "./api.js";
import { Choice } from "./choice.js";
import { parseCursor } from "./cursor.js";
import { Inbox } from "./inbox.js";
import { browser, timed, watchPage } from "./page.js";
import { SharedStream } from "./shared.js";
import { MESSAGES } from "./tabs.js";
import { openEventSource, openFetch } from "./transport.js";

const DEFAULTS = {
  url: "", channels: [], inbox: true, share: true, transport: "auto", pageSize: 20, heartbeat: 20_000, cursor: "",
  parse: JSON.parse,
};

/** Where a client is in its life. */
const NEW = 0;
const BEGINNING = 1;
const RUNNING = 2;
const LOST = 3; // somebody else is signed in
const CLOSED = 4;

/** Less can only be meant in seconds, and would take every stream for a dead one, in ms. */
const LEAST_HEARTBEAT = 100;

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
  #choice;
  #missed = false; // a poll brought news of the inbox: there may have been more before the next
  #stopWatching;
  #listeners = new Map();
  /** @type {import("../bellhop.d.ts").BellhopStatus} */
  #status = Object.freeze({ state: "connecting" });
  #stage = NEW;
  #away = false;
  #live = false;
  #nameless = false; // nothing is shared yet: who we are is not known

  /**
   * @param {import("../bellhop.d.ts").BellhopOptions} [options]
   * @param {object} [env]  replaces parts of the browser, for tests
   */
  constructor(options = {}, env = {}) {
    // What a page leaves undefined, it leaves to us.
    const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
    this.#options = { ...DEFAULTS, .../** @type {typeof options} */ (said) };
    this.#options.url = this.#options.url.replace(/\/+$/, "");
    if (!(this.#options.heartbeat >= LEAST_HEARTBEAT)) throw new RangeError(`heartbeat: at least ${LEAST_HEARTBEAT} ms`);
    const { fetch, EventSource, parse, url, transport } = this.#options;
    this.#env = timed({ ...browser(), ...env, parse, ...(fetch && { fetch, ownFetch: true }), ...(EventSource && { EventSource }) });
    this.#choice = new Choice(this.#env, url, transport);
    this.#build();
    this.#stopWatching = watchPage(this.#env, {
      away: () => this.#goAway(),
      back: () => this.#comeBack(),
      activated: () => this.#begin(),
      shown: () => this.#stream.check(),
      // What was open may belong to a network that is gone.
      online: () => this.#stream.check(true),
    });
    // Whoever made us attaches listeners first.
    this.#env.queueMicrotask(() => this.#begin());
  }

  /**
   * #build makes all that belongs to one person. For another one all of it is made
   * anew, so that nothing that comes late finds its way from the one to the other.
   */
  #build() {
    const env = this.#env;
    this.#access = new Access(this.#options.token, env, (reason) => this.#lose(reason));
    this.#api = new API(this.#options.url, this.#access, env);
    this.#inbox = new Inbox({
      api: this.#api,
      env,
      pageSize: this.#listed ? this.#options.pageSize : 0,
      isLive: () => this.#live,
      onChange: (inbox) => this.#emit("bellhop.inbox", inbox),
    });
    this.#stream = new SharedStream({
      env,
      access: this.#access,
      token: () => this.#streamToken(),
      connect: (target, handlers) => this.#open(target, handlers),
      heartbeat: this.#options.heartbeat,
      choice: this.#choice,
      onStatus: (status) => this.#setStatus(status),
      counts: () => this.#inbox.counts,
      onCounts: (counts) => this.#inbox.ready(counts, 0, true),
      reader: {
        event: (event) => this.#event(event),
        ready: (ready, gap) => this.#ready(ready, gap),
        reset: (reset) => this.#reset(reset),
        read: (change) => {
          this.#missed = true;
          this.#inbox.read(change);
          this.#emit("bellhop.change", change);
        },
        other: (type, data) => this.#emit(type, data),
      },
    });
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
  archive(seqs) { return this.#inbox.archive(seqs); }
  unarchive(seqs) { return this.#inbox.unarchive(seqs); }
  markSeen(upTo) { return this.#inbox.markSeen(upTo); }
  request(method, path, body) { return this.#api.request(method, path, body); }

  reconnect() {
    if (this.#away) return;
    // The page may have another token by now, of which the last one knows nothing.
    if (this.#status.state === "denied") this.#access.refused();
    if (this.#stage === LOST) {
      this.#build();
      this.#stage = NEW;
      // What is shown is not theirs who are signed in now.
      this.#setStatus({ state: "connecting" });
      this.#emit("bellhop.inbox", this.inbox);
    }
    if (this.#stage === NEW) this.#begin();
    else if (this.#stage === RUNNING) this.#stream.reconnect();
  }

  close() {
    if (this.#stage === CLOSED) return;
    this.#stage = CLOSED; // first: listeners may call us again
    this.#stopWatching();
    this.#end({ state: "closed" });
  }

  /** #lose: somebody else is signed in, with whom we have nothing to do. */
  #lose(reason) {
    if (this.#stage === CLOSED) return;
    this.#stage = LOST;
    this.#end({ state: "denied", reason });
  }

  #end(status) {
    this.#stream.pause();
    this.#inbox.close();
    this.#report(status);
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
    // A page that is rendered ahead may never be seen.
    if (this.#stage !== NEW || this.#env.document?.prerendering) return;
    this.#stage = BEGINNING;
    const access = this.#access;
    const over = () => this.#stage !== BEGINNING || this.#access !== access;
    let listed = new Map();
    try {
      if (this.#listed) listed = parseCursor(await this.#inbox.load());
    } catch (error) {
      if (over()) return;
      if (error.final && [401, 403].includes(error.status)) {
        this.#stage = NEW;
        this.#setStatus({ state: "denied", httpStatus: error.status, reason: error.message });
        return;
      }
      // The list has to wait, the stream need not: it begins now, and a list that
      // is read later has everything before.
    }
    const name = await this.#name();
    if (over()) return;
    this.#stage = RUNNING;
    // The page's own cursor comes first: it may be older than the list.
    this.#stream.begin(this.#readCursor());
    this.#stream.begin(listed);
    this.#nameless = name === null;
    this.#stream.start(name);
    if (this.#away) this.#leave();
  }

  /** #share looks for other tabs once it is known who we are. */
  async #share() {
    const access = this.#access;
    const name = await this.#name();
    if (!name || !this.#nameless || this.#stage !== RUNNING || this.#away || this.#access !== access) return;
    this.#nameless = false;
    this.#stream.start(name);
  }

  /**
   * #name returns what tabs that share a stream have in common, null while it is not
   * known who we are.
   *
   * @returns {Promise<string | null>}
   */
  async #name() {
    const { url, inbox, channels, share } = this.#options;
    const user = share ? await this.#who() : null;
    return user === null ? null : `bellhop:${MESSAGES}:${JSON.stringify([url, user, inbox, [...channels].sort()])}`;
  }

  /**
   * #who returns what tells people apart who use one browser, null if that can't be
   * known.
   *
   * @returns {Promise<string | null>}
   */
  async #who() {
    const token = await this.#access.token().catch(() => null);
    if (token === null) return null;
    const { user, inbox } = this.#options;
    // Of a token that we can't read, or a cookie, the list or the stream says it.
    return user ?? ((inbox ? this.#ownInbox : this.#access.subject) || (token === "" && !inbox ? "" : null));
  }

  /** #ownInbox is the channel of our inbox, as far as that is known or likely. */
  get #ownInbox() {
    const { inbox, subject } = this.#access;
    return inbox || (subject && `user:${subject}`);
  }

  /**
   * #readCursor reads the page's cursor; "0" is the beginning of every channel.
   *
   * @returns {import("./cursor.js").Positions}
   */
  #readCursor() {
    const { channels, cursor, inbox } = this.#options;
    const wanted = inbox && this.#ownInbox ? [this.#ownInbox, ...channels] : channels;
    const text = cursor === "0" ? wanted.map((channel) => `0@${channel}`).join(",") : cursor;
    return new Map([...parseCursor(text)].filter(([channel]) => wanted.includes(channel)));
  }

  /** #open opens one response. */
  #open(/** @type {any} */ { way, ...target }, handlers) {
    const { url, inbox, channels } = this.#options;
    // By hand: URLSearchParams is half a thing in React Native.
    const query = [`inbox=${inbox}`, ...channels.map(encodeURIComponent)].join("&channel=");
    const open = way === "eventsource" ? openEventSource : openFetch;
    return open({ url: `${url}/v1/stream?${query}`, credentials: this.#access.credentials, ...target }, handlers, this.#env);
  }

  /** #streamToken: EventSource sends cookies only, so a token becomes one first. */
  async #streamToken() {
    const api = this.#api;
    const token = await this.#access.token();
    if (token && this.#choice.way === "eventsource") await api.request("POST", SESSION);
    return token;
  }

  #event(event) {
    if (this.#options.inbox && event.channel.startsWith("user:")) {
      this.#missed = true;
      this.#inbox.event(event);
    }
    const meta = { live: this.#live, cursor: this.cursor };
    this.#emit(event.type, event, meta);
    this.#emit("*", event, meta);
  }

  #ready(ready, gap) {
    const { transport } = this.#status;
    this.#live = true;
    if (this.#nameless) this.#share();
    // What counts don't show is told once, and nobody listens between two polls.
    this.#inbox.ready(ready, this.#missed && transport === "poll" ? Infinity : gap);
    this.#missed = false;
    this.#emit("bellhop.ready", ready);
  }

  #reset(reset) {
    if (this.#options.inbox && reset.channel.startsWith("user:")) this.#inbox.reset();
    this.#emit("bellhop.reset", reset);
  }

  #setStatus(status) {
    if (this.#stage !== LOST && this.#stage !== CLOSED) this.#report(status);
  }

  #report(status) {
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
    this.#inbox.suspect();
    if (this.#stage === RUNNING) this.#stream.resume();
    else if (this.#stage === NEW) this.#begin();
  }
}
