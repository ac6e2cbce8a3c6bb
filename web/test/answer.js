// What a gateway says to one request, where of it what is, and how a browser hands it
// to a page: for the model of ways.js.
import { parseCursor } from "../src/cursor.js";

export const CHANNELS = ["topic:a", "topic:b"];

/** deferred is a promise that somebody else keeps, or nobody. */
function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.promise.catch(() => {});
  return made;
}

/** Answer is what the gateway says to one request, and what of it has come. */
export class Answer {
  unread = []; // blocks on their way
  said = 0;
  ended = ""; // "end" in order, "cut" if not
  closed = false; // the page wants no more
  dead = false; // nothing comes any more, and nobody says so
  opened = false; // the page has its head

  constructor({ brought, poll, heartbeat, look, mode }, now) {
    const at = parseCursor(brought);
    const seen = new Map(CHANNELS.map((channel) => [channel, at.get(channel)?.seq]));
    Object.assign(this, { brought, poll, heartbeat, look, at: seen, since: now, beat: now, ready: false, news: null });
    this.held = mode !== "straight"; // somebody in between keeps the body until it has ended
    this.headless = mode === "shut"; // and the head
  }

  get cursor() { return CHANNELS.map((channel) => `${this.at.get(channel)}.e1@${channel}`).join(","); }

  say(type, data) {
    this.unread.push({ type, data: JSON.stringify(data), id: this.cursor });
    this.said++;
  }

  /** comes tells whether anything can come now; whatever was held comes when all of it is there. */
  get comes() { return !this.dead && (!this.held || this.ended !== ""); }
}

/** text is a block as it stands in a stream. */
function text({ type, data, id }) {
  return type === "bellhop.ping" ? ":\n\n" : `event: ${type === "message" ? "note" : type}\ndata: ${data}\nid: ${id}\n\n`;
}

/**
 * browserOf gives a page fetch and EventSource. The network says whether anybody is
 * there, makes an Answer of a request, and hears that the page wants no more of it; it
 * calls open, take and over of the answer when something of it comes, which may be late.
 *
 * @param {object} network
 * @param {() => boolean} network.isDown
 * @param {(url: string, brought: string) => Answer} network.ask
 * @param {(answer: Answer) => void} network.close
 * @param {(n: number) => number} network.random
 */
export function browserOf({ isDown, ask, close, random }) {
  async function fetch(url, { headers, signal }) {
    if (isDown()) throw new TypeError("nobody is there");
    const answer = ask(url, headers?.["Last-Event-ID"] ?? new URL(url).searchParams.get("lastEventId") ?? "");
    signal.addEventListener("abort", () => close(answer));
    const head = deferred();
    const whole = deferred();
    const chunks = [];
    let all = "";
    let reader = null;
    const hand = () => {
      if (!reader || chunks.length === 0) return;
      const chunk = chunks.shift();
      if (chunk instanceof Error) reader.reject(chunk);
      else reader.resolve(chunk);
      reader = null;
    };
    const read = () => {
      const asked = reader = deferred();
      hand();
      return asked.promise;
    };
    Object.assign(answer, {
      open: head.resolve,
      take: (blocks) => {
        for (const said of blocks.map(text)) {
          all += said;
          const cut = random(said.length);
          for (const part of [said.slice(0, cut), said.slice(cut)]) chunks.push({ done: false, value: new TextEncoder().encode(part) });
        }
        hand();
      },
      over: (how) => {
        const error = new TypeError("the network");
        chunks.push(how === "end" ? { done: true } : error);
        if (how === "end") whole.resolve(all);
        else whole.reject(error);
        hand();
      },
    });
    if (answer.headless) await head.promise;
    else answer.opened = true;
    return {
      status: 200, ok: true, headers: new Headers({ "Content-Type": "text/event-stream" }),
      body: { getReader: () => ({ read }) }, text: () => whole.promise,
    };
  }

  class EventSource extends EventTarget {
    #answer;

    constructor(url) {
      super();
      if (isDown()) {
        setImmediate(() => this.onerror());
        return;
      }
      const answer = ask(url, new URL(url).searchParams.get("lastEventId") ?? "");
      this.#answer = Object.assign(answer, {
        open: () => this.onopen(),
        take: (blocks) => {
          for (const { type, data, id } of blocks) {
            const event = Object.assign(new Event(type), { data, lastEventId: id });
            if (type === "message") this.onmessage(event);
            else this.dispatchEvent(event);
          }
        },
        over: () => { if (!answer.closed) this.onerror(); },
      });
    }

    close() { if (this.#answer) close(this.#answer); }
  }
  return { fetch, EventSource };
}
