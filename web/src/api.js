// Requests to the gateway.

/** A request that takes longer than this has failed, in ms. */
const REQUEST_TIMEOUT = 15_000;

/** BellhopError is a request that the gateway refused, or that did not get there. */
export class BellhopError extends Error {
  /**
   * @param {string} message
   * @param {number} [status]      0: there was no answer
   * @param {number} [retryAfter]  ms
   */
  constructor(message, status = 0, retryAfter = 0) {
    super(message);
    this.name = "BellhopError";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * problem reads what a refusal says (RFC 9457).
 *
 * @param {Response} response
 */
export async function problem(response) {
  const said = await response.json().catch(() => ({}));
  const text = said?.detail || said?.title || `HTTP ${response.status}`;
  return new BellhopError(String(text), response.status, retryAfter(response.headers.get("Retry-After")));
}

/**
 * retryAfter reads a Retry-After header in its form of seconds, the only one that
 * a gateway or its proxy sends, into ms.
 *
 * @param {string | null} header
 */
function retryAfter(header) {
  return header !== null && /^[0-9]{1,9}$/.test(header) ? Number(header) * 1000 : 0;
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
   * @param {{fetch: typeof fetch, setTimeout: Function, clearTimeout: Function}} env
   */
  constructor(base, access, env) {
    this.#base = base;
    this.#access = access;
    this.#env = env;
  }

  /**
   * request asks the gateway, once more with another token if the first one is
   * refused. It returns the answer's JSON, null where there is none, and fails with a
   * BellhopError.
   *
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async request(method, path, body) {
    for (let renewed = false; ; renewed = true) {
      const token = await this.#access.token();
      const response = await this.#send(method, path, body, token);
      if (response.ok) {
        return response.status === 204 ? null : response.json().catch(() => {
          throw new BellhopError("the gateway's answer is not JSON", 0);
        });
      }
      if (response.status !== 401 || renewed || !this.#access.renewable) throw await problem(response);
      this.#access.refused(token);
    }
  }

  async #send(method, path, body, token) {
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token) headers.Authorization = `Bearer ${token}`;
    const timeout = new AbortController();
    const timer = this.#env.setTimeout(() => timeout.abort(), REQUEST_TIMEOUT);
    try {
      return await this.#env.fetch(this.#base + path, {
        method, headers, signal: timeout.signal, cache: "no-store",
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: path === SESSION ? "include" : credentials(token),
      });
    } catch (error) {
      throw new BellhopError(`the gateway does not answer: ${error.message}`);
    } finally {
      this.#env.clearTimeout(timer);
    }
  }
}

/**
 * credentials says whether cookies go along: where a token says who we are they
 * could only say otherwise, and CORS with "*" forbids them.
 *
 * @param {string} token
 * @returns {RequestCredentials}
 */
export function credentials(token) {
  return token ? "omit" : "include";
}
