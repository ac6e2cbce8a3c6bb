// Who we are to the server: a token in a header, or the session cookie.

import { BellhopError } from "./api.js";
import { parseCursor } from "./cursor.js";

/** A token is asked for anew when it has less than this left, in ms. */
const RENEW_BEFORE = 5_000;

/** The page has so long to come up with a token, in ms. */
const TOKEN_TIMEOUT = 30_000;

/**
 * @callback TokenSource
 * @param {{renew: boolean}} why  renew: the last one was refused or is over, so one
 *   that the page has cached will not do
 * @returns {string | undefined | null | Promise<string | undefined | null>}
 */

/** What is said of an Access that is over. */
const SOMEBODY_ELSE = "somebody else is signed in";

/**
 * Access is one person at one gateway, the one that everything that comes is held
 * against. It keeps the page's token and asks for another when it is over; questions
 * that come while one is under way share its answer. Once an answer was somebody
 * else's it gives out nothing more: whoever goes on makes another one.
 */
export class Access {
  /** The channel of the person's inbox, "" until the gateway has named it. */
  inbox = "";

  #source;
  #env;
  #onLost;
  #lost = false;
  #token = "";
  #subject = ""; // of the last token that named one
  #asked = false;
  #renew = false;
  #since; // when the page gave the token
  /** @type {Promise<string> | null} */
  #pending = null;

  /**
   * @param {TokenSource | undefined} source  undefined: the browser's cookies say who we are
   * @param {{now: () => number, serverNow: (at: number) => number, setTimeout: Function, clearTimeout: Function}} env
   * @param {(reason: string) => void} [onLost]  somebody else is signed in
   */
  constructor(source, env, onLost = () => {}) {
    this.#source = source;
    this.#env = env;
    this.#onLost = onLost;
  }

  /** renewable tells whether a refused token can be replaced. */
  get renewable() {
    return Boolean(this.#source);
  }

  /**
   * credentials says whether cookies go along: where the page says who we are, with
   * a token or with none, they could only say otherwise, and CORS with "*" forbids
   * them.
   *
   * @returns {RequestCredentials}
   */
  get credentials() {
    return this.#source ? "omit" : "include";
  }

  /**
   * ours tells whether what came with a cursor is of our inbox, or of none. The first
   * inbox that is named is ours.
   *
   * @param {string} [cursor]
   */
  ours(cursor = "") {
    const inboxes = [...parseCursor(cursor).keys()].filter((channel) => channel.startsWith("user:"));
    this.inbox ||= inboxes[0] ?? "";
    return inboxes.length === 0 || inboxes.includes(this.inbox);
  }

  /** lose says that the session is somebody else's now. */
  lose() {
    if (this.#lost) return;
    this.#lost = true;
    this.#onLost(SOMEBODY_ELSE);
  }

  /**
   * token returns the token to send, "" for none. It fails with a BellhopError if the
   * page's function does, or we are not who is signed in.
   *
   * @returns {Promise<string>}
   */
  async token() {
    if (this.#lost) throw new BellhopError(SOMEBODY_ELSE, 0, 0, true);
    if (!this.#source) return "";
    // One that seems to be over as it comes shows that our clock is wrong.
    if (this.#over() && !this.#over(this.#since)) this.#renew = true;
    if (this.#asked && !this.#renew) return this.#token;
    this.#pending ??= this.#ask().finally(() => { this.#pending = null; });
    return this.#pending;
  }

  /** #over tells whether the token ends soon, as seen at a time of our clock. */
  #over(at = this.#env.now()) {
    return claims(this.#token).exp * 1000 - this.#env.serverNow(at) < RENEW_BEFORE;
  }

  async #ask() {
    const renew = this.#renew;
    let timer;
    const late = new Promise((_, reject) => {
      timer = this.#env.setTimeout(() => reject(new Error("the page gave no token in time")), TOKEN_TIMEOUT);
    });
    try {
      this.#token = String((await Promise.race([this.#source({ renew }), late])) ?? "");
    } catch (error) {
      throw new BellhopError(`no token: ${error?.message ?? error}`);
    } finally {
      this.#env.clearTimeout(timer);
    }
    this.#asked = true;
    this.#renew = false;
    this.#since = this.#env.now();
    const { subject } = this;
    // Once the inbox is known, so is whose tokens are: another's opens nothing.
    if (this.inbox && this.#subject && subject && subject !== this.#subject) {
      this.lose();
      return this.token();
    }
    this.#subject = subject || this.#subject;
    return this.#token;
  }

  /**
   * refused says that the server did not take a token, so that the next question
   * asks the page. One that has been replaced already is no news.
   *
   * @param {string} [token]  default: the one that we have
   */
  refused(token = this.#token) {
    if (token === this.#token) this.#renew = true;
  }

  /** subject is whom the token is for, "" if that can't be told. */
  get subject() {
    return this.#token ? claims(this.#token).sub ?? "" : "";
  }
}

/**
 * claims reads a token's claims without verifying them, which is the server's work:
 * they only decide which tabs share a stream, and when to renew.
 *
 * @param {string} token
 * @returns {{sub?: string, exp?: number}}
 */
function claims(token) {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    const { sub, exp } = JSON.parse(new TextDecoder().decode(bytes));
    return { sub: typeof sub === "string" ? sub : undefined, exp: typeof exp === "number" ? exp : undefined };
  } catch {
    return {};
  }
}
