// Bellhop, Apache License 2.0: https://github.com/bellhop/bellhop
// Code generated from web/src by go test ./web -update; DO NOT EDIT.

// src/api.js

// Requests to the gateway.

/** A request that takes longer than this has failed, its answer's body included, in ms. */
const REQUEST_TIMEOUT = 15_000;

/**
 * The longest wait that a server may ask for, in ms: a slip of an operator must not
 * silence a page for days.
 */
const LONGEST_ASKED = 10 * 60_000;

/** The largest body that may outlive its page: browsers keep 64 KiB for all of them. */
const SMALL = 1_000;

/** Statuses of 4xx that pass by themselves. */
const PASSING = [408, 425, 429];

/** So does this refusal: the issuer's clock is ahead of the gateway's. */
const EARLY = "token_not_yet_valid";

/** BellhopError is a request that the gateway refused, or that did not get there. */
export class BellhopError extends Error {
  /**
   * @param {string} message
   * @param {number} [status]      0: there was no answer
   * @param {number} [retryAfter]  ms
   * @param {boolean} [final]      another try would be answered the same
   * @param {string} [code]        the gateway's word for the rule that was broken
   */
  constructor(message, status = 0, retryAfter = 0, final = false, code = "") {
    super(message);
    this.name = "BellhopError";
    this.status = status;
    this.retryAfter = retryAfter;
    this.final = final;
    this.code = code;
  }
}

/**
 * problem reads what a refusal says (RFC 9457). Only a gateway's own is final:
 * whatever else answers, such as a proxy during a roll-out or a hotel's sign-in page,
 * does not know.
 *
 * @param {Response} response
 * @param {{serverNow: () => number}} env
 */
async function problem(response, env) {
  const { status, headers } = response;
  const said = await response.json().catch(() => ({}));
  const final = status >= 400 && status < 500 && !PASSING.includes(status) && said?.code !== EARLY &&
    /problem\+json/.test(headers.get("Content-Type") ?? "");
  return new BellhopError(String(said?.detail || said?.title || `HTTP ${status}`), status, wait(headers.get("Retry-After"), env), final, said?.code);
}

/** wait reads a Retry-After header, seconds or a date, into ms; 0 for none. */
function wait(/** @type {string | null} */ header, env) {
  const ms = /^[0-9]+$/.test(header ?? "") ? Number(header) * 1000 : Date.parse(header ?? "") - env.serverNow();
  return Math.min(Math.max(ms, 0) || 0, LONGEST_ASKED);
}

/** bodies tells whether this environment's responses have a body to be read. */
function bodies(/** @type {any} */ env) {
  return "body" in (env.Response?.prototype ?? {});
}

/**
 * uncached asks for an answer of the gateway's own. Where fetch is an imitation, as in
 * React Native, the word makes it add a parameter that the gateway does not know.
 *
 * @returns {RequestInit}
 */
function uncached(/** @type {any} */ env) {
  return bodies(env) ? { cache: "no-store" } : {};
}

/** Where a token becomes a cookie, which the browser takes only of such requests. */
const SESSION = "/v1/session";

/** API is the gateway's REST calls, with whatever says who we are. */
class API {
  #base;
  #access;
  #env;

  /**
   * @param {string} base  the gateway's address; "" for the page's own
   * @param {import("./access.js").Access} access
   * @param {{fetch: typeof fetch, setTimeout: Function, clearTimeout: Function, serverNow: () => number, parse: (text: string) => any, Response?: any}} env
   */
  constructor(base, access, env) {
    this.#base = base;
    this.#access = access;
    this.#env = env;
  }

  /**
   * request asks the gateway, once more with another token if the first one is
   * refused. It returns the answer's JSON, null where there is none, and fails with a
   * BellhopError. An answer about somebody else's inbox is none.
   *
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async request(method, path, body) {
    for (let renewed = false; ; renewed = true) {
      const token = await this.#access.token();
      const answer = await this.#send(method, path, body, token);
      const { status, final, code, cursor } = answer ?? {};
      if ((final && status === 412) || !this.#access.ours(cursor)) this.#access.lose(); // its next word says so
      else if (!(answer instanceof BellhopError)) return answer;
      else if (status === 401 && code !== EARLY && !renewed && this.#access.renewable) this.#access.refused(token);
      else throw answer;
    }
  }

  async #send(method, path, body, token) {
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token) headers.Authorization = `Bearer ${token}`;
    // Whose inbox is meant: the session may be somebody else's by now.
    if (this.#access.inbox) headers["Last-Event-ID"] = `0@${this.#access.inbox}`;
    const text = body && JSON.stringify(body);
    const timeout = new AbortController();
    const timer = this.#env.setTimeout(() => timeout.abort(), REQUEST_TIMEOUT);
    try {
      const response = await this.#env.fetch(this.#base + path, {
        method, headers, signal: timeout.signal, ...uncached(this.#env), body: text,
        // The click that marks an item may leave the page.
        keepalive: method !== "GET" && !(text?.length > SMALL),
        credentials: path === SESSION ? "include" : this.#access.credentials,
      });
      if (!response.ok) return await problem(response, this.#env);
      return response.status === 204 ? null : this.#env.parse(await response.text());
    } catch (error) {
      throw new BellhopError(`the gateway does not answer: ${error.message}`);
    } finally {
      this.#env.clearTimeout(timer);
    }
  }
}

// src/cursor.js

// Positions: how far somebody has got in each channel. A cursor, the id of a
// stream's blocks, is their text, "17.k3f9@user:42,205.9xq2@raffle:1".

/**
 * @typedef {object} Position
 * @property {number} seq
 * @property {string} epoch  the life of the log that the seq belongs to; "" for the beginning
 */

/** @typedef {Map<string, Position>} Positions by channel */

/**
 * parseCursor reads a cursor. Parts that it can't read are left out: the server,
 * which is asked with what is left, says what follows from that.
 *
 * @param {string} text
 * @returns {Positions}
 */
function parseCursor(text) {
  const positions = new Map();
  for (const part of text.split(",")) {
    const match = /^([0-9]+)(?:\.([^@]+))?@(.+)$/.exec(part);
    if (match) positions.set(match[3], { seq: Number(match[1]), epoch: match[2] ?? "" });
  }
  return positions;
}

/**
 * formatCursor is the other way round.
 *
 * @param {Positions} positions
 * @returns {string}
 */
function formatCursor(positions) {
  return [...positions]
    .map(([channel, { seq, epoch }]) => `${seq}${epoch && `.${epoch}`}@${channel}`)
    .join(",");
}

/**
 * covers tells whether everything up to the other position is known here too.
 *
 * @param {Position | undefined} mine
 * @param {Position | undefined} other
 */
function covers(mine, other) {
  return mine !== undefined && mine.epoch === other?.epoch && mine.seq >= other.seq;
}

/**
 * rewind returns the positions from which neither of two misses anything: the
 * lower seq of each channel. Of positions in different epochs the other one is
 * taken, for which the server announces what can't be replayed. It returns null if
 * `mine` is that already.
 *
 * @param {Positions} mine
 * @param {Positions} others
 * @returns {Positions | null}
 */
function rewind(mine, others) {
  let changed = false;
  const result = new Map(mine);
  for (const [channel, other] of others) {
    const own = mine.get(channel);
    if (own && (own.epoch === "" || covers(other, own))) continue;
    result.set(channel, other);
    changed = true;
  }
  return changed ? result : null;
}

// src/access.js

// Who we are to the server: a token in a header, or the session cookie.


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
class Access {
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

// src/parser.js

// Reading text/event-stream as bytes, as WHATWG HTML prescribes ("Parsing an
// event stream", "Interpreting an event stream").

/**
 * The most characters of one unfinished block. A server that never ends a line
 * must not fill the tab's memory; the largest event a gateway sends is far below.
 */
const MAX_BLOCK = 16 * 1024 * 1024;

/**
 * One block of a stream.
 *
 * @typedef {object} Block
 * @property {string} type   the event's type; "message" where the block names none
 * @property {string} data   its data lines, joined by LF
 * @property {string} id     the last id that the stream gave, this block's included
 * @property {number} [gap]
 */

/**
 * Parser turns bytes into blocks. Feed it every chunk as it comes: lines, line
 * ends, characters and blocks may be cut anywhere. A block counts when its empty
 * line is there, so one that the connection's end cuts off is never seen.
 *
 * A parser lives as long as one connection.
 */
class Parser {
  #decoder; // drops one leading BOM, keeps cut characters
  #handlers;
  #line = "";
  #skipLF = false; // the last chunk ended in CR
  #size = 0;
  #type = "";
  /** @type {string[]} */
  #data = []; // its lines
  #id;

  /**
   * @param {object} handlers
   * @param {(block: Block) => void} handlers.block  each block that has data
   * @param {(id: string) => void} [handlers.id]     each block's end, with the id that holds now
   * @param {(ms: number) => void} [handlers.retry]  each valid retry line
   * @param {string} [id]  the id that the connection resumed from
   */
  constructor(handlers, id = "") {
    this.#handlers = handlers;
    this.#id = id;
  }

  /**
   * push reads a chunk and calls the handlers for what it completes. It throws a
   * RangeError once a block is larger than any that a server of ours sends.
   *
   * @param {Uint8Array} bytes
   */
  push(bytes) {
    this.#decoder ??= new TextDecoder();
    this.read(this.#decoder.decode(bytes, { stream: true }));
  }

  /** read is push for what has been decoded already. */
  read(/** @type {string} */ text) {
    if (this.#skipLF && text !== "") {
      this.#skipLF = false;
      if (text[0] === "\n") text = text.slice(1);
    }
    let from = 0;
    for (const { 0: end, index } of text.matchAll(/\r\n|\r|\n/g)) {
      const line = this.#line + text.slice(from, index);
      this.#line = "";
      from = index + end.length;
      // A CR at the very end may be half of a CRLF.
      if (end === "\r" && from === text.length) this.#skipLF = true;
      this.#take(line);
    }
    this.#line += text.slice(from);
    if (this.#line.length + this.#size > MAX_BLOCK) throw new RangeError("a block is too large");
  }

  /** @param {string} line */
  #take(line) {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const [, field, value] = /** @type {RegExpExecArray} */ (/([^:]*):? ?(.*)/s.exec(line));
    switch (field) {
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#data.push(value);
        this.#size += value.length + 1;
        break;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        break;
      case "retry":
        if (/^[0-9]+$/.test(value)) this.#handlers.retry?.(Number(value));
        break;
      default: // other fields mean nothing, and a comment's is ""
    }
  }

  #dispatch() {
    const [type, data, id] = [this.#type, this.#data, this.#id];
    this.#type = "";
    this.#data = [];
    this.#size = 0;
    // The data first: an id must not be kept for a block that nobody was given.
    if (data.length > 0) this.#handlers.block({ type: type || "message", data: data.join("\n"), id });
    this.#handlers.id?.(id);
  }
}

// src/transport.js

// The ways to get a stream. All report to the same handlers, call `end` exactly once
// unless they are closed, and call nothing after close.


/**
 * How a stream ended.
 *
 * @typedef {object} End
 * @property {"end" | "broken" | "status"} how  end: in order; broken: the network, or a
 *   server that died; status: there was no stream
 * @property {number} [status]      of the response, where there was one
 * @property {string} [reason]
 * @property {number} [retryAfter]  ms
 * @property {boolean} [final]      another try would be answered the same
 * @property {string} [code]        the gateway's word for the rule that was broken
 * @property {boolean} [silent]     nothing came, or no more
 * @property {boolean} [never]      this way can't work here
 * @property {boolean} [more]       that was a poll, and the next one goes on from it
 */

/**
 * @typedef {object} Handlers
 * @property {() => void} activity  bytes came
 * @property {(block: import("./parser.js").Block) => void} block
 * @property {(id: string) => void} id
 * @property {(ms: number) => void} retry
 * @property {(end: End) => void} end
 */

/**
 * @typedef {object} Target
 * @property {string} url     of the stream, without a cursor
 * @property {string} cursor  "" for none
 * @property {string} token   "" for none
 * @property {RequestCredentials} credentials  whether cookies go along
 * @property {number} [wait]  a poll, which ends after so long or when it has said something, in s
 * @property {number} [heartbeat]  another one than the gateway's, in s
 */

/**
 * streams tells whether this environment's fetch can read a response as it comes. Of
 * one that the page has brought we see.
 */
function streams(/** @type {any} */ env) {
  return Boolean(env.fetch && env.TextDecoder && (env.ownFetch || (env.ReadableStream && bodies(env))));
}

/**
 * openFetch opens a stream by fetch, which sends headers, sees statuses and shows
 * comments as activity; or polls, whose answers are read when they have ended.
 *
 * @param {Target} target
 * @param {Handlers} handlers
 * @param {{fetch: typeof fetch, now: () => number}} env
 * @returns {() => void} close
 */
function openFetch({ url, cursor, token, credentials, wait, heartbeat }, handlers, env) {
  const abort = new AbortController();
  let closed = false;
  const headers = { Accept: "text/event-stream" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (cursor) headers["Last-Event-ID"] = cursor;

  const run = async () => {
    const response = await env.fetch(`${url}${wait ? `&wait=${wait}` : ""}${heartbeat ? `&heartbeat=${heartbeat}` : ""}`, {
      headers, signal: abort.signal, ...uncached(env), credentials,
    });
    if (response.status !== 200) return refusal(response, env);
    if (!/^text\/event-stream(;|$)/i.test(response.headers.get("Content-Type") ?? "")) {
      // A captive portal, say. Whatever it is, it is not the gateway.
      return { how: "broken", status: 200, reason: "the answer is no stream" };
    }
    if (!wait && !response.body?.getReader) return { how: "broken", never: true, reason: "fetch does not stream" };
    const open = (name) => (said) => { if (!closed) handlers[name](said); };
    const parser = new Parser({ block: open("block"), id: open("id"), retry: open("retry") }, cursor);
    if (wait) {
      const text = await response.text();
      if (!closed) parser.read(text);
      return { how: "end", more: true };
    }
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || closed) return { how: "end" };
      handlers.activity();
      parser.push(value);
    }
  };
  run()
    .catch((error) => ({ how: "broken", reason: error?.message ?? String(error) }))
    .then((end) => {
      if (closed) return;
      closed = true;
      abort.abort(); // a response that is not read to its end holds its connection
      handlers.end(/** @type {End} */ (end));
    });
  return () => {
    closed = true;
    abort.abort();
  };
}

async function refusal(response, env) {
  const error = await problem(response, env);
  return { how: "status", reason: error.message, ...error };
}

/** What the gateway says of itself; EventSource has to be told each name. */
const NOTICES = ["ready", "reset", "read", "refused", "expired", "drain", "ping"].map((name) => `bellhop.${name}`);

/** Where a refusal does not say when to come back: what gateways mean then, in ms. */
const REFUSED_LEAST = 30_000;
const REFUSED_SPAN = 60_000;

/**
 * openEventSource opens a stream by the browser's own EventSource, with cookies. It
 * is closed at its first error: by itself it would reconnect without a limit or
 * chance, or not at all, and never say why. If it never opened, fetch is told why.
 *
 * @param {Target} target
 * @param {Handlers} handlers
 * @param {{EventSource: typeof EventSource, random: () => number, fetch: typeof fetch, now: () => number}} env
 * @returns {() => void} close
 */
function openEventSource({ url, cursor, token, credentials }, handlers, env) {
  // Published events without their names, so that one listener gets them all, and
  // heartbeats that a script can see.
  const address = `${url}&events=message&heartbeat=event${cursor && `&lastEventId=${encodeURIComponent(cursor)}`}`;
  if (token) credentials = "include"; // which is in a cookie by now
  const source = new env.EventSource(address, { withCredentials: credentials === "include" });
  const abort = new AbortController();
  let opened;
  source.onopen = () => { opened = true; };
  const take = (event) => {
    handlers.activity();
    // EventSource keeps retry lines to itself.
    if (event.type === "bellhop.refused") handlers.retry(JSON.parse(event.data).retry ?? REFUSED_LEAST + env.random() * REFUSED_SPAN);
    handlers.block({ type: event.type, data: event.data, id: event.lastEventId || cursor });
    if (event.lastEventId) handlers.id(event.lastEventId);
  };
  source.onmessage = take;
  for (const name of NOTICES) source.addEventListener(name, take);
  source.onerror = async () => {
    source.close();
    /** @type {any} */
    let end = opened ? { how: "end" } : { how: "broken", reason: "EventSource failed" };
    if (!opened) {
      const response = await env.fetch?.(address, { signal: abort.signal, ...uncached(env), credentials }).catch(() => {});
      if (response && response.status !== 200) end = await refusal(response, env);
    }
    if (abort.signal.aborted) return;
    abort.abort();
    handlers.end(end);
  };
  return () => {
    source.close();
    abort.abort();
  };
}

// src/choice.js

// Which way events come: what works between this page and its gateway.


/** What has worked once is begun with for so long, in ms. */
const REMEMBER = 60 * 60_000;

/** While another way than the first is used, the first is looked at again so often, in ms. */
const LOOK_EVERY = 10 * 60_000;

/**
 * Choice goes through the ways of transport.js, the best one first, until one works.
 * What works is kept for the next pages, where the browser lets us.
 */
class Choice {
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

// src/change.js

// Changes of an inbox, and what they do to a list.

/** @typedef {{channel: string, seq: number, type: string, time: string, data: any, read: boolean}} Item */

/**
 * A change as the stream tells it: of everything up to a seq, or of single seqs.
 *
 * @typedef {object} Change
 * @property {string} change  "read", "unread", "removed", "replaced", "archived" or "seen"
 * @property {number} [up_to]
 * @property {readonly number[] | null} [seqs]
 */

/**
 * changed returns the list after a change. What it does not concern stays the same
 * object.
 *
 * @param {readonly Item[]} items
 * @param {Change} change
 * @returns {readonly Item[]}
 */
function changed(items, { change, up_to: upTo, seqs }) {
  const named = new Set(seqs);
  const read = change === "read";
  if (read || change === "unread") {
    return items.map((item) => (item.read !== read && (named.has(item.seq) || (read && item.seq <= (upTo || 0))) ? { ...item, read } : item));
  }
  return ["removed", "replaced", "archived"].includes(change) ? items.filter((item) => !named.has(item.seq)) : items;
}

/** unreadOf counts what is unread of a list. */
function unreadOf(/** @type {readonly Item[]} */ items) {
  return items.filter((item) => !item.read).length;
}

/**
 * keyOf is the same for a change of ours and for what the stream says of it.
 *
 * @param {Change} change
 */
function keyOf({ change, up_to: upTo, seqs }) {
  return JSON.stringify([change, upTo || 0, [...(seqs ?? [])].sort((a, b) => a - b)]);
}

// src/inbox.js

// The inbox as a page shows it: a list that grows at both ends, and how many of it
// are unread.


/** @typedef {import("./change.js").Item} Item */
/** @typedef {import("./change.js").Change} Change */

/**
 * The most items that the stream lets the list grow to; older ones are fetched again
 * when somebody scrolls there.
 */
const MOST_ITEMS = 2_000;

/** The most that a gateway lists at once, and the most seqs that it takes at once. */
const MOST_LISTED = 100;
const MOST_SEQS = 1_000;

/** A page of the list where the option says that none is fetched by itself. */
const SOME = 20;

/** So many empty pages are passed over in one go. */
const MOST_EMPTY = 10;

/** So often a list is asked for that the inbox overtakes each time. */
const MOST_TRIES = 3;

/** After a loss that all clients see at once they ask again within this time, in ms. */
const REFETCH_SPREAD = 3_000;

/** After a silence of so long the list is fetched anew: counts don't show all that may have changed, in ms. */
const LONG_GAP = 60_000;

/**
 * Inbox keeps the list and the count in step with the stream.
 *
 * It has one copy of what the gateway has confirmed, by lists, by notices of the
 * stream and by answers to our own changes. A change that is under way is not part of
 * it: it is shown on top, so that taking it back is forgetting it. The stream has the
 * order of all changes, answers don't; so an answer is held against what was heard
 * since it was asked for, and what is older is not believed.
 *
 * Counts are absolute, "so many are unread up to this seq", and events above that seq
 * add one each: a message that is late or comes twice can't spoil them.
 */
class Inbox {
  #api;
  #env;
  #pageSize;
  #filter;
  #isLive;
  #onChange;

  /** @type {readonly Item[]} newest first */
  #items = [];
  #next = null; // what the next page is before
  #base = { unread: 0, head: 0 };
  #above = new Set(); // seqs of events above base.head, ascending
  #heard = 0; // changes that were confirmed so far
  /** @type {Set<Change>} changes of ours that nobody has confirmed */
  #pending = new Set();
  #fresh = null; // seqs since a reset, while the list is of an older life
  #life; // the epoch of the list
  #loaded = false;
  #error;
  #request = null; // the list request under way
  #refetch; // timer
  #due = Infinity; // when it rings
  #notBefore = 0; // when the server wants to be asked for the list again
  #closed = false;
  #snapshot = null; // made when it is asked for
  #telling = false;

  /**
   * @param {object} config
   * @param {import("./api.js").API} config.api
   * @param {any} config.env
   * @param {number} config.pageSize
   * @param {() => boolean} config.isLive  whether the stream is up to date
   * @param {(inbox: any) => void} config.onChange
   * @param {string} [config.filter]  what a query for the list has to say more
   */
  constructor({ api, env, pageSize, isLive, onChange, filter = "" }) {
    this.#api = api;
    this.#env = env;
    this.#pageSize = Math.min(pageSize, MOST_LISTED);
    this.#filter = filter;
    this.#isLive = isLive;
    this.#onChange = onChange;
  }

  /** snapshot is the inbox as it is now; the same object until something changes. */
  get snapshot() {
    if (this.#snapshot === null) {
      const items = [...this.#pending].reduce(changed, this.#items);
      const unread = this.#unread + unreadOf(items) - unreadOf(this.#items);
      this.#snapshot = Object.freeze({
        items: Object.freeze([...items]),
        unread: Math.max(0, unread),
        hasMore: this.#next !== null,
        loading: this.#request !== null,
        loaded: this.#loaded,
        ...(this.#error && { error: this.#error }),
      });
    }
    return this.#snapshot;
  }

  /** counts is the newest count, as `ready` takes it, null while it is in doubt. */
  get counts() {
    return this.#due === Infinity && !this.#request ? this.#base : null;
  }

  /** #unread is how many are unread in all, as far as it is confirmed. */
  get #unread() {
    return this.#base.unread + this.#above.size;
  }

  /** #newest is the seq of the newest event that was heard of. */
  get #newest() {
    return Math.max(this.#base.head, [...this.#above].at(-1) ?? 0);
  }

  // From the stream.

  /** event adds an event of the stream. */
  event(event) {
    if (event.seq > this.#base.head) this.#above.add(event.seq);
    this.#fresh?.add(event.seq);
    if (this.#pageSize > 0 || this.#loaded) this.#insert({ ...event, read: false });
    this.#changed();
  }

  #insert(item) {
    const items = [...this.#items];
    const at = items.findIndex((other) => other.seq <= item.seq);
    if (at < 0) {
      // Older than the list goes: it comes with its page.
      if (this.#next !== null && item.seq < this.#next) return;
      items.push(item);
    } else if (items[at].seq !== item.seq) {
      items.splice(at, 0, item);
    } else if (this.#fresh) {
      items[at] = item; // that one is of the life that is over
    }
    if (items.length > MOST_ITEMS) {
      items.length = MOST_ITEMS;
      this.#next = items[MOST_ITEMS - 1].seq;
    }
    this.#items = items;
  }

  /**
   * ready takes the count that a stream begins with, or another tab knows. Something
   * was missed if that is not the one that we had.
   *
   * @param {{unread?: number, head?: number} | null} [counts]  null: not known
   * @param {number} [gap]    how long nothing was heard before, in ms
   * @param {boolean} [early]  events that are counted may be still to come
   */
  ready(counts, gap = 0, early = false) {
    if (counts === null) this.suspect();
    if (counts?.unread === undefined) return;
    // Seqs have no holes: what is to come is one unread event each.
    const toCome = counts.head - this.#newest;
    const expected = this.#unread + Math.max(0, toCome);
    this.#heard++;
    this.#count(counts);
    if (!this.#loaded) this.#refetchSoon(0);
    else if (gap > LONG_GAP || this.#unread !== expected || (toCome !== 0 && !early)) this.#refetchSoon();
    this.#changed();
  }

  /** read takes a change that was made here, in another tab or on another device. */
  read(change) {
    const key = keyOf(change);
    for (const ours of this.#pending) if (keyOf(ours) === key) this.#pending.delete(ours);
    this.#confirm(change, change);
    // What it was is not told, or one was missed.
    if (!(change.up_to || change.seqs?.length) || unreadOf(this.#items) > this.#unread) this.suspect();
    this.#changed();
  }

  /** reset: the list is of a life that is over, or has holes. */
  reset() {
    this.#heard++;
    this.#fresh = new Set();
    this.#base = { unread: this.#unread, head: 0 };
    this.#above.clear();
    this.#refetchSoon();
  }

  /** suspect: changes may have been missed, whatever the counts say. */
  suspect() {
    this.#heard++;
    if (this.#loaded) this.#refetchSoon();
  }

  /** #confirm makes a change part of what is known. Without counts it counts itself. */
  #confirm(change, counts) {
    const before = unreadOf(this.#items);
    this.#heard++;
    this.#items = changed(this.#items, change);
    if (counts) this.#count(counts);
    else this.#base = { ...this.#base, unread: this.#base.unread + unreadOf(this.#items) - before };
  }

  /**
   * #count takes a count of the server.
   *
   * @param {{unread?: number, head?: number}} counts
   */
  #count({ unread, head }) {
    if (unread === undefined || head < this.#base.head) return;
    this.#base = { unread, head };
    for (const seq of this.#above) if (seq <= head) this.#above.delete(seq);
  }

  // For the page.

  /**
   * load fetches the first page, or as much as was loaded, and returns the cursor
   * with which a stream goes on from it.
   *
   * @returns {Promise<string>}
   */
  async load() {
    this.#env.clearTimeout(this.#refetch);
    this.#due = Infinity;
    while (this.#request) await this.#request.catch(() => {});
    const limit = Math.max(this.#pageSize || SOME, Math.min(this.#items.length, MOST_LISTED));
    const page = await this.#list(`?limit=${limit}`);
    // What the stream brought since is not on the page; of another life nothing stays.
    const life = /\.(.*)@/.exec(page.cursor ?? "")?.[1];
    const kept = this.#items.filter(({ seq }) => seq > page.head && (this.#fresh ? this.#fresh.has(seq) : life === (this.#life ?? life)));
    if (page.current) this.#fresh = null;
    this.#life = life;
    this.#items = [...kept, ...page.items];
    this.#next = page.next;
    this.#above = new Set(kept.filter(({ read }) => !read).map(({ seq }) => seq).reverse());
    this.#base = { unread: page.unread, head: page.head };
    this.#loaded = true;
    this.#heard++;
    this.#changed();
    return page.cursor ?? "";
  }

  /** loadMore appends the next page and returns how many items came. */
  async loadMore() {
    if (this.#request) return this.#request.then(() => 0, () => 0);
    if (!this.#loaded) {
      await this.load();
      return this.#items.length;
    }
    // A page may be empty without being the last: all of it was deleted, say.
    for (let pages = 0; pages < MOST_EMPTY && this.#next !== null; pages++) {
      const before = this.#next;
      const page = await this.#list(`?limit=${this.#pageSize || SOME}&before=${before}`);
      if (this.#next !== before) return 0; // the list is another one by now
      const known = new Set(this.#items.map((item) => item.seq));
      const more = page.items.filter((item) => !known.has(item.seq));
      this.#items = [...this.#items, ...more];
      this.#next = page.next;
      this.#changed();
      if (more.length > 0) return more.length;
    }
    return 0;
  }

  async #list(query) {
    this.#request = this.#ask(query);
    this.#changed();
    try {
      const page = await this.#request;
      this.#error = undefined;
      if (!page.current) this.#refetchSoon();
      return page;
    } catch (error) {
      this.#error = error;
      // Without a wait no time is kept: a clock that is set back would make it one.
      this.#notBefore = error.retryAfter && this.#env.now() + error.retryAfter;
      // Some other day, but not never: the list is known to be wrong.
      if (!error.final) this.#refetchSoon(10 * REFETCH_SPREAD * (1 + this.#env.random()));
      throw error;
    } finally {
      this.#request = null;
      this.#changed();
    }
  }

  /** #ask asks for a list until it is not older than a change that was heard meanwhile. */
  async #ask(query) {
    for (let tries = 1; ; tries++) {
      const heard = this.#heard;
      const page = await this.#api.request("GET", `/v1/inbox${query}${this.#filter}`);
      const current = heard === this.#heard;
      if (current || tries === MOST_TRIES) return { ...page, current };
    }
  }

  /** @param {number | readonly number[]} [which]  default: all that has arrived */
  async markRead(which = Math.max(this.#newest, this.#items[0]?.seq ?? 0)) {
    const body = Array.isArray(which) ? { seqs: which } : { up_to: which };
    if (body.up_to !== 0) await this.#mutate({ change: "read", ...body }, "POST", "/read", body);
  }

  /** @param {readonly number[]} seqs */
  async markUnread(seqs) {
    await this.#mutate({ change: "unread", seqs }, "POST", "/unread", { seqs });
  }

  /** @param {number} seq */
  async remove(seq) {
    await this.#mutate({ change: "removed", seqs: [seq] }, "DELETE", `/${seq}`);
  }

  /** @param {readonly number[]} seqs */
  async archive(seqs) {
    await this.#mutate({ change: "archived", seqs }, "POST", "/archive", { seqs });
  }

  /** What comes back leaves a list of what is archived, and no other: for those the stream says so. */
  async unarchive(/** @type {readonly number[]} */ seqs) {
    const change = this.#filter.includes("&archived") ? "removed" : "unarchived";
    await this.#mutate({ change, seqs }, "POST", "/unarchive", { seqs });
  }

  async markSeen(upTo = this.#newest) {
    if (upTo > 0) await this.#mutate({ change: "seen", up_to: upTo }, "POST", "/seen", { up_to: upTo });
  }

  /** #mutate shows a change at once, asks for it, and takes it back if it is refused. */
  async #mutate(change, method, path, body) {
    if (change.seqs?.length === 0) return;
    if (change.seqs?.length > MOST_SEQS) throw new RangeError(`at most ${MOST_SEQS} at once`);
    const heard = this.#heard;
    this.#pending.add(change);
    this.#changed();
    try {
      const counts = await this.#api.request(method, `/v1/inbox${path}`, body);
      // The stream may have said it before, and more since. While there is none, a
      // count would hide from the next one what we have missed.
      if (this.#pending.has(change)) {
        const current = heard === this.#heard && this.#isLive();
        this.#confirm(change, current ? counts : null);
        if (!current) this.suspect();
      }
    } catch (error) {
      // If only the answer was lost, it was made.
      if (!error.final) this.suspect();
      throw error;
    } finally {
      this.#pending.delete(change);
      this.#changed();
    }
  }

  /** close ends what is planned. */
  close() {
    this.#closed = true;
    this.#env.clearTimeout(this.#refetch);
  }

  #refetchSoon(wait = this.#env.random() * REFETCH_SPREAD) {
    const now = this.#env.now();
    const due = Math.max(now + wait, this.#notBefore);
    const planned = due >= this.#due && this.#due >= now; // what is overdue was lost in a frozen page
    if (planned || this.#closed || !(this.#pageSize > 0 || this.#loaded)) return;
    this.#env.clearTimeout(this.#refetch);
    this.#due = due;
    const load = () => { this.load().catch(() => {}); };
    if (due <= now) load();
    else this.#refetch = this.#env.setTimeout(load, due - now);
  }

  /** #changed tells the page, once for all changes that come in one go. */
  #changed() {
    this.#snapshot = null;
    if (this.#telling || this.#closed) return;
    this.#telling = true;
    this.#env.queueMicrotask(() => {
      this.#telling = false;
      if (!this.#closed) this.#onChange(this.snapshot);
    });
  }
}

// src/page.js

// What happens to the page that we run in.

/**
 * watchPage tells when the browser takes the page away and gives it back. A page
 * that is frozen or kept for the back button gets no time: its timers stand still
 * and its connection dies without a word.
 *
 * @param {any} env
 * @param {object} handlers
 * @param {() => void} handlers.away     no time from now on, perhaps for good
 * @param {() => void} handlers.back     time again, after any while
 * @param {() => void} handlers.activated  a page that was rendered ahead is one that people see
 * @param {() => void} handlers.shown    somebody looks at the page
 * @param {() => void} handlers.online   the device has a network, perhaps another one
 * @returns {() => void} stop
 */
function watchPage(env, { away, back, activated, shown, online }) {
  const stops = [];
  const listen = (target, type, listener) => {
    if (!target?.addEventListener) return;
    target.addEventListener(type, listener);
    stops.push(() => target.removeEventListener(type, listener));
  };
  listen(env.document, "freeze", away);
  listen(env.document, "resume", back);
  listen(env.document, "prerenderingchange", activated);
  listen(env.document, "visibilitychange", () => { if (!env.hidden()) shown(); });
  // Also of a page that is closed, so that the next tab need not wait to learn it.
  listen(env.window, "pagehide", away);
  listen(env.window, "pageshow", (event) => { if (event.persisted) back(); });
  listen(env.window, "online", online);
  return () => { for (const stop of stops) stop(); };
}

/**
 * browser is what the client uses of its surroundings; tests bring their own.
 */
function browser() {
  const { document, navigator, fetch, Response, ReadableStream, TextDecoder, EventSource, BroadcastChannel } = globalThis;
  return {
    window: globalThis,
    document,
    fetch: fetch?.bind(globalThis),
    Response, ReadableStream, TextDecoder, EventSource, BroadcastChannel,
    locks: navigator?.locks,
    storage: () => globalThis.localStorage, // or an error, where it is blocked
    setTimeout: globalThis.setTimeout.bind(globalThis),
    clearTimeout: globalThis.clearTimeout.bind(globalThis),
    queueMicrotask: globalThis.queueMicrotask.bind(globalThis),
    // The wall clock goes on while the machine sleeps; others may not.
    now: Date.now,
    random: Math.random,
    // crypto.randomUUID is there in secure contexts only.
    uuid: () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`,
    hidden: () => document?.visibilityState === "hidden",
    offline: () => navigator?.onLine === false,
  };
}

/** A clock that differs from the server's by less is right enough, in ms. */
const CLOCK_OFF = 30_000;

/** An answer that took longer was held on its way, and says when it began, in ms. */
const PROMPT = 5_000;

/**
 * timed lets every prompt answer tell how far the device's clock is off, so that
 * serverNow is the time by which tokens end, now or at a time of ours.
 *
 * @param {any} env
 */
function timed(env) {
  const { now, fetch } = env;
  let off = 0;
  return {
    ...env,
    serverNow: (at = now()) => at - off,
    fetch: fetch && (async (...args) => {
      const sent = now();
      const response = await fetch(...args);
      const by = now() - Date.parse(response.headers.get("Date"));
      if (now() - sent < PROMPT && !Number.isNaN(by)) off = Math.abs(by) > CLOCK_OFF ? by : 0;
      return response;
    }),
  };
}

// src/backoff.js

// How long to wait before the next try.


/** The least and the longest wait that the client chooses by itself, in ms. */
const LEAST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

/**
 * Backoff spreads the tries of many clients that lost the same server, and makes
 * them rarer: each wait is random between the least one and three times the last
 * one ("decorrelated jitter"). Doubling without chance would bring everybody back
 * in step.
 */
class Backoff {
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

// src/connection.js

// One stream, kept open: it reconnects, renews the token, notices silence, and
// knows where to go on.


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
class Connection {
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

// src/latest.js

// The newest values of channels that begin with one.

/** The most types of one channel whose newest event is kept. */
const MOST_TYPES = 32;

/**
 * Latest keeps the newest events of channels whose streams begin with the newest
 * value, for tabs that come later and share the stream. The client learns which
 * channels those are from the server: an event of a channel that we brought no
 * position for, before the stream is live, is such a value.
 */
class Latest {
  /** @type {Map<string, Map<string, import("./parser.js").Block>>} by channel and type */
  #blocks = new Map();

  /**
   * take looks at a block of the stream, before it is read.
   *
   * @param {import("./parser.js").Block} block
   * @param {boolean} live
   * @param {import("./cursor.js").Positions} positions  before the block
   */
  take(block, live, positions) {
    if (block.type.startsWith("bellhop.")) return;
    const { channel, type } = JSON.parse(block.data);
    let kept = this.#blocks.get(channel);
    if (!kept) {
      if (live || positions.has(channel)) return;
      kept = new Map();
      this.#blocks.set(channel, kept);
    }
    // In the order of the channel, which their reader relies on.
    kept.delete(type);
    kept.set(type, block);
    if (kept.size > MOST_TYPES) kept.delete(kept.keys().next().value);
  }

  /**
   * missing returns what a tab needs that has these positions.
   *
   * @param {import("./cursor.js").Positions} positions
   */
  missing(positions) {
    return [...this.#blocks].flatMap(([channel, kept]) => (positions.has(channel) ? [] : [...kept.values()]));
  }
}

// src/reader.js

// What a tab makes of a stream's blocks, whichever tab's connection they came by.


/** @typedef {import("./parser.js").Block} Block */

/**
 * Reader keeps this tab's position in every channel and hands on each event once,
 * in order. The stream of several tabs goes back to where the last of them is, so
 * that the others see blocks again.
 */
class Reader {
  /** @type {import("./cursor.js").Positions} */
  positions = new Map();

  #handlers;
  #parse;

  /**
   * @param {object} handlers
   * @param {(event: any) => void} handlers.event     each event once
   * @param {(reset: {channel: string, from: number | null, to: number | null}) => void} handlers.reset
   * @param {(ready: any, gap: number) => void} handlers.ready  gap: how long nothing was heard before, in ms
   * @param {(change: any) => void} handlers.read     a change of the inbox
   * @param {(type: string, data: any) => void} handlers.other  notices that are not known here
   * @param {(text: string) => any} [parse]  reads events
   */
  constructor(handlers, parse = JSON.parse) {
    this.#handlers = handlers;
    this.#parse = parse;
  }

  get cursor() {
    return formatCursor(this.positions);
  }

  /**
   * begin takes over positions of channels that this tab has none of.
   *
   * @param {import("./cursor.js").Positions} positions
   */
  begin(positions) {
    for (const [channel, position] of positions) {
      if (!this.positions.has(channel)) this.positions.set(channel, position);
    }
  }

  /**
   * take reads a block.
   *
   * @param {Block} block
   * @param {boolean} old  the stream went back for another tab: what was announced
   *   to this one before is no news
   */
  take(block, old) {
    const at = parseCursor(block.id);
    const data = block.type.startsWith("bellhop.") ? JSON.parse(block.data) : this.#parse(block.data);
    switch (block.type) {
      case "bellhop.reset":
        this.#reset(data, at.get(data.channel), old);
        break;
      case "bellhop.ready":
        this.#adopt(at);
        this.#handlers.ready(data, block.gap);
        break;
      case "bellhop.read":
        this.#adopt(at);
        this.#handlers.read(data);
        break;
      case "bellhop.drain":
      case "bellhop.expired":
      case "bellhop.refused":
        break;
      default:
        if (block.type.startsWith("bellhop.")) this.#handlers.other(block.type, data);
        else this.#event(data, at);
    }
  }

  #event(event, at) {
    const epoch = at.get(event.channel)?.epoch ?? "";
    const mine = this.positions.get(event.channel);
    const position = { seq: event.seq, epoch };
    if (covers(mine, position)) return;
    this.#newLife(event.channel, mine, position);
    this.positions.set(event.channel, position);
    // Of this channel it was handed over, so the position may be beyond its seq
    // only where events are left out; of the others it is what went before.
    this.#adopt(at);
    this.#handlers.event(event);
  }

  #reset(reset, position, old) {
    if (position) {
      if (old && covers(this.positions.get(reset.channel), position)) return;
      this.positions.set(reset.channel, position);
    }
    this.#handlers.reset(reset);
  }

  /** #adopt moves on to positions that were reached without an event for us. */
  #adopt(at) {
    for (const [channel, position] of at) {
      const mine = this.positions.get(channel);
      // One without an epoch is no position yet.
      if (covers(mine, position) || (mine && position.seq === 0 && !/[0-9a-z]/.test(position.epoch))) continue;
      this.#newLife(channel, mine, position);
      this.positions.set(channel, position);
    }
  }

  /**
   * #newLife announces a change of epoch for which no reset came: it went to another
   * tab, while this one was frozen.
   */
  #newLife(channel, mine, position) {
    if (mine === undefined || mine.epoch === "" || position.epoch === mine.epoch) return;
    this.#handlers.reset({ channel, from: null, to: null });
  }
}

// src/votes.js

// Web Locks for pages that have none, as over plain http.

/** Who wants the lock gives its holder so long to object, hidden pages longer, in ms. */
const OBJECT_WITHIN = 300;
const HIDDEN = 500;

/** And a random time more, so that of many the first one shows the others. */
const SPREAD = 200;

/** A holder says so again and again, in ms. */
const REMIND = 2_000;

/**
 * Votes is as much of the Web Locks API as tabs need, by messages: who hears nobody
 * object holds the lock. Two may do so for a moment; of two holders that hear of each
 * other the one of the later term stays, and of one term the one of the smaller id. A
 * thief begins a new term. A holder that dies is found out by who asks it in vain.
 */
class Votes {
  #env;
  #term = 0; // the latest that was heard of

  constructor(env) {
    this.#env = env;
  }

  request(name, { signal, steal = false }, f) {
    const env = this.#env;
    const id = env.uuid();
    const channel = new env.BroadcastChannel(`${name}:lock`);
    return new Promise((resolve, reject) => {
      let mine = 0; // the term in which we hold it
      let timer;
      const post = (t) => channel.postMessage({ t, id, term: mine });
      const end = (free) => {
        env.clearTimeout(timer);
        if (free && mine > 0) post("free");
        channel.close();
      };
      // Not everybody may have heard: one who was frozen still thinks that it holds it.
      const remind = () => {
        post("held");
        timer = env.setTimeout(remind, REMIND);
      };
      const hold = async () => {
        this.#term += steal || this.#term === 0 ? 1 : 0;
        mine = this.#term;
        remind();
        const value = await f();
        end(true);
        resolve(value);
      };
      const vote = () => {
        env.clearTimeout(timer);
        timer = env.setTimeout(hold, OBJECT_WITHIN + (env.hidden() ? HIDDEN : 0) + SPREAD * env.random());
      };
      channel.onmessage = ({ data }) => {
        this.#term = Math.max(this.#term, data.term);
        if (mine === 0) {
          if (data.t === "held") env.clearTimeout(timer);
          else if (data.t === "free") vote();
        } else if (data.t !== "free") {
          if (data.t === "want" || data.term < mine || (data.term === mine && data.id > id)) {
            post("held");
            return;
          }
          end(false);
          reject(new DOMException("", "AbortError"));
        }
      };
      signal?.addEventListener("abort", () => {
        if (mine > 0) return;
        end(false);
        reject(signal.reason);
      });
      if (steal) {
        hold();
        return;
      }
      post("want");
      vote();
    });
  }
}

// src/tabs.js

// One connection for all tabs of a browser. A lock says which tab holds it, the
// leader; a broadcast channel carries what comes in to the others. A SharedWorker
// would do the same with less, where it exists: not on Chrome for Android.


/** How long a leader may leave a question unanswered, in ms: it is frozen, or gone. */
const ANSWER_WITHIN = 2_000;

/** How often a tab that follows asks, in ms: in quiet times it hears nothing else. */
const ASK_EVERY = 30_000;

/**
 * The version of these messages. Tabs of another one, loaded before a deployment, have
 * a stream of their own.
 */
const MESSAGES = 2;

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
class Tabs {
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

// src/shared.js

// The stream of a tab: its own connection, or that of another tab.


/** A leader whose time to try again has passed for so long is reminded, in ms. */
const LATE_BY = 1_000;

/**
 * SharedStream reads one logical stream. Where tabs can find each other, one of
 * them holds the connection and passes on every block as it came; each tab reads
 * them by its own position. So when the connection changes hands nothing is lost or
 * doubled: the new leader goes on from where it is, and goes back for a tab that is
 * behind.
 */
class SharedStream {
  #env;
  #connection;
  #reader;
  #latest = new Latest();
  /** @type {Tabs | null} */
  #tabs = null;
  #handlers;
  #access;
  #status = { state: "connecting" };
  #leader = ""; // whom we follow, once it has taken us in
  #passing = false; // another tab may do better
  #new = true; // we came after the leader's last word, and have not tried ourselves
  #late; // timer: the leader should have tried again by then
  #rewound = false; // gone back for another tab, and not caught up yet

  /**
   * @param {object} config
   * @param {any} config.env
   * @param {import("./access.js").Access} config.access
   * @param {() => Promise<string>} config.token
   * @param {ConstructorParameters<typeof Connection>[0]["connect"]} config.connect
   * @param {number} config.heartbeat  ms
   * @param {import("./choice.js").Choice} config.choice
   * @param {(status: object) => void} config.onStatus
   * @param {() => object} config.counts  the newest count of the inbox, for other tabs
   * @param {(counts: object) => void} config.onCounts  and what another tab knows
   * @param {ConstructorParameters<typeof Reader>[0]} config.reader
   */
  constructor({ env, access, token, connect, heartbeat, choice, onStatus, counts, onCounts, reader }) {
    this.#env = env;
    this.#access = access;
    this.#handlers = { onStatus, counts, onCounts };
    this.#reader = new Reader(reader, env.parse);
    this.#connection = new Connection({
      env, access, connect, heartbeat, choice,
      token: () => this.#token(token),
      onBlock: (block) => this.#received(block),
      onStatus: (status) => this.#report(status),
    });
  }

  get cursor() {
    return this.#reader.cursor;
  }

  /** leader tells whether the connection is ours. */
  get leader() {
    return this.#tabs === null || this.#tabs.leading;
  }

  /** begin fills in positions of channels that have none. */
  begin(/** @type {import("./cursor.js").Positions} */ positions) {
    this.#reader.begin(positions);
  }

  /**
   * start opens the stream, or joins the tabs that share it.
   *
   * @param {string | null} name  what those tabs have in common; null: share nothing
   */
  start(name) {
    if (name !== null && Tabs.available(this.#env)) {
      this.#tabs = new Tabs({
        name,
        env: this.#env,
        onLead: () => {
          this.#rewound = this.#passing = false;
          this.#connection.open(this.cursor);
        },
        onFollow: () => {
          this.#connection.stop();
          this.#introduce();
        },
        onAlone: () => {
          this.#tabs = null;
          this.#connection.open(this.cursor);
        },
        onMessage: (message) => (this.#tabs.leading ? this.#asLeader(message) : this.#asFollower(message)),
      });
    }
    this.resume();
  }

  /** resume goes on after pause. */
  resume() {
    this.#new = true;
    if (this.#tabs) this.#tabs.join();
    else this.#connection.open(this.cursor);
  }

  /** pause lets go of the connection; another tab takes over. */
  pause() {
    this.#connection.stop();
    this.#env.clearTimeout(this.#late);
    this.#tabs?.leave();
  }

  /** check is for moments at which a broken connection may show, or a lost one come back. */
  check(suspect = false) {
    if (this.leader) this.#connection.check(suspect);
    else this.#tabs.probe();
  }

  /** reconnect tries at once, whatever was planned. */
  reconnect() {
    if (this.leader) this.#connection.open();
    else if (this.#status.state === "denied") this.#tabs.steal(); // we may be let in with what we have
    else this.#tabs.post({ t: "reconnect" });
  }

  /**
   * #token asks for a token. If the last one could not be had, another tab's page may
   * have one.
   */
  async #token(ask) {
    if (this.#passing && this.#tabs) {
      this.#passing = false;
      this.#tabs.pass();
      return ""; // nobody waits for it any more
    }
    try {
      return await ask();
    } catch (error) {
      this.#passing = true;
      throw error;
    }
  }

  /** #received is what our own connection brings. */
  #received(block) {
    // Another window has signed in as somebody else, and the cookie is theirs now.
    if (!this.#access.ours(block.id)) {
      if (!this.#connection.refuse("the session is somebody else's")) this.#access.lose();
      return;
    }
    this.#latest.take(block, this.#status.state === "live", this.#reader.positions);
    this.#tabs?.post({ t: "block", block, old: this.#rewound });
    this.#reader.take(block, this.#rewound);
    if (block.type === "bellhop.ready") this.#rewound = false;
  }

  /**
   * #introduce tells the leader how far we are. What is heard before it has looked at
   * that may come after something that we have missed.
   */
  #introduce() {
    this.#leader = "";
    this.#tabs.post({ t: "hello", cursor: this.cursor });
  }

  /** @param {import("./tabs.js").Message} message */
  #asLeader(message) {
    // There are others, of a leader that does not know yet that it is none any more.
    if (message.t === "hello") this.#welcome(message);
    else if (message.t === "reconnect") this.#connection.open();
    else if (message.t === "ping") this.#connection.check();
  }

  /** @param {import("./tabs.js").Message} message */
  #asFollower(message) {
    const { t, from, status } = message;
    if (t === "lead") {
      this.#introduce();
    } else if (t === "welcome") {
      this.#leader = from;
      this.#access.ours(message.cursor);
      for (const block of message.blocks) this.#reader.take(block, true);
      this.#reader.begin(parseCursor(message.cursor));
      this.#handlers.onCounts(message.counts);
      this.#set(status);
      // A leader that was refused before we came may have been somebody whose session
      // was over: we try once ourselves.
      if (this.#new && status.state === "denied") this.#tabs.steal();
      this.#new = false;
    } else if (from === this.#leader) {
      if (t === "block") this.#reader.take(message.block, message.old);
      else if (t === "status") this.#set(status);
    }
  }

  /**
   * #welcome takes in another tab. If it has missed something, the stream goes back to
   * where it is: the log has everything, so no tab need keep anything for others.
   *
   * @param {import("./tabs.js").Message} message
   */
  #welcome({ from, cursor }) {
    const theirs = parseCursor(cursor);
    this.#tabs.post({
      t: "welcome", to: from, status: this.#status, cursor: this.cursor,
      blocks: this.#latest.missing(theirs), counts: this.#status.state === "live" ? this.#handlers.counts() : undefined,
    });
    const back = rewind(parseCursor(this.#connection.cursor), theirs);
    if (back === null) return;
    this.#rewound = true;
    this.#connection.open(formatCursor(back));
  }

  #report(status) {
    const offline = status.state === "retrying" && this.#env.offline();
    this.#set(offline ? { ...status, state: "offline" } : status);
    this.#tabs?.post({ t: "status", status: this.#status });
  }

  #set(status) {
    this.#status = status;
    this.#env.clearTimeout(this.#late);
    // Timers of a hidden leader ring up to a minute late. Messages wake it.
    if (!this.leader && status.retryAt && !this.#env.hidden()) {
      this.#late = this.#env.setTimeout(() => this.#tabs?.probe(), Math.max(0, status.retryAt - this.#env.now()) + LATE_BY);
    }
    this.#handlers.onStatus(status);
  }
}

// src/bellhop.js

// The client: what a page uses of all this.


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
