// How long to wait before the next try.

import { LONGEST_ASKED } from "./api.js";

/** The least and the longest wait that the client chooses by itself, in ms. */
const LEAST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

/**
 * Backoff spreads the tries of many clients that lost the same server, and makes
 * them rarer: each wait is random between the least one and three times the last
 * one ("decorrelated jitter"). Doubling without chance would bring everybody back
 * in step.
 */
export class Backoff {
  #random;
  #last = 0;
  #least;

  /** @param {() => number} random  0 up to 1, as Math.random */
  constructor(random = Math.random) {
    this.#random = random;
    this.#least = LEAST_WAIT * (1 + 2 * random()); // until a server says
  }

  /**
   * The first wait after a stream that worked: the `retry:` of the server, which
   * has given every client another one. In ms.
   */
  set least(ms) {
    this.#least = Math.min(Math.max(ms, 100), LONGEST_ASKED);
  }

  get least() {
    return this.#least;
  }

  /** reset is called when a stream works. */
  reset() {
    this.#last = 0;
  }

  /**
   * next returns how long to wait now, in ms.
   *
   * @param {number} [asked]  the server's Retry-After, in ms: never sooner
   */
  next(asked = 0) {
    const most = Math.min(Math.max(LONGEST_WAIT, this.#least), this.#last * 3);
    this.#last = this.#least + this.#random() * Math.max(0, most - this.#least);
    const floor = Math.min(asked, LONGEST_ASKED);
    // A Retry-After is the same for everybody who was refused in that second.
    return this.#last < floor ? floor * (1 + 0.25 * this.#random()) : this.#last;
  }
}
