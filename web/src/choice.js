// Which way events come: what works between this page and its gateway.

import { streams } from "./transport.js";

/** What has worked once is begun with for so long, in ms. */
const REMEMBER = 60 * 60_000;

/** While another way than the first is used, the first is looked at again so often, in ms. */
const LOOK_EVERY = 10 * 60_000;

/**
 * Choice goes through the ways of transport.js, the best one first, until one works.
 * What works is kept for the next pages, where the browser lets us.
 */
export class Choice {
  #env;
  #key;
  #ways;
  #at = 0; // in #ways
  #trusted = false; // it has worked
  #doubted = false; // and then it did not, once
  #since; // when it was found to be the best one

  /**
   * @param {any} env
   * @param {string} url     the gateway
   * @param {string} forced  the one to use, or "auto"
   */
  constructor(env, url, forced) {
    this.#env = env;
    this.#key = `bellhop:transport:${url}`;
    this.#since = env.now();
    this.#ways = [forced];
    if (forced !== "auto") return;
    this.#ways = [streams(env) && "fetch", env.EventSource && "eventsource", "poll"].filter(Boolean);
    try {
      const [way, since] = env.storage().getItem(this.#key).split(" ");
      if (!(Math.abs(env.now() - since) < REMEMBER) || !this.#ways.includes(way)) return;
      this.#at = this.#ways.indexOf(way);
      this.#since = Number(since);
      this.#trusted = true;
    } catch { /* nothing is kept, or kept from us */ }
  }

  /** way is the one to use now. */
  get way() {
    return this.#ways[this.#at];
  }

  /** first is the best one. */
  get first() {
    return this.#ways[0];
  }

  /** alone tells whether there is no other. */
  get alone() {
    return this.#ways.length === 1;
  }

  /** due tells whether it is time to look at the first one again. */
  get due() {
    return this.#at > 0 && !(Math.abs(this.#env.now() - this.#since) < LOOK_EVERY);
  }

  /**
   * failed says that nothing came, and tells whether another way is to be tried at
   * once. One that has worked is doubted first: it may be the network, or a gateway
   * that stands still, from which not everybody should turn to dearer ways.
   *
   * @param {boolean} [never]  it can't work here
   */
  failed(never = false) {
    if (this.#trusted && !this.#doubted && !never) {
      this.#doubted = true;
      return false;
    }
    this.#trusted = this.#doubted = false;
    if (never && !this.alone) this.#ways.splice(this.#at, 1);
    else this.#at++;
    const next = this.#at < this.#ways.length;
    if (!next) this.#at = 0;
    return next;
  }

  /** worked says that what is used works. */
  worked() {
    if (!this.#trusted || this.#at === 0) this.#keep();
    this.#trusted = true;
    this.#doubted = false;
  }

  /** looked says how the first one is by now. */
  looked(/** @type {boolean} */ works) {
    if (works) this.#at = 0;
    this.#keep();
  }

  #keep() {
    this.#since = this.#env.now();
    if (this.alone) return;
    try {
      this.#env.storage().setItem(this.#key, `${this.way} ${this.#since}`);
    } catch { /* then for this page only */ }
  }
}
