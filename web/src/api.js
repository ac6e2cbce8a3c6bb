// Requests to the gateway.

/** A request that takes longer than this has failed, its answer's body included, in ms. */
const REQUEST_TIMEOUT = 15_000;

/**
 * The longest wait that a server may ask for, in ms: a slip of an operator must not
 * silence a page for days.
 */
export const LONGEST_ASKED = 10 * 60_000;

/** The largest body that may outlive its page: browsers keep 64 KiB for all of them. */
const SMALL = 1_000;

/** Statuses of 4xx that pass by themselves. */
const PASSING = [408, 425, 429];

/** So does this refusal: the issuer's clock is ahead of the gateway's. */
export const EARLY = "token_not_yet_valid";

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
export async function problem(response, env) {
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
export function bodies(/** @type {any} */ env) {
  return "body" in (env.Response?.prototype ?? {});
}

/**
 * uncached asks for an answer of the gateway's own. Where fetch is an imitation, as in
 * React Native, the word makes it add a parameter that the gateway does not know.
 *
 * @returns {RequestInit}
 */
export function uncached(/** @type {any} */ env) {
  return bodies(env) ? { cache: "no-store" } : {};
}

/** Where a token becomes a cookie, which the browser takes only of such requests. */
export const SESSION = "/v1/session";

/** API is the gateway's REST calls, with whatever says who we are. */
export class API {
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
