// Stand-ins for what the client uses of a browser and a gateway.

/** settle lets everything run that waits for nothing but promises. */
export async function settle() {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Clock moves when it is told to. */
export class Clock {
  #now = 1_700_000_000_000;
  #timers = new Map();
  #last = 0;

  now = () => this.#now;
  setTimeout = (f, ms = 0) => {
    this.#timers.set(++this.#last, { f, at: this.#now + ms });
    return this.#last;
  };
  clearTimeout = (id) => { this.#timers.delete(id); };

  /** waits are how long the timers still have, the next first. */
  get waits() {
    return [...this.#timers.values()].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** advance runs what is due within ms, in order, and what that leads to. */
  async advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].f();
    }
    this.#now = end;
    await settle();
  }

  /** jump moves the clock without time for anybody, as sleep does. */
  jump(ms) {
    this.#now += ms;
  }
}

/** Target is an EventTarget that shows whether anybody still listens. */
export class Target extends EventTarget {
  listeners = 0;
  addEventListener(...args) { this.listeners++; super.addEventListener(...args); }
  removeEventListener(...args) { this.listeners--; super.removeEventListener(...args); }
  fire(type, properties = {}) { this.dispatchEvent(Object.assign(new Event(type), properties)); }
}

/** Gateway answers fetch. Streams stay open until a test ends them. */
export class Gateway {
  requests = [];
  streams = [];
  /** What other requests are answered, by "METHOD /path". */
  answers = new Map();
  /** What the next streams are answered instead of opening: Response or Error. */
  refusals = [];

  fetch = async (url, options = {}) => {
    const { pathname, searchParams } = new URL(url, "http://gateway.test");
    const request = { method: options.method ?? "GET", path: pathname, query: searchParams, ...options };
    this.requests.push(request);
    if (options.signal?.aborted) throw new DOMException("aborted", "AbortError");
    if (pathname !== "/v1/stream") {
      const answer = this.answers.get(`${request.method} ${pathname}`) ?? this.answers.get(`${request.method} ${pathname.replace(/[^/]*$/, "*")}`);
      if (!answer) return json({ detail: "no such thing" }, 404);
      const response = await answer(request);
      // As in a browser, what comes after the end of the request comes to nobody.
      if (options.signal?.aborted) throw new DOMException("aborted", "AbortError");
      return response;
    }
    const refusal = this.refusals.shift();
    if (refusal instanceof Error) throw refusal;
    if (refusal) return refusal;
    const stream = new Stream(request);
    this.streams.push(stream);
    options.signal?.addEventListener("abort", () => stream.abort());
    return new Response(stream.body, { status: 200, headers: { "Content-Type": "text/event-stream" } });
  };

  /** last is the newest stream. */
  get last() {
    return this.streams.at(-1);
  }

  get open() {
    return this.streams.filter((stream) => stream.isOpen);
  }
}

/** Stream is the gateway's end of a response. */
class Stream {
  isOpen = true;
  #controller;
  #held = null;

  constructor(request) {
    this.request = request;
    this.body = new ReadableStream({
      start: (controller) => { this.#controller = controller; },
      cancel: () => { this.isOpen = false; },
    });
  }

  get cursor() {
    return this.request.headers["Last-Event-ID"] ?? "";
  }

  send(text) {
    if (this.#held !== null) this.#held += text;
    else this.#controller.enqueue(new TextEncoder().encode(text));
  }

  /** burst sends what f does in one chunk. */
  burst(f) {
    this.#held = "";
    f();
    const text = this.#held;
    this.#held = null;
    this.send(text);
  }

  event(channel, seq, { type = "note", epoch = "e1", data = { n: seq }, id } = {}) {
    const body = JSON.stringify({ channel, seq, type, time: "2026-11-21T20:15:28.123Z", data });
    this.send(`event: ${type}\ndata: ${body}\nid: ${id ?? `${seq}.${epoch}@${channel}`}\n\n`);
  }

  notice(type, data, { id = "", retry } = {}) {
    this.send(`event: bellhop.${type}\ndata: ${JSON.stringify(data)}\n` +
      `${retry ? `retry: ${retry}\n` : ""}${id ? `id: ${id}\n` : ""}\n`);
  }

  ready(id, data = { unread: 0, head: 0 }) {
    this.notice("ready", data, { id, retry: 2000 });
  }

  /** end is the last chunk; cut is a connection that breaks. */
  end() {
    this.isOpen = false;
    this.#controller.close();
  }

  cut() {
    this.isOpen = false;
    this.#controller.error(new TypeError("network error"));
  }

  abort() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#controller.error(new DOMException("aborted", "AbortError"));
  }
}

/** hold makes answers to a call wait until they are let go, made as they were asked for. */
export function hold(gateway, call) {
  const answer = gateway.answers.get(call);
  const held = [];
  gateway.answers.set(call, (request) => {
    const response = Promise.resolve(answer(request));
    response.catch(() => {}); // a lost one is held as well
    return new Promise((resolve) => held.push(() => resolve(response)));
  });
  return async () => {
    gateway.answers.set(call, answer);
    for (const go of held.splice(0)) go();
    await settle();
  };
}

/** page is an answer of somebody in between, who is no gateway. */
export function page(status, headers = {}) {
  return new Response("<html>sign in to the wifi</html>", { status, headers: { "Content-Type": "text/html", ...headers } });
}

/** stalled is an answer whose body does not come. */
export function stalled({ signal }, status = 200) {
  const body = new ReadableStream({
    start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)),
  });
  return new Response(body, { status, headers: { "Content-Type": "application/json" } });
}

/** Sources are the EventSources of a browser. */
export function sources() {
  const made = [];
  class Source extends EventTarget {
    constructor(url, options) {
      super();
      Object.assign(this, { url: new URL(url), options });
      made.push(this);
    }
    say(type, data, lastEventId = "") { this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data), lastEventId })); }
    dispatchEvent(event) { if (event.type === "message") this.onmessage(event); return super.dispatchEvent(event); }
    close() { this.closed = true; }
  }
  return { made, Source };
}

export function json(body, status = 200, headers = {}) {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": type, ...headers } });
}

/**
 * Machine is a browser with one profile: its tabs share locks and channels.
 */
export class Machine {
  clock = new Clock();
  gateway = new Gateway();
  locks = new Locks();
  storage = new Storage();
  #channels = new Set();

  /** tab returns the surroundings of a new tab. */
  tab() {
    const machine = this;
    const tab = { document: new Target(), window: new Target(), isHidden: false, isOffline: false, frozen: false };
    class Channel {
      onmessage = null;
      constructor(name) {
        this.name = name;
        this.tab = tab;
        machine.#channels.add(this);
      }
      postMessage(data) {
        const copy = structuredClone(data);
        for (const other of machine.#channels) {
          if (other === this || other.name !== this.name) continue;
          setImmediate(() => { if (machine.#channels.has(other) && !other.tab.frozen) other.onmessage?.({ data: copy }); });
        }
      }
      close() { machine.#channels.delete(this); }
    }
    // A frozen tab gets no time: what it waits for does not happen.
    const whenAwake = (f) => (...args) => { if (!tab.frozen) f(...args); };
    let uuid = 0;
    return Object.assign(tab, {
      env: {
        document: tab.document,
        window: tab.window,
        fetch: machine.gateway.fetch,
        Response, ReadableStream, TextDecoder, storage: () => machine.storage,
        locks: machine.locks,
        BroadcastChannel: Channel,
        setTimeout: (f, ms) => machine.clock.setTimeout(whenAwake(f), ms),
        clearTimeout: machine.clock.clearTimeout,
        queueMicrotask,
        now: machine.clock.now,
        random: () => 0.5,
        uuid: () => `tab-${machine.#tabs++}-${uuid++}`,
        hidden: () => tab.isHidden,
        offline: () => tab.isOffline,
      },
    });
  }

  #tabs = 0;
}

/** Locks is as much of the Web Locks API as the client uses. */
class Locks {
  #held = new Map();
  #queues = new Map();

  request(name, { signal, steal = false }, f) {
    return new Promise((resolve, reject) => {
      const request = { f, resolve, reject };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      if (steal) {
        this.#held.get(name)?.reject(new DOMException("stolen", "AbortError"));
        this.#held.delete(name);
        queue.unshift(request);
      } else {
        queue.push(request);
      }
      signal?.addEventListener("abort", () => {
        const at = queue.indexOf(request);
        if (at < 0) return;
        queue.splice(at, 1);
        reject(new DOMException("given up", "AbortError"));
      });
      this.#grant(name);
    });
  }

  #grant(name) {
    const queue = this.#queues.get(name);
    if (this.#held.has(name) || queue.length === 0) return;
    const request = queue.shift();
    this.#held.set(name, request);
    setImmediate(async () => {
      try {
        request.resolve(await request.f());
      } catch (error) {
        request.reject(error);
      }
      if (this.#held.get(name) !== request) return;
      this.#held.delete(name);
      this.#grant(name);
    });
  }
}

/** Storage is as much of localStorage as the client uses. */
class Storage extends Map {
  getItem(key) { return this.get(key) ?? null; }
  setItem(key, value) { this.set(key, value); }
}
