// A model of two people's inboxes, one browser and everything that may go wrong in
// between, against which the client is run with random steps.
import assert from "node:assert/strict";
import { changed } from "../src/change.js";
import { Machine } from "./fakes.js";

/** So many items are on a page. */
const PAGE = 4;

/** A stream that is away for longer than this makes a client fetch its list anew, in ms. */
const LONG = 61_000;

/** How often everything comes to rest and is compared, in steps. */
const REST = 40;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Inbox is what the log has of one person. Seqs of two people differ, so that a mix-up shows. */
class Inbox {
  items = [];
  epoch = 1;

  constructor(user, base) {
    Object.assign(this, { user, base, head: base });
  }

  get unread() { return this.items.filter(({ read }) => !read).length; }
  get counts() { return { unread: this.unread, head: this.head }; }
  get cursor() { return `${this.head}.e${this.epoch}@${this.user}`; }

  publish() {
    const event = { channel: this.user, seq: ++this.head, type: "note", time: "", data: this.epoch };
    this.items.unshift({ ...event, read: false });
    return event;
  }

  /** apply makes a change and tells whether it was one. */
  apply(change) {
    const before = this.items;
    this.items = changed(before, { ...change, up_to: Math.min(change.up_to ?? 0, this.head) });
    return before.length !== this.items.length || this.items.some((item, i) => item !== before[i]);
  }

  list(query) {
    const before = Number(query.get("before")) || Infinity;
    const older = this.items.filter(({ seq }) => seq < before);
    const items = older.slice(0, Number(query.get("limit")));
    return { items, next: older.length > items.length ? items.at(-1).seq : null, ...this.counts, cursor: this.cursor };
  }
}

/** World runs clients of a given kind and says what they should show. */
export class World {
  #random;
  #Bellhop;
  #machine = new Machine();
  #people = [new Inbox("user:42", 0), new Inbox("user:7", 1_000_000)];
  #session = this.#people[0]; // whose cookie it is
  #tabs = [];
  #requests = []; // not seen by the gateway yet
  #answers = []; // on their way back
  #sources = []; // streams that are open, or wait to be
  #downSince = null;
  #trouble = null; // the first rule that was broken

  constructor(Bellhop, seed) {
    this.#Bellhop = Bellhop;
    let state = seed;
    this.#random = (n) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % n;
    };
  }

  /** run makes so many steps and fails at the first thing that is not as it should be. */
  async run(steps) {
    await this.#open();
    await this.#open();
    for (let step = 1; step <= steps; step++) {
      await this.#step();
      await turn();
      this.#look();
      if (step % REST === 0) await this.#rest();
      if (this.#trouble) assert.fail(`step ${step}: ${this.#trouble}`);
    }
    for (const { client } of this.#tabs) client.close();
  }

  async #step() {
    const tab = this.#pick(this.#tabs);
    switch (this.#random(24)) {
      case 0: case 1: case 2:
        this.#tell(this.#pick(this.#people), (inbox) => ({ event: inbox.publish() }));
        break;
      case 3: case 4:
        this.#elsewhere();
        break;
      case 5: case 6: case 7: case 8:
        this.#mark(tab.client);
        break;
      case 9:
        tab.client.refresh().catch(() => {});
        break;
      case 10: case 11:
        tab.client.loadMore().catch(() => {});
        break;
      case 12: case 13: case 14:
        this.#handle(this.#random(this.#requests.length || 1), this.#random(12) === 0);
        break;
      case 15: case 16: case 17:
        this.#answer(this.#random(this.#answers.length || 1), this.#random(8) === 0);
        break;
      case 18: case 19: case 20:
        this.#deliver(this.#pick(this.#sources), 1 + this.#random(3));
        break;
      case 21:
        await this.#machine.clock.advance(this.#random(2_000));
        break;
      case 22:
        await this.#life(tab);
        break;
      default:
        await this.#seldom(tab);
    }
  }

  /** #life is what happens to a tab. What the leader was told by then the others know. */
  async #life(tab) {
    await this.#drain();
    switch (this.#random(4)) {
      case 0:
        this.#freeze(tab, true);
        break;
      case 1:
        tab.client.close();
        this.#tabs.splice(this.#tabs.indexOf(tab), 1);
        await this.#open();
        break;
      default:
        for (const other of this.#tabs) this.#freeze(other, false);
    }
  }

  #freeze(tab, frozen) {
    if (tab.frozen === frozen) return;
    tab.frozen = frozen;
    tab.document.fire(frozen ? "freeze" : "resume");
  }

  async #seldom(tab) {
    switch (this.#random(7)) {
      case 0: // somebody else signs in, in another window
        this.#session = this.#pick(this.#people);
        break;
      case 1:
        await this.#drain();
        tab.client.reconnect();
        break;
      case 2: // the network is away for long, and what was on its way is gone
        if (this.#downSince !== null) break;
        this.#downSince = this.#machine.clock.now();
        for (const source of this.#sources.splice(0)) this.#cut(source);
        break;
      case 3:
        await this.#up();
        break;
      case 4: { // or for a moment
        await this.#drain();
        const source = this.#pick(this.#sources);
        if (!source?.opened) break;
        this.#sources.splice(this.#sources.indexOf(source), 1);
        this.#cut(source);
        break;
      }
      case 5: { // the log is lost
        const inbox = this.#pick(this.#people);
        inbox.epoch++;
        inbox.items = [];
        inbox.head = inbox.base;
        for (let n = this.#random(6); n > 0; n--) inbox.publish();
        for (const source of this.#sources) {
          if (source.inbox === inbox) source.blocks?.push(["bellhop.reset", { channel: inbox.user, from: null, to: null }, inbox.cursor]);
        }
        break;
      }
      default:
        await this.#machine.clock.advance(this.#random(20_000));
    }
  }

  // The gateway.

  /** #tell changes an inbox, and puts that on its streams. */
  #tell(inbox, f) {
    const { event, note } = f(inbox);
    for (const source of this.#sources) {
      if (source.inbox !== inbox || !source.blocks) continue;
      source.blocks.push(event ? ["message", event, inbox.cursor] : ["bellhop.read", { up_to: 0, seqs: null, ...note, ...inbox.counts }, inbox.cursor]);
    }
  }

  /**
   * #change makes a change. While a tab looks away for a moment that is what a count
   * shows in any case, since that is all that a client has then: that something was
   * read.
   */
  #change(inbox, change) {
    const seen = this.#downSince !== null || this.#tabs.every(({ client, frozen }) => frozen || ["live", "denied"].includes(client.status.state));
    if (!seen && change.change !== "read") return false;
    if (inbox.apply(change)) this.#tell(inbox, () => ({ note: change }));
    return true;
  }

  /** #elsewhere is what the person does on a phone. */
  #elsewhere() {
    const inbox = this.#pick(this.#people);
    if (inbox.items.length === 0) return;
    const { seq } = inbox.items[this.#random(Math.min(inbox.items.length, 3 * PAGE))];
    this.#change(inbox, this.#pick([
      { change: "read", up_to: seq }, { change: "read", seqs: [seq] }, { change: "unread", seqs: [seq] }, { change: "removed", seqs: [seq] },
    ]));
  }

  /** #handle lets the gateway see a request, unless that never gets there. */
  #handle(i, lost) {
    const [request] = this.#requests.splice(i, 1);
    if (!request) return;
    const answer = lost ? new TypeError("never got there") : this.#respond(request);
    if (answer === null) this.#requests.push(request); // not now
    else this.#answers.push({ ...request, answer });
  }

  #respond({ inbox, method, url, headers, body }) {
    const json = (status, said) => ({
      status, ok: status < 300, json: async () => structuredClone(said), text: async () => JSON.stringify(said),
      headers: new Headers({ "Content-Type": status < 300 ? "application/json" : "application/problem+json" }),
    });
    const meant = headers["Last-Event-ID"];
    if (meant && meant !== `0@${inbox.user}`) return json(412, {});
    if (method === "GET") return json(200, inbox.list(url.searchParams));
    const seq = Number(url.pathname.split("/").at(-1));
    const change = method === "DELETE" ? { change: "removed", seqs: [seq] } : { change: url.pathname.split("/").at(-1), ...JSON.parse(body) };
    for (const named of [change.up_to, ...(change.seqs ?? [])]) {
      if (named && (named > 1_000_000) !== (inbox.base > 0)) this.#trouble ??= `${url.pathname} of ${named} reached ${inbox.user}`;
    }
    if (!this.#change(inbox, change)) return null;
    return json(method === "DELETE" ? 204 : 200, inbox.counts);
  }

  #answer(i, lost) {
    const [{ answer, resolve, reject } = {}] = this.#answers.splice(i, 1);
    if (!answer) return;
    if (lost || answer instanceof Error) reject(new TypeError("the network"));
    else resolve(answer);
  }

  /** #deliver lets a stream bring what it has. */
  #deliver(source, n) {
    if (!source || source.closed || this.#downSince !== null) return;
    if (!source.opened) {
      source.opened = true;
      source.onopen();
      const from = Number.parseInt(source.url.searchParams.get("lastEventId") ?? "", 10);
      const { inbox } = source;
      const same = (source.url.searchParams.get("lastEventId") ?? "") === "" || source.url.searchParams.get("lastEventId").includes(`.e${inbox.epoch}@${inbox.user}`);
      source.blocks = same ? inbox.items.filter(({ seq }) => seq > from).reverse().map(({ read, ...event }) => ["message", event, `${event.seq}.e${inbox.epoch}@${inbox.user}`])
        : [["bellhop.reset", { channel: inbox.user, from: null, to: null }, inbox.cursor]];
      source.blocks.push(["bellhop.ready", inbox.counts, inbox.cursor]);
    }
    for (const [type, data, id] of source.blocks.splice(0, n)) {
      if (!source.closed) source.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data), lastEventId: id }));
    }
  }

  /** #drain lets everything that is on its way arrive. */
  async #drain() {
    for (let i = 0; i < 3; i++) {
      for (const source of [...this.#sources]) this.#deliver(source, Infinity);
      for (let n = 0; n < 4; n++) await turn();
    }
  }

  #cut(source) {
    if (source.opened && !source.closed) source.onerror();
  }

  async #up() {
    if (this.#downSince === null) return;
    const since = this.#machine.clock.now() - this.#downSince;
    if (since < LONG) await this.#machine.clock.advance(LONG - since);
    this.#downSince = null;
  }

  // The browser.

  async #open() {
    const world = this;
    const tab = this.#machine.tab();
    class Source extends EventTarget {
      constructor(url) {
        super();
        Object.assign(this, { url: new URL(url), inbox: world.#session });
        world.#sources.push(this);
      }
      dispatchEvent(event) { return event.type === "message" ? this.onmessage(event) : super.dispatchEvent(event); }
      close() {
        this.closed = true;
        const at = world.#sources.indexOf(this);
        if (at >= 0) world.#sources.splice(at, 1);
      }
    }
    const fetch = (url, { method, headers, body, signal }) => new Promise((resolve, reject) => {
      const request = { url: new URL(url), method, headers, body, resolve, reject, inbox: world.#session };
      world.#requests.push(request);
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    const client = new this.#Bellhop(
      { url: "http://gateway.test", pageSize: PAGE, transport: "eventsource" }, { ...tab.env, EventSource: Source, fetch });
    this.#tabs.push(Object.assign(tab, { client, frozen: false }));
  }

  /** #mark is what the person does in a tab. */
  #mark(client) {
    if (client.items.length === 0) return;
    const { seq } = this.#pick(client.items);
    const ways = [() => client.markRead(), () => client.markRead(seq), () => client.markRead([seq]), () => client.markUnread([seq]), () => client.remove(seq)];
    this.#pick(ways)().catch(() => {});
  }

  /** #look is for what may never be, at rest or not. */
  #look() {
    for (const { client } of this.#tabs) {
      const whose = new Set(client.items.map(({ channel }) => channel));
      if (whose.size > 1) this.#trouble ??= `one tab shows items of ${[...whose]}`;
      if (client.unread < 0) this.#trouble ??= `${client.unread} unread`;
    }
  }

  /** #rest lets everything arrive, and compares. */
  async #rest() {
    await this.#up();
    for (const tab of this.#tabs) this.#freeze(tab, false);
    for (let round = 0; round < 40; round++) {
      for (let n = this.#requests.length; n > 0; n--) this.#handle(0, false);
      while (this.#answers.length > 0) this.#answer(0, false);
      await this.#drain();
      if (round % 4 === 0) for (const source of this.#sources) if (source.opened) source.dispatchEvent(Object.assign(new Event("bellhop.ping"), { data: "{}", lastEventId: "" }));
      for (const { client } of this.#tabs) {
        if (client.status.state === "denied") client.reconnect();
        else if (round === 0 && !client.cursor.endsWith(this.#session.user)) client.refresh().catch(() => {});
      }
      const calm = this.#requests.length + this.#answers.length === 0 && this.#tabs.every((tab) => this.#wrong(tab) === "");
      if (calm && round > 2) return;
      await this.#machine.clock.advance(5_000);
    }
    this.#trouble ??= this.#tabs.map((tab) => this.#wrong(tab)).find(Boolean);
  }

  /** #wrong says how a tab differs from what it should show, "" if it doesn't. */
  #wrong({ client }) {
    const { state } = client.status;
    if (state !== "live") return `a tab is ${state}`;
    const want = this.#session;
    const show = ({ seq, read, data, channel }) => `${seq}/${data}${read ? "" : "*"}${channel === want.user ? "" : channel}`;
    const shown = client.items.map(show).join(" ");
    const items = client.inbox.hasMore ? want.items.slice(0, client.items.length) : want.items;
    const wanted = items.map(show).join(" ");
    if (shown !== wanted) return `a tab shows ${shown} and not ${wanted}`;
    return client.unread === want.unread ? "" : `a tab shows ${client.unread} unread and not ${want.unread}`;
  }

  #pick(list) {
    return list[this.#random(list.length)];
  }
}
