// One stream, kept open: it reconnects, renews the token, notices silence, and
// knows where to go on.

import { EARLY } from "./api.js";
import { Backoff } from "./backoff.js";

/** @typedef {import("./transport.js").End} End */
/** @typedef {import("./parser.js").Block} Block */

/** So many heartbeats may be missing before a stream counts as dead. */
const SILENT_HEARTBEATS = 2.5;

/** So many tokens in a row may be refused before it is not the token's fault. */
const MOST_RENEWALS = 5;

/** A response has so long for its first byte where there is another way, in ms. */
const FIRST_BYTE = 10_000;

/** Some proxies let the beginning of a response pass. What comes so long after it proves more, in ms. */
const LATE = 2_000;

/** A look at a better way takes at most so long, and asks for heartbeats so often, in ms and s. */
const LOOK = 15_000;
const LOOK_HEARTBEAT = 5;

/** A poll waits for so long; the first one tells soon how things stand, in s. */
const POLL = 25;
const FIRST_POLL = 2;

/** Polls begin at least so long after each other, however much happens, in ms. */
const POLL_PACE = 500;

/**
 * Connection holds one logical stream over any number of responses. Its methods may
 * be called at any time, from the handlers too.
 */
export class Connection {
  /** Where the next response begins. Set it only while nothing is open. */
  cursor = "";

  #env;
  #access;
  #getToken;
  #connect;
  #onBlock;
  #onStatus;
  #backoff;
  #silence;
  #choice;

  /** @type {(() => void) | null} */
  #close = null;
  #attempt = 0;
  #timer;
  #due = 0; // when the timer should ring: those of hidden pages may be a minute late
  #watch;
  #limit = 0; // how long it may be silent now, in ms
  #asked = 0; // when the response was asked for
  #first; // when its first bytes came
  #proven = false; // and late ones
  #ready = false; // it has caught up
  #gap = 0; // between two polls, in ms
  #patience = FIRST_POLL; // of the next poll, in s
  /** @type {(() => void) | null} */
  #unlook = null;
  #lastActivity = 0;
  #token = "";
  #renewals = 0;
  #live = false;
  #alive; // when a live stream was last heard
  #mayHurry = false; // waiting by our own choice: news may cut it short
  #farewell = ""; // the notice that said why the end is coming
  #refusal = "";

  /**
   * @param {object} config
   * @param {any} config.env  setTimeout, clearTimeout, now, random
   * @param {import("./access.js").Access} config.access
   * @param {() => Promise<string>} config.token  what the next response is asked for with
   * @param {(target: {cursor: string, token: string, way: string, wait?: number, heartbeat?: number}, handlers: import("./transport.js").Handlers) => (() => void)} config.connect
   * @param {(block: Block) => void} config.onBlock  a ready has `gap`: how long nothing was heard before, in ms
   * @param {(status: object) => void} config.onStatus
   * @param {number} config.heartbeat  ms
   * @param {import("./choice.js").Choice} config.choice
   */
  constructor({ env, access, token, connect, onBlock, onStatus, heartbeat, choice }) {
    this.#env = env;
    this.#access = access;
    this.#getToken = token;
    this.#connect = connect;
    this.#onBlock = onBlock;
    this.#onStatus = onStatus;
    this.#backoff = new Backoff(env.random);
    this.#silence = heartbeat * SILENT_HEARTBEATS;
    this.#choice = choice;
    this.#alive = env.now();
  }

  /** wanted tells whether the stream is open or will be by itself. */
  get wanted() {
    return this.#close !== null || this.#timer !== undefined;
  }

  /** open begins, or begins anew at once; from cursor if one is given. */
  open(cursor = this.cursor) {
    this.stop();
    this.cursor = cursor;
    this.#try();
  }

  /** stop ends the stream and all plans, without a word to anybody. */
  stop() {
    this.#attempt++;
    this.#env.clearTimeout(this.#timer);
    this.#env.clearTimeout(this.#watch);
    this.#timer = this.#watch = undefined;
    this.#unlook?.();
    if (this.#live) this.#alive = this.#lastActivity;
    this.#live = false;
    const close = this.#close;
    this.#close = null;
    close?.();
  }

  /**
   * check is for moments at which the world may have changed: the page is shown
   * again, the network is back. A wait of our own ends, and a stream that has been
   * silent for too long, as it is after a sleep, is replaced at once. With `suspect`
   * any open stream is.
   */
  check(suspect = false) {
    if (this.#timer !== undefined) {
      if (this.#mayHurry || this.#env.now() >= this.#due) this.#go();
    } else if (this.#close && (suspect || this.#idle() >= this.#limit)) {
      this.open();
    }
  }

  /**
   * refuse ends a response that turns out to be for somebody else, as if the gateway
   * had refused who we are, and tells whether it tries again.
   */
  refuse(/** @type {string} */ reason) {
    this.#ended({ how: "status", status: 401, final: true, reason });
    return this.wanted;
  }

  async #try() {
    const attempt = ++this.#attempt;
    this.#close = () => {};
    this.#farewell = "";
    this.#first = undefined;
    this.#proven = this.#ready = false;
    this.#expect(this.#silence); // a page that never comes up with a token is silence too
    this.#asked = 0;
    // Handlers of an older response come too late.
    const mine = (f) => (arg) => { if (attempt === this.#attempt) f(arg); };
    if (!this.#live) this.#onStatus({ state: "connecting" });
    try {
      const token = await this.#getToken();
      if (attempt !== this.#attempt) return;
      this.#token = token;
      const { way, alone } = this.#choice;
      const wait = way === "poll" ? this.#patience : 0;
      this.#asked = this.#env.now();
      this.#gap = this.#live ? this.#asked - this.#alive : 0;
      this.#expect(alone && !wait ? this.#silence : wait * 1000 + Math.min(FIRST_BYTE, this.#silence));
      this.#close = this.#connect({ cursor: this.cursor, token, way, wait }, {
        activity: mine(() => this.#hear()),
        block: mine((block) => this.#take(block)),
        id: mine((id) => { this.cursor = id || this.cursor; }),
        retry: mine((ms) => { this.#backoff.least = ms; }),
        end: mine((end) => this.#ended(end)),
      });
    } catch (error) {
      // The gateway may have refused to make a cookie of the token: what that means is in the status.
      mine((end) => this.#ended(end))({ how: "broken", reason: error.message, ...error });
    }
  }

  /** @param {Block} block */
  #take(block) {
    const { type, data } = block;
    if (type === "bellhop.ping") return;
    if (type === "bellhop.ready") block.gap = this.#live ? this.#gap : this.#env.now() - this.#alive;
    const attempt = this.#attempt;
    this.#onBlock(block);
    if (attempt !== this.#attempt) return; // whoever took it has ended the stream
    switch (type) {
      case "bellhop.ready": {
        const { stale, waiting } = JSON.parse(data);
        const { way, due } = this.#choice;
        this.#live = this.#ready = true;
        this.#renewals = 0;
        this.#backoff.reset();
        if (way === "poll") this.#choice.worked();
        if (due) this.#look();
        this.#onStatus({ state: "live", transport: way, ...(stale && { stale }), ...(waiting?.length && { unavailable: waiting }) });
        break;
      }
      case "bellhop.refused":
        this.#refusal = JSON.parse(data).reason; // falls through
      case "bellhop.expired":
      case "bellhop.drain":
        this.#farewell = type;
        break;
      default: // for our owner alone
    }
  }

  /** @param {End} end */
  #ended(end) {
    const wasLive = this.#live;
    const farewell = this.#farewell;
    if (end.status === 400 && this.#choice.way === "poll" && !this.#choice.alone) {
      // A gateway of before polls: that is no verdict on who we are.
      end = { how: "broken", never: true, reason: end.reason };
    }
    this.#patience = end.more ? POLL : FIRST_POLL;
    if (end.more && this.#ready && !farewell) {
      this.#goOn();
      return;
    }
    this.stop();
    if (this.#unfit(end) && this.#choice.failed(end.never)) {
      this.#try();
      return;
    }
    if (end.status === 401 && end.code !== EARLY) this.#access.refused(this.#token);
    if (farewell === "bellhop.expired") {
      this.#access.refused(this.#token);
      // Not all at the moment at which a key was changed.
      this.#retry(this.#env.random() * 1000, "connecting", "the token expired");
    } else if (farewell === "bellhop.refused") {
      this.#wait(this.#backoff.least, this.#refusal);
    } else if (end.final) {
      if (end.status === 401) this.#unauthorized(end);
      else this.#deny(end);
    } else if (end.retryAfter) {
      this.#wait(this.#backoff.next(end.retryAfter), end.reason ?? "", end.status);
    } else {
      // A proper end is none of the logical stream: streams have a maximum age,
      // and gateways are replaced.
      const reason = end.reason ?? (end.how === "end" ? "the stream ended" : "the connection broke");
      this.#retry(this.#backoff.next(), wasLive && end.how === "end" ? "connecting" : "retrying", reason, end.status);
    }
  }

  /**
   * #unfit tells whether a response ended as it does where its way does not work: it
   * brought nothing, or nothing after its beginning. An EventSource that never opens
   * may lack its cookie.
   *
   * @param {End} end
   */
  #unfit({ silent, never }) {
    return never || (this.#asked > 0 && silent && !this.#proven) ||
      (this.#choice.way === "eventsource" && this.#first === undefined);
  }

  /** #goOn asks for what comes after a poll, without a word to anybody: all is well. */
  #goOn() {
    this.#attempt++;
    this.#close = null;
    this.#env.clearTimeout(this.#watch);
    this.#touch();
    this.#alive = this.#lastActivity;
    const pause = this.#asked + POLL_PACE - this.#alive;
    // Timers of a hidden page may ring a minute late.
    if (pause > 0 && !this.#env.hidden()) this.#plan(pause);
    else this.#try();
  }

  /** #look tries in the background whether the best way works by now. */
  #look() {
    if (this.#unlook) return;
    let first;
    let late;
    const stop = () => {
      this.#env.clearTimeout(late);
      close();
      this.#unlook = null;
    };
    const end = (works = false) => {
      stop();
      this.#choice.looked(works);
      if (works) this.open();
    };
    const hear = () => {
      if (this.#env.now() - (first ??= this.#env.now()) >= LATE) end(true);
    };
    const nothing = () => {};
    const close = this.#connect(
      { cursor: this.cursor, token: this.#token, way: this.#choice.first, heartbeat: LOOK_HEARTBEAT },
      { activity: hear, block: nothing, id: nothing, retry: nothing, end: () => end() },
    );
    late = this.#env.setTimeout(() => end(), LOOK);
    this.#unlook = stop;
  }

  /** @param {End} end */
  #unauthorized(end) {
    this.#renewals++;
    if (!this.#access.renewable || this.#renewals > MOST_RENEWALS) {
      this.#renewals = 0;
      this.#deny(end);
      return;
    }
    if (this.#renewals === 1) this.#try();
    else this.#retry(this.#backoff.next(), "retrying", end.reason, 401);
  }

  /** @param {Partial<End>} end */
  #deny({ status: httpStatus, reason }) {
    this.#onStatus({ state: "denied", ...(httpStatus && { httpStatus }), reason });
  }

  /** #wait is for as long as the server asked: nothing cuts it short. */
  #wait(ms, reason, httpStatus) {
    this.#retry(ms, "waiting", reason, httpStatus);
    this.#mayHurry = false;
  }

  #retry(ms, state, reason, httpStatus) {
    const retryAt = this.#plan(ms);
    this.#onStatus({ state, reason, retryAt, ...(httpStatus && { httpStatus }) });
  }

  #plan(ms) {
    this.#mayHurry = true;
    this.#due = this.#env.now() + ms;
    this.#timer = this.#env.setTimeout(() => this.#go(), ms);
    return this.#due;
  }

  /** #go tries now what was planned for later. */
  #go() {
    this.#env.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#try();
  }

  #hear() {
    this.#touch();
    this.#limit = this.#silence;
    this.#first ??= this.#lastActivity;
    if (this.#proven || this.#lastActivity - this.#first < LATE) return;
    this.#proven = true;
    this.#choice.worked();
  }

  #touch() {
    this.#lastActivity = this.#env.now();
  }

  /** #idle is for how long nothing came. A clock that was set back hides nothing for long. */
  #idle() {
    const idle = this.#env.now() - this.#lastActivity;
    if (idle < 0) this.#touch();
    return Math.max(0, idle);
  }

  /** #expect gives the other side so long to say something, in ms. */
  #expect(ms) {
    this.#limit = ms;
    this.#touch();
    this.#env.clearTimeout(this.#watch);
    this.#watchOver(ms);
  }

  #watchOver(ms) {
    this.#watch = this.#env.setTimeout(() => {
      const idle = this.#idle();
      if (idle < this.#limit) {
        this.#watchOver(this.#limit - idle);
        return;
      }
      this.#ended({ how: "broken", silent: true, reason: "silence" });
    }, ms);
  }
}
