// Another list, of a part of the inbox: by types, or of what is archived.

import { Inbox } from "./inbox.js";

const PAGE = 20;

/** What Inbox wants of a browser. */
const CLOCK = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  queueMicrotask: (f) => queueMicrotask(f),
};

/**
 * over tells whether a client has nothing more to do with who it was: a refusal by the
 * gateway, which has a status, may pass.
 *
 * @param {import("../bellhop.d.ts").BellhopStatus} status
 */
function over({ state, httpStatus }) {
  return state === "closed" || (state === "denied" && !httpStatus);
}

/** What is asked of a view after its end: the client may be somebody else's by now. */
const ENDED = { name: "BellhopError", status: 0, retryAfter: 0, final: true, code: "" };

/**
 * View is an inbox's list that the server filters, kept in step by what a client hears.
 */
class View extends Inbox {
  #types;
  #archived;
  #stops;
  #ended = false;

  constructor(client, /** @type {any} */ { types, archived = false }, onChange, clock) {
    super({
      api: /** @type {any} */ ({
        request: async (...args) => {
          if (this.#ended) throw Object.assign(new Error("the view has ended"), ENDED);
          return client.request(...args);
        },
      }),
      env: clock,
      pageSize: PAGE,
      isLive: () => client.status.state === "live",
      onChange,
      filter: (types ? `&type=${types.map(encodeURIComponent)}` : "") + (archived ? "&archived=true" : ""),
    });
    this.#types = types;
    this.#archived = archived;
    this.#stops = [
      client.on("*", (event) => { if (event.channel.startsWith("user:")) this.event(event); }),
      client.on("bellhop.change", (change) => this.read(change)),
      client.on("bellhop.ready", () => this.suspect()),
      client.on("bellhop.reset", ({ channel }) => { if (channel.startsWith("user:")) this.reset(); }),
      client.on("bellhop.status", (status) => { if (over(status)) this.close(); }),
    ];
    this.refresh().catch(() => {});
  }

  get inbox() { return this.snapshot; }

  async refresh() { await this.load(); }

  event(event) {
    if (!this.#archived && (!this.#types || this.#types.includes(event.type))) super.event(event);
  }

  read(change) {
    if (this.#archived && change.change === "archived") this.suspect(); // it is not known here
    else super.read(change);
  }

  close() {
    this.#ended = true;
    for (const stop of this.#stops) stop();
    super.close();
  }
}

/**
 * view makes another list of a client's inbox. It ends by close(), and with the client,
 * or when somebody else signs in.
 *
 * @param {import("../bellhop.d.ts").Bellhop} client
 * @param {import("../bellhop-tidy.d.ts").BellhopFilter} filter
 * @param {(inbox: import("../bellhop-tidy.d.ts").BellhopPart) => void} onChange
 * @param {object} [clock]  replaces the browser's, for tests
 * @returns {import("../bellhop-tidy.d.ts").BellhopView}
 */
export function view(client, filter, onChange, clock = CLOCK) {
  return new View(client, filter, onChange, clock);
}
