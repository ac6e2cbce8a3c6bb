// Networks, shells and pages in which streams do not pass.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Machine, json, settle, sources } from "./fakes.js";
import { Server } from "./server.js";

const OPTIONS = { url: "http://gateway.test", channels: ["topic:a"], inbox: false, share: false };

/** held is a fetch whose answers come when they have ended, as behind a proxy that reads them first. */
const held = (fetch) => async (url, options) => {
  const response = await fetch(url, options);
  return new Response(response.status === 204 ? null : await response.text(), { status: response.status, headers: response.headers });
};

/** replayed is a fetch that a page has wrapped to read a copy of each body. */
const replayed = (fetch) => async (url, options) => {
  const response = await fetch(url, options);
  await response.clone().text();
  return response;
};

/** native is React Native's: no body, and a word against caches becomes a parameter. */
const native = (fetch) => async (url, options) => {
  const response = await fetch(options.cache === "no-store" ? `${url}&_=1` : url, options);
  const { status, ok, headers } = response;
  return { status, ok, headers, text: () => response.text(), json: () => response.json() };
};

async function start(env = {}, options = {}, machine = new Machine()) {
  const tab = machine.tab();
  const client = new Bellhop({ ...OPTIONS, ...options }, { ...tab.env, ...(typeof env === "function" ? env(machine) : env) });
  const seqs = [];
  const states = [];
  client.on("*", ({ seq }) => seqs.push(seq));
  client.on("bellhop.status", ({ state }) => states.push(state));
  await settle();
  return { machine, gateway: machine.gateway, clock: machine.clock, tab, client, seqs, states };
}

/** polls lets a gateway answer as it does a poll: with what there is and then an end. */
function answer(gateway, f) {
  const { last } = gateway;
  assert.ok(last.request.query.get("wait"), "a poll");
  f(last);
  last.end();
}

const waiting = class { addEventListener() {} close() { this.closed = true; } };

for (const [what, wrap, more] of [
  ["a proxy that holds a response until it ends", held, { EventSource: waiting }],
  ["a wrapped fetch that reads a copy of each body", replayed, {}],
  ["a shell whose fetch answers at the end, without EventSource", held, {}],
  ["React Native", native, { Response: class {}, ReadableStream: undefined, TextDecoder: undefined }],
]) {
  test(`${what}: every event within 45 s, then within the second`, async () => {
    const { gateway, clock, client, seqs, states } = await start((machine) => ({ fetch: wrap(machine.gateway.fetch), ...more }));
    for (let seconds = 0; !gateway.last.request.query.get("wait"); seconds++) {
      assert.ok(seconds < 40, "nothing came, and nothing else was tried");
      await clock.advance(1_000);
    }
    assert.equal(gateway.open.length, 1, "what did not work is given up");
    answer(gateway, (poll) => { poll.event("topic:a", 1); poll.ready("1.e1@topic:a", {}); });
    await settle();
    assert.deepEqual(client.status, { state: "live", transport: "poll" });
    await clock.advance(500);
    assert.equal(gateway.last.request.query.get("wait"), "25");
    assert.equal(gateway.last.cursor, "1.e1@topic:a");
    await clock.advance(20_000);
    answer(gateway, (poll) => { poll.ready("1.e1@topic:a", {}); poll.event("topic:a", 2); });
    await settle();
    assert.deepEqual(seqs, [1, 2]);
    assert.equal(gateway.last.cursor, "2.e1@topic:a", "the next one is there at once, whatever timers do");
    assert.equal(states.filter((state) => state === "live").length, states.length - states.indexOf("live"), "and all is well in between");
    const polls = gateway.streams.length;
    for (let n = 3; n < 13; n++) {
      if (gateway.open.length > 0) answer(gateway, (poll) => { poll.ready("", {}); poll.event("topic:a", n); });
      await clock.advance(100);
    }
    assert.ok(gateway.streams.length - polls <= 3, "and no more than two a second");
    client.close();
    assert.deepEqual(clock.waits, []);
    assert.equal(gateway.open.length, 0);
  });
}

test("where fetch does not stream but EventSource does, that is used", async () => {
  const { made, Source } = sources();
  const { gateway, clock, client } = await start((machine) => ({ fetch: replayed(machine.gateway.fetch), EventSource: Source }));
  await clock.advance(10_000);
  assert.equal(gateway.open.length, 0);
  made[0].onopen();
  made[0].say("bellhop.ready", {}, "1.e@topic:a");
  assert.deepEqual(client.status, { state: "live", transport: "eventsource" });
});

test("an EventSource that gets no cookie is no reason to be denied", async () => {
  const { made, Source } = sources();
  for (const status of [204, 401]) {
    const { gateway, clock, client } = await start((machine) => ({ fetch: held(machine.gateway.fetch), EventSource: Source }), { token: () => "t" });
    gateway.answers.set("POST /v1/session", () => (status === 204 ? new Response(null, { status }) : json({ detail: "no" }, status)));
    await clock.advance(10_000);
    if (status === 204) {
      gateway.refusals.push(json({ detail: "no cookie came" }, 401));
      made.at(-1).onerror();
      await settle();
    }
    answer(gateway, (poll) => poll.ready("1.e@topic:a", {}));
    await settle();
    assert.equal(client.status.transport, "poll");
    client.close();
  }
});

test("what worked is begun with by the next page, for an hour, and not at another gateway", async () => {
  const first = await start((machine) => ({ fetch: held(machine.gateway.fetch) }));
  const { machine, gateway, clock } = first;
  const env = { fetch: held(gateway.fetch) };
  await clock.advance(10_000);
  answer(gateway, (poll) => poll.ready("1.e@topic:a", {}));
  await settle();
  first.client.close();
  const transport = async (options) => {
    const { client } = await start(env, options, machine);
    const poll = gateway.last.request.query.get("wait");
    client.close();
    return poll ? "poll" : "stream";
  };
  assert.equal(await transport(), "poll");
  assert.equal(await transport({ url: "http://other.test" }), "stream");
  assert.equal(await transport({ transport: "fetch" }), "stream");
  clock.jump(3_600_000);
  assert.equal(await transport(), "stream");
});

test("a browser that blocks storage costs the memory, not the stream", async () => {
  const storage = () => { throw new DOMException("not in this frame", "SecurityError"); };
  const { gateway, clock, client } = await start((machine) => ({ fetch: held(machine.gateway.fetch), storage }));
  await clock.advance(10_000);
  answer(gateway, (poll) => poll.ready("1.e@topic:a", {}));
  await settle();
  assert.equal(client.status.transport, "poll");
  client.reconnect();
  await settle();
  assert.ok(gateway.last.request.query.get("wait"), "this page knows");
});

test("while polls are used streams are looked at now and then, and taken when they carry what comes late", async () => {
  let passes = false;
  const { gateway, clock, client } = await start((machine) => ({ fetch: (...args) => (passes ? machine.gateway.fetch : held(machine.gateway.fetch))(...args) }));
  await clock.advance(10_000);
  answer(gateway, (poll) => poll.ready("1.e@topic:a", {}));
  await settle();
  const looks = () => gateway.streams.filter(({ request }) => request.query.get("heartbeat")).length;
  const run = async (minutes) => {
    for (let i = 0; i < minutes * 3; i++) {
      await clock.advance(20_000);
      const open = gateway.open.find(({ request }) => request.query.get("wait"));
      if (!open) continue;
      open.ready("1.e@topic:a", {});
      open.end();
      await clock.advance(500);
    }
  };
  await run(31);
  assert.equal(looks(), 3, "each ten minutes or so");
  assert.equal(client.status.transport, "poll");
  passes = true;
  while (looks() === 3) await run(1);
  const look = gateway.streams.findLast(({ request }) => request.query.get("heartbeat"));
  if (!look.isOpen) await run(11);
  const next = gateway.open.find(({ request }) => request.query.get("heartbeat"));
  next?.send(": hi\n\n");
  await clock.advance(5_000);
  next?.send(": hb\n\n");
  await settle();
  gateway.last.ready("1.e@topic:a", {});
  await settle();
  assert.deepEqual(client.status, { state: "live", transport: "fetch" });
  assert.equal(gateway.open.length, 1);
  client.close();
  assert.deepEqual(clock.waits, []);
});

test("a way that has worked is doubted before it is left: a gateway that stands still is no proxy", async () => {
  const { gateway, clock, client } = await start();
  gateway.last.ready("1.e@topic:a", {});
  await clock.advance(20_000);
  gateway.last.send(": hb\n\n");
  await settle();
  gateway.refusals.push(new Promise(() => {}));
  gateway.last.cut();
  await clock.advance(2_000 + 10_000);
  assert.equal(client.status.reason, "silence");
  while (gateway.streams.length === 1) await clock.advance(1_000);
  gateway.last.ready("1.e@topic:a", {});
  await settle();
  assert.deepEqual(client.status, { state: "live", transport: "fetch" });
});

test("a stream that lets only its beginning pass is left", async () => {
  const { gateway, clock, client } = await start();
  gateway.last.send(": hi\n\n");
  gateway.last.ready("1.e@topic:a", {});
  await clock.advance(50_000);
  assert.ok(gateway.last.request.query.get("wait"));
  assert.notEqual(client.status.state, "live");
});

test("a poll that fails is tried again like anything else, from there", async () => {
  const { gateway, clock, client, seqs } = await start({}, { transport: "poll" });
  answer(gateway, (poll) => { poll.event("topic:a", 1); poll.ready("1.e1@topic:a", {}); });
  await clock.advance(500);
  gateway.last.cut();
  await settle();
  assert.equal(client.status.state, "retrying");
  await clock.advance(3_000);
  assert.equal(gateway.last.request.query.get("wait"), "2", "it tells soon that all is well again");
  assert.equal(gateway.last.cursor, "1.e1@topic:a");
  answer(gateway, (poll) => poll.send(": hi\n\n"));
  const polls = gateway.streams.length;
  while (gateway.streams.length === polls) await clock.advance(1_000);
  assert.equal(gateway.last.request.query.get("wait"), "25", "one that ended before it was ready gets more time");
  await clock.advance(35_000);
  assert.equal(client.status.reason, "silence");
  assert.deepEqual(seqs, [1]);
});

test("what the gateway says in a poll is kept", async () => {
  const { gateway, clock, client } = await start({}, { transport: "poll", token: ({ renew }) => (renew ? "new" : "old") });
  answer(gateway, (poll) => poll.notice("refused", { reason: "user_streams" }, { retry: 60_000 }));
  await settle();
  assert.deepEqual([client.status.state, client.status.reason], ["waiting", "user_streams"]);
  await clock.advance(60_000);
  answer(gateway, (poll) => { poll.ready("", {}); poll.notice("expired", {}); });
  await clock.advance(1_000);
  assert.equal(gateway.last.request.headers.Authorization, "Bearer new");
});

test("what may have been told between two polls is looked up", async () => {
  const machine = new Machine();
  const server = new Server(machine.gateway);
  server.add(3, true);
  const { gateway, clock, client } = await start({}, { transport: "poll", inbox: true, channels: [] }, machine);
  const ready = (poll) => poll.ready(server.cursor, { unread: server.unread, head: server.head });
  answer(gateway, ready);
  await clock.advance(500);
  server.remove(3);
  answer(gateway, (poll) => {
    ready(poll);
    poll.notice("read", { change: "removed", up_to: 0, seqs: [3], unread: 0, head: 3 }, { id: server.cursor });
  });
  server.remove(2); // and nobody listens
  await clock.advance(500);
  answer(gateway, ready);
  await clock.advance(3_000);
  assert.deepEqual(client.items.map(({ seq }) => seq), [1]);
});

test("tabs share polls too, and say so", async () => {
  const machine = new Machine();
  const env = () => ({ fetch: held(machine.gateway.fetch) });
  const { gateway, clock } = machine;
  const a = await start((m) => ({ ...env(m) }), { share: true }, machine);
  const b = await start((m) => ({ ...env(m) }), { share: true }, machine);
  await clock.advance(10_000);
  answer(gateway, (poll) => poll.ready("0.e1@topic:a", {}));
  await settle();
  assert.deepEqual(b.client.status, { state: "live", transport: "poll" });
  await clock.advance(500);
  answer(gateway, (poll) => { poll.ready("", {}); poll.event("topic:a", 1); });
  await settle();
  assert.deepEqual([a.seqs, b.seqs], [[1], [1]]);
  await clock.advance(500);
  assert.equal(gateway.open.length, 1);
});

test("a fetch that the page brings is used, and one that turns out not to stream is not waited for", async () => {
  const machine = new Machine();
  let used = 0;
  const fetch = (...args) => { used++; return native(machine.gateway.fetch)(...args); };
  const { gateway, client } = await start({ fetch: () => assert.fail("the browser's"), ReadableStream: undefined }, { fetch }, machine);
  assert.equal(used, 2);
  answer(gateway, (poll) => poll.ready("", {}));
  await settle();
  assert.equal(client.status.transport, "poll");
});

test("a gateway that knows no polls denies nobody: streams are tried on", async () => {
  const { gateway, clock, client, states } = await start();
  await clock.advance(9_000);
  gateway.refusals.push(json({ detail: "wait: there is no such parameter" }, 400));
  await clock.advance(15_000);
  assert.ok(!states.includes("denied"));
  gateway.last.ready("1.e@topic:a", {});
  await settle();
  assert.deepEqual(client.status, { state: "live", transport: "fetch" });
});
