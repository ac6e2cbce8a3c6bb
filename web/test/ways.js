// A model of a network, and of a gateway as a page sees it: what a page gets by every
// way that there is, while both change at any moment. The client is run against it with
// random steps.
import assert from "node:assert/strict";
import { Answer, browserOf, CHANNELS } from "./answer.js";
import { Machine, settle } from "./fakes.js";

/** How often everything comes to rest and is compared, in steps. */
const REST = 50;

/** By then whatever happened must be over, in s: a way that has worked is given up at its second silence. */
const OVER = 400;

/** So long after a poll's first news the gateway ends it, in ms. */
const GATHER = 50;

/** Ways runs one page and says what it should have got. */
export class Ways {
  #random;
  #Bellhop;
  #machine = new Machine();
  #logs = new Map(CHANNELS.map((channel) => [channel, 0]));
  #got = new Map(CHANNELS.map((channel) => [channel, 0]));
  #responses = [];
  #mode = "straight";
  #downUntil = 0;
  #frozen = false;
  #tab;
  #client;
  #trouble = null; // the first rule that was broken
  /** By which ways events came, for whoever wants to know that all were tried. */
  used = new Set();

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
    this.#load();
    for (let step = 1; step <= steps; step++) {
      await this.#step();
      this.#serve();
      await settle();
      if (step % REST === 0) await this.#rest();
      if (this.#trouble) assert.fail(`step ${step}: ${this.#trouble}`);
    }
    this.#client.close();
  }

  async #step() {
    switch (this.#random(24)) {
      case 0: case 1: case 2: case 3: case 4:
        this.#publish();
        break;
      case 5: case 6: case 7: case 8: case 9: case 10:
        this.#deliver(this.#pick(this.#responses), 1 + this.#random(3));
        break;
      case 11: case 12: case 13:
        await this.#pass(this.#random(1_500));
        break;
      case 14: case 15:
        await this.#pass(this.#random(30_000));
        break;
      case 16:
        if (this.#random(4) === 0) await this.#pass(11 * 60_000); // until streams are looked at again
        break;
      case 17:
        this.#mode = this.#pick(["straight", "straight", "held", "shut"]);
        break;
      case 18: // one connection breaks, or dies without a word
        this.#lose(this.#pick(this.#responses));
        break;
      case 19:
        this.#restart();
        break;
      case 20:
        this.#freeze(!this.#frozen);
        break;
      case 21:
        this.#tab.window.fire("online");
        break;
      case 22:
        this.#client.reconnect();
        break;
      default:
        this.#load();
    }
  }

  // The gateway.

  #publish() {
    const channel = this.#pick(CHANNELS);
    this.#logs.set(channel, this.#logs.get(channel) + 1);
  }

  /** #serve has the gateway write what there is, and end polls that have said something. */
  #serve() {
    const now = this.#machine.clock.now();
    for (const r of this.#responses.filter(({ ended, closed, dead }) => !ended && !closed && !dead)) {
      for (;;) {
        const behind = CHANNELS.filter((channel) => r.at.get(channel) < this.#logs.get(channel));
        if (behind.length === 0) break;
        const channel = this.#pick(behind);
        r.at.set(channel, r.at.get(channel) + 1);
        r.say("message", { channel, seq: r.at.get(channel), type: "note", time: "", data: null });
      }
      if (!r.ready) r.say("bellhop.ready", { unread: 0, head: 0 });
      r.ready = true;
      if (now - r.beat >= r.heartbeat) {
        r.beat = now;
        r.unread.push({ type: "bellhop.ping", data: "{}", id: "" });
      }
      if (r.said > 1 || r.brought !== r.cursor) r.news ??= now;
      if (r.poll && (now - r.since >= r.poll || (r.news !== null && now - r.news >= GATHER))) r.ended = "end";
    }
  }

  /** #restart ends everything, in order or not, and is away for a while. */
  #restart() {
    const orderly = this.#random(2) === 0;
    for (const r of this.#responses) {
      if (r.ended || r.closed || r.dead) continue;
      if (orderly) r.say("bellhop.drain", {});
      else if (this.#random(2) === 0) r.unread = [];
      r.ended = orderly ? "end" : "cut";
    }
    this.#downUntil = this.#machine.clock.now() + this.#random(20_000);
  }

  #lose(r) {
    if (!r || r.ended) return;
    if (this.#random(2) === 0) r.unread = [];
    if (this.#random(2) === 0) r.ended = "cut";
    else r.dead = true;
  }

  // The network.

  /** #deliver lets a response bring what it has, so many blocks at most. */
  #deliver(r, n) {
    if (!r || !r.comes) return;
    if (!r.opened) {
      r.opened = true;
      r.open();
    }
    const blocks = r.unread.splice(0, n);
    if (blocks.length > 0) r.take(blocks);
    if (r.unread.length > 0 || !r.ended) return;
    this.#responses.splice(this.#responses.indexOf(r), 1);
    r.over(r.ended);
  }

  async #pass(ms) {
    const slice = ms > 60_000 ? 10_000 : 2_000;
    for (let left = ms; left > 0; left -= slice) {
      await this.#machine.clock.advance(Math.min(left, slice));
      this.#serve();
      if (ms < 2_000 || this.#random(3) > 0) continue;
      for (const r of [...this.#responses]) this.#deliver(r, Infinity);
    }
  }

  #ask(url, brought) {
    const { searchParams: q } = new URL(url);
    const look = q.get("heartbeat") === "5";
    const r = new Answer({
      brought, look, poll: 1_000 * Number(q.get("wait")), heartbeat: look ? 5_000 : 20_000, mode: this.#mode,
    }, this.#machine.clock.now());
    for (const [channel, seq] of r.at) {
      if (seq === undefined) this.#trouble ??= `it asks for ${channel} from nowhere`;
      else if (seq < this.#got.get(channel)) this.#trouble ??= `it asks for ${channel} from ${seq}, and has ${this.#got.get(channel)}`;
      else if (seq > this.#got.get(channel)) this.#trouble ??= `it asks for ${channel} from ${seq}, and has only ${this.#got.get(channel)}`;
    }
    this.#responses.push(r);
    const open = this.#responses.filter(({ closed, ended }) => !closed && !ended);
    if (open.filter((other) => other.look).length > 1 || open.filter((other) => !other.look).length > 1) this.#trouble ??= "two are open";
    return r;
  }

  /** #close is the page's end of a response. What is on its way may come late all the same. */
  #close(r) {
    r.closed = true;
    r.ended ||= "cut";
    if (this.#random(2) === 0) r.unread = [];
  }

  // The browser.

  /** #load has the page load, anew with the cursor that it kept. */
  #load() {
    const cursor = this.#client?.cursor || "0";
    this.#client?.close();
    this.#freeze(false);
    this.#tab = this.#machine.tab();
    const network = browserOf({
      isDown: () => this.#machine.clock.now() < this.#downUntil,
      ask: (url, brought) => this.#ask(url, brought),
      close: (answer) => this.#close(answer),
      random: this.#random,
    });
    this.#client = new this.#Bellhop(
      { url: "http://gateway.test", inbox: false, channels: CHANNELS, share: false, cursor },
      { ...this.#tab.env, ...network });
    const client = this.#client;
    client.on("*", ({ channel, seq }) => {
      if (client !== this.#client) this.#trouble ??= "a page that is gone hears";
      if (seq !== this.#got.get(channel) + 1) this.#trouble ??= `${channel} got ${seq} after ${this.#got.get(channel)}`;
      this.#got.set(channel, seq);
      this.used.add(client.status.transport);
    });
    client.on("bellhop.reset", () => { this.#trouble ??= "nothing was lost"; });
  }

  #freeze(frozen) {
    if (this.#frozen === frozen) return;
    this.#frozen = this.#tab.frozen = frozen;
    this.#tab.document.fire(frozen ? "freeze" : "resume");
  }

  /** #rest lets all that is under way come, through whatever network there is, and compares. */
  async #rest() {
    this.#freeze(false);
    this.#downUntil = 0;
    for (let s = 0; s < OVER && !this.#trouble; s++) {
      if (this.#wrong() === "") return;
      await this.#machine.clock.advance(1_000);
      this.#serve();
      for (const r of [...this.#responses]) this.#deliver(r, Infinity);
    }
    this.#trouble ??= this.#wrong() || null;
  }

  /** #wrong says how the page differs from what it should be, "" if it doesn't. */
  #wrong() {
    const { state } = this.#client.status;
    if (state !== "live") return `it is ${state}, and responses are ${this.#mode}`;
    for (const [channel, head] of this.#logs) {
      if (this.#got.get(channel) !== head) return `${channel} ends at ${head}, and ${this.#got.get(channel)} was got`;
    }
    return "";
  }

  #pick(list) {
    return list[this.#random(list.length)];
  }
}
