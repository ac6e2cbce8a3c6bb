// Clocks, tokens that are not valid yet, pages that are rendered ahead, large numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { timed } from "../src/page.js";
import { Machine, json, settle } from "./fakes.js";
import { Server } from "./server.js";

const jwt = (claims) => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;

/** start opens a client with an inbox of three in a browser whose clock is ahead of the server's. */
async function start(options = {}, { ahead = 0, dated = true } = {}, prepare = () => {}) {
  const machine = new Machine();
  const { gateway, clock } = machine;
  const server = new Server(gateway);
  server.add(3);
  const tab = machine.tab();
  prepare(tab, gateway);
  const fetch = async (...args) => {
    const response = await gateway.fetch(...args);
    if (dated) response.headers.set("Date", new Date(clock.now() - ahead).toUTCString());
    return response;
  };
  const client = new Bellhop({ url: "http://gateway.test", ...options }, { ...tab.env, fetch });
  await settle();
  const ready = () => gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
  return { machine, gateway, clock, server, tab, client, ready };
}

const HOUR = 3_600_000;

test("a clock that is two hours ahead costs no token", async () => {
  for (const dated of [true, false]) {
    let asked = 0;
    const issued = new Machine().clock.now() - 2 * HOUR;
    const token = () => { asked++; return jwt({ sub: "42", exp: (issued + HOUR) / 1000 }); };
    const { ready, client, clock, gateway } = await start({ token }, { ahead: 2 * HOUR, dated });
    ready();
    await settle();
    for (let i = 0; i < 5; i++) await client.markRead([1]);
    await client.refresh();
    assert.equal(asked, 1, dated ? "the server has said what time it is" : "or nobody has");
    assert.equal(client.status.state, "live");
    if (!dated) continue;
    // And it is asked for again when it ends, by the server's clock.
    for (let minute = 0; minute < 60; minute++) {
      gateway.last.send(": hb\n\n");
      await clock.advance(20_000);
      gateway.last.send(": hb\n\n");
      await clock.advance(40_000);
    }
    await client.refresh();
    assert.equal(asked, 2);
    client.close();
  }
});

test("an answer that was held on its way does not tell the time", async () => {
  const env = { now: () => now, fetch: async () => {
    const date = new Date(now).toUTCString();
    now += held;
    return new Response("", { headers: { Date: date } });
  } };
  let now = 1_700_000_000_000;
  let held = 0;
  const it = timed(env);
  for (held of [0, 4_000, 40_000]) await it.fetch("");
  assert.equal(it.serverNow(), now);
});

test("a token that is not valid yet is tried again until it is, and not asked for", async () => {
  let asked = 0;
  let valid = false;
  const early = () => json({ detail: "not valid yet", code: "token_not_yet_valid" }, 401);
  const { gateway, clock, client, server, ready } = await start({ token: () => { asked++; return "t"; } }, {}, (_, g) => {
    const list = g.answers.get("GET /v1/inbox");
    g.answers.set("GET /v1/inbox", (request) => (valid ? list(request) : early()));
    for (let i = 0; i < 4; i++) g.refusals.push(early());
  });
  assert.equal(client.status.state, "retrying");
  assert.equal(client.status.httpStatus, 401);
  while (gateway.refusals.length > 0) await clock.advance(1_000);
  assert.notEqual(client.status.state, "denied");
  valid = true;
  for (let stream = 0; stream < 2; stream++) { // alone until it is known whose inbox it is
    while (gateway.open.length === 0) await clock.advance(1_000);
    ready();
    await settle();
  }
  await clock.advance(3_000);
  assert.equal(client.status.state, "live");
  assert.equal(client.items.length, server.items.length);
  assert.equal(asked, 1);
});

test("a page that is rendered ahead begins when people see it", async () => {
  let asked = 0;
  const { gateway, clock, client, tab } = await start({ token: () => { asked++; return "t"; } }, {}, (t) => { t.document.prerendering = true; });
  client.reconnect();
  await clock.advance(60_000);
  assert.equal(gateway.requests.length + asked, 0);
  tab.document.prerendering = false;
  tab.document.fire("prerenderingchange");
  await settle();
  assert.equal(gateway.open.length, 1);
  assert.equal(asked, 1);
  client.close();
  assert.equal(tab.document.listeners, 0);
});

test("parse keeps what numbers can't hold, on streams and in lists", async () => {
  const parse = (text) => JSON.parse(text.replace(/:(\d{16,})/g, `:"$1"`));
  const { gateway, client, ready } = await start({ parse }, {}, (_, g) => {
    const list = g.answers.get("GET /v1/inbox");
    g.answers.set("GET /v1/inbox", async (request) => new Response((await (await list(request)).text()).replace(/"n":1}/, `"n":9007199254740993}`)));
  });
  const seen = [];
  client.on("note", ({ seq, data }) => seen.push([seq, data.n]));
  ready();
  gateway.last.send(`event: note\ndata: {"channel":"user:42","seq":4,"type":"note","time":"","data":{"n":9007199254740993}}\nid: 4.e1@user:42\n\n`);
  await settle();
  assert.deepEqual(seen, [[4, "9007199254740993"]]);
  assert.equal(client.items.at(-1).data.n, "9007199254740993");
});

test("a leader whose timers stand still is woken by a tab that people look at", async () => {
  const machine = new Machine();
  const options = { url: "http://gateway.test", channels: ["topic:a"], inbox: false };
  const a = machine.tab();
  a.isHidden = true;
  // A hidden page's timers ring once a minute.
  const slow = { ...a.env, setTimeout: (f, ms) => a.env.setTimeout(f, Math.ceil((ms + 1) / 60_000) * 60_000) };
  new Bellhop(options, slow);
  await settle();
  machine.gateway.last.ready("1.e1@topic:a", {});
  await settle();
  const b = machine.tab();
  const client = new Bellhop(options, b.env);
  await settle();
  machine.gateway.last.notice("drain", {}, { retry: 2_000, id: "1.e1@topic:a" });
  machine.gateway.last.end();
  await machine.clock.advance(5_000);
  assert.equal(machine.gateway.open.length, 1, "within seconds of the time that the leader meant");
  machine.gateway.last.ready("1.e1@topic:a", {});
  await settle();
  assert.equal(client.status.state, "live");
});
