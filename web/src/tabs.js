// One connection for all tabs of a browser. A lock says which tab holds it, the
// leader; a broadcast channel carries what comes in to the others. A SharedWorker
// would do the same with less, where it exists: not on Chrome for Android.

import { Votes } from "./votes.js";

/** How long a leader may leave a question unanswered, in ms: it is frozen, or gone. */
const ANSWER_WITHIN = 2_000;

/** How often a tab that follows asks, in ms: in quiet times it hears nothing else. */
const ASK_EVERY = 30_000;

/**
 * The version of these messages. Tabs of another one, loaded before a deployment, have
 * a stream of their own.
 */
export const MESSAGES = 2;

/**
 * Messages between tabs. Every one carries `from`, the sender's id.
 *
 * - `lead`: I hold the connection now
 * - `hello` {cursor}: I follow, and this is how far I am
 * - `welcome` {to, status, cursor, blocks, counts}: you are taken in, and from here on
 *   miss nothing; with what a tab needs that begins without a position, and the
 *   newest count of the inbox
 * - `block` {block, old}: from the stream
 * - `status` {status}
 * - `reconnect`: try at once
 * - `ping`, `pong`: are the leader, and what it holds, alive?
 *
 * @typedef {{t: string, from: string, [key: string]: any}} Message
 */

/**
 * Tabs elects a leader among the tabs that share a name. Exactly one tab leads;
 * when it closes, crashes, or is frozen, another one does.
 */
export class Tabs {
  leading = false;

  #name;
  #env;
  #handlers;
  #locks;
  #id;
  #channel = null;
  #abort = null; // of our place in the queue for the lock
  #release = null; // of the lock itself
  #question; // timer: the leader owes an answer
  #rounds; // timer: ask again
  #round = 0; // joins and leaves, so that a late lock is given back

  /**
   * available tells whether tabs can find each other here.
   *
   * @param {any} env
   */
  static available(env) {
    return Boolean(env.BroadcastChannel);
  }

  /**
   * @param {object} config
   * @param {string} config.name  what only tabs that may share have in common
   * @param {any} config.env
   * @param {() => void} config.onLead    this tab holds the connection from now on
   * @param {() => void} config.onFollow  another one does: introduce yourself
   * @param {() => void} config.onAlone   tabs can't find each other here after all
   * @param {(message: Message) => void} config.onMessage  of the others
   */
  constructor({ name, env, ...handlers }) {
    this.#name = name;
    this.#env = env;
    this.#handlers = handlers;
    this.#id = env.uuid();
    // Web Locks need a secure context.
    this.#locks = env.locks?.request ? env.locks : new Votes(env);
  }

  /** join begins to take part. The tab follows until it is told to lead. */
  join() {
    if (this.#channel) return;
    try {
      this.#channel = new this.#env.BroadcastChannel(this.#name);
    } catch {
      this.#alone();
      return;
    }
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#queue(false);
    this.#handlers.onFollow();
    this.#ask();
  }

  /** leave gives up the connection, if it is ours, and hears no more. */
  leave() {
    this.#round++;
    this.#env.clearTimeout(this.#question);
    this.#env.clearTimeout(this.#rounds);
    this.#question = undefined;
    this.leading = false;
    this.#channel?.close();
    this.#channel = null;
    this.#abort?.abort();
    this.#release?.();
    this.#abort = this.#release = null;
  }

  /**
   * post sends to all other tabs.
   *
   * @param {object} message  without `from`
   */
  post(message) {
    this.#channel?.postMessage({ ...message, from: this.#id });
  }

  /**
   * probe asks the leader for a sign of life and takes its place if there is none.
   * Only a tab that people look at does so: a browser may hold all others back.
   */
  probe() {
    if (this.leading || !this.#channel || this.#question !== undefined || this.#env.hidden()) return;
    this.post({ t: "ping" });
    this.#question = this.#env.setTimeout(() => {
      this.#question = undefined;
      if (!this.#env.hidden()) this.steal();
    }, ANSWER_WITHIN);
  }

  /** steal takes the leader's place. */
  steal() {
    if (this.leading || !this.#channel) return;
    this.#abort?.abort();
    this.#queue(true);
  }

  /** pass lets another tab lead, if there is one. */
  pass() {
    this.leave();
    this.join();
  }

  #ask() {
    this.probe();
    this.#rounds = this.#env.setTimeout(() => this.#ask(), ASK_EVERY);
  }

  /** @param {Message} message */
  #receive(message) {
    if (message.t === "ping" && this.leading) this.post({ t: "pong" });
    if (LEADERS.includes(message.t)) {
      // Whoever speaks as the leader is alive.
      this.#env.clearTimeout(this.#question);
      this.#question = undefined;
    }
    if (message.t === "welcome" && message.to !== this.#id) return;
    this.#handlers.onMessage(message);
  }

  /**
   * #alone: the browser has locks and channels and does not let us use them, as in a
   * frame of another site whose storage it blocks.
   */
  #alone() {
    this.leave();
    this.#handlers.onAlone();
  }

  #queue(steal) {
    const round = this.#round;
    const abort = new AbortController();
    this.#abort = abort;
    // A thief can't wait in the queue, so the two options exclude each other.
    const options = steal ? { steal } : { signal: abort.signal };
    const held = this.#locks.request(this.#name, options, () => {
      if (round !== this.#round || abort.signal.aborted) return undefined;
      return new Promise((resolve) => {
        this.#release = resolve; // first: we may be told to leave while we begin
        this.leading = true;
        this.post({ t: "lead" });
        this.#handlers.onLead();
      });
    });
    held.catch((error) => {
      if (round !== this.#round || abort.signal.aborted) return; // our place was given up
      if (!this.leading && error?.name !== "AbortError") {
        this.#alone();
        return;
      }
      // The lock was stolen: we were frozen.
      this.leading = false;
      this.#release = null;
      this.#queue(false);
      this.#handlers.onFollow();
    });
  }
}

/** What only a leader sends. */
const LEADERS = ["lead", "welcome", "block", "status", "pong"];
