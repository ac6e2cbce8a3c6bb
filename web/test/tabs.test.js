// Tabs of one browser, who share a stream.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Machine, json, settle } from "./fakes.js";
import { Server } from "./server.js";

const OPTIONS = { url: "http://gateway.test", channels: ["room:1"], inbox: false };

const jwt = (sub) => () => `x.${Buffer.from(JSON.stringify({ sub })).toString("base64url")}.y`;

/** Tab is one with a client, and what that has said. */
async function open(machine, options = {}) {
  const tab = machine.tab();
  const client = new Bellhop({ ...OPTIONS, ...options }, tab.env);
  const seqs = [];
  const resets = [];
  client.on("*", (event) => seqs.push(event.seq));
  client.on("bellhop.reset", (reset) => resets.push(reset));
  await settle();
  return { ...tab, tab, client, seqs, resets };
}

/** pair opens two tabs on a live stream that has brought 1 and 2. */
async function pair(options) {
  const machine = new Machine();
  const a = await open(machine, options);
  const { gateway } = machine;
  gateway.last.ready("0.e1@room:1", {});
  gateway.last.event("room:1", 1);
  await settle();
  const b = await open(machine, options);
  gateway.last.event("room:1", 2);
  await settle();
  return { machine, gateway, clock: machine.clock, a, b };
}

test("one stream serves all tabs", async () => {
  const { gateway, a, b } = await pair();
  assert.equal(gateway.streams.length, 1);
  assert.deepEqual([a.client.leader, b.client.leader], [true, false]);
  assert.deepEqual([a.client.status.state, b.client.status.state], ["live", "live"]);
  assert.deepEqual(a.seqs, [1, 2]);
  assert.deepEqual(b.seqs, [2]);
  assert.equal(b.client.cursor, a.client.cursor);
});

test("when the leader closes, another one goes on where it is", async () => {
  const { gateway, a, b } = await pair();
  a.client.close();
  await settle();
  assert.equal(gateway.open.length, 1);
  assert.equal(gateway.last.cursor, "2.e1@room:1");
  assert.ok(b.client.leader);
  gateway.last.event("room:1", 3);
  gateway.last.ready("3.e1@room:1", {});
  await settle();
  assert.deepEqual(b.seqs, [2, 3]);
  assert.deepEqual(a.seqs, [1, 2]);
});

test("when the leader is frozen or left, another one goes on, and it catches up", async () => {
  const { gateway, a, b } = await pair();
  a.document.fire("freeze");
  await settle();
  assert.ok(b.client.leader);
  gateway.last.event("room:1", 3);
  gateway.last.ready("3.e1@room:1", {});
  await settle();
  a.document.fire("resume");
  await settle();
  assert.ok(!a.client.leader);
  assert.equal(gateway.last.cursor, "2.e1@room:1", "the stream went back for it");
  assert.equal(gateway.open.length, 1);
  gateway.last.event("room:1", 3);
  gateway.last.event("room:1", 4);
  gateway.last.ready("4.e1@room:1", {});
  await settle();
  assert.deepEqual(a.seqs, [1, 2, 3, 4]);
  assert.deepEqual(b.seqs, [2, 3, 4], "nothing twice");
});

test("a follower that was away and missed nothing costs nothing", async () => {
  const { gateway, b } = await pair();
  b.document.fire("freeze");
  b.document.fire("resume");
  await settle();
  assert.equal(gateway.streams.length, 1);
  gateway.last.event("room:1", 3);
  await settle();
  assert.deepEqual(b.seqs, [2, 3]);
});

test("a leader that is frozen without a word is replaced by a tab that people look at", async () => {
  const { machine, gateway, clock, a, b } = await pair();
  a.tab.frozen = true;
  b.tab.isHidden = true;
  b.document.fire("visibilitychange");
  await clock.advance(10_000);
  assert.ok(!b.client.leader, "nobody looks at it");
  b.tab.isHidden = false;
  b.document.fire("visibilitychange");
  await clock.advance(2_500);
  assert.ok(b.client.leader);
  assert.equal(gateway.last.cursor, "2.e1@room:1");
  gateway.last.event("room:1", 3);
  gateway.last.ready("3.e1@room:1", {});
  await settle();
  assert.deepEqual(b.seqs, [2, 3]);
  // It wakes up, finds that it leads no more, and has nothing open.
  a.tab.frozen = false;
  await settle();
  assert.ok(!a.client.leader);
  assert.equal(gateway.open.length, 1);
  const c = await open(machine);
  assert.ok(!c.client.leader);
});

test("a leader that stops while both are looked at is replaced too", async () => {
  const { clock, gateway, a, b } = await pair();
  for (let i = 0; i < 4; i++) {
    await clock.advance(20_000);
    gateway.last.send(": hb\n\n");
  }
  assert.ok(a.client.leader, "quiet is not dead");
  a.tab.frozen = true;
  await clock.advance(33_000);
  assert.ok(b.client.leader);
  assert.equal(gateway.last.cursor, "2.e1@room:1");
});

test("a leader that answers keeps its place", async () => {
  const { clock, a, b } = await pair();
  b.document.fire("visibilitychange");
  await clock.advance(10_000);
  assert.ok(a.client.leader);
  assert.ok(!b.client.leader);
});

test("a reset reaches every tab once", async () => {
  const { gateway, a, b } = await pair();
  b.document.fire("freeze");
  gateway.last.notice("reset", { channel: "room:1", from: 1, to: null }, { id: "0.e2@room:1" });
  gateway.last.event("room:1", 1, { epoch: "e2" });
  await settle();
  b.document.fire("resume");
  await settle();
  assert.equal(gateway.last.cursor, "2.e1@room:1");
  gateway.last.notice("reset", { channel: "room:1", from: 3, to: null }, { id: "0.e2@room:1" });
  gateway.last.event("room:1", 1, { epoch: "e2" });
  gateway.last.ready("1.e2@room:1", {});
  await settle();
  assert.deepEqual(a.seqs, [1, 2, 1]);
  assert.deepEqual(b.seqs, [2, 1]);
  assert.equal(a.resets.length, 1);
  assert.equal(b.resets.length, 1);
});

test("a tab with an older position than the others' makes the stream go back", async () => {
  const { machine, gateway, a, b } = await pair();
  const c = await open(machine, { cursor: "0" });
  assert.equal(gateway.last.cursor, "0@room:1");
  for (const seq of [1, 2]) gateway.last.event("room:1", seq);
  gateway.last.ready("2.e1@room:1", {});
  await settle();
  assert.deepEqual([a.seqs, b.seqs, c.seqs], [[1, 2], [2], [1, 2]]);
});

test("a later tab gets the newest values that the first one began with", async () => {
  const machine = new Machine();
  const options = { channels: ["raffle:1"] };
  await open(machine, options);
  const { last } = machine.gateway;
  last.event("raffle:1", 7, { type: "probability" });
  last.ready("7.r1@raffle:1", {});
  for (const seq of [8, 9]) last.event("raffle:1", seq, { type: "probability", epoch: "r1" });
  last.event("raffle:1", 10, { type: "winner", epoch: "r1" });
  await settle();
  const late = await open(machine, options);
  assert.deepEqual(late.seqs, [9, 10]);
  last.event("raffle:1", 11, { type: "probability", epoch: "r1" });
  await settle();
  assert.deepEqual(late.seqs, [9, 10, 11]);
});

test("a follower's reconnect is the leader's", async () => {
  const { gateway, b } = await pair();
  b.client.reconnect();
  await settle();
  assert.equal(gateway.streams.length, 2);
  assert.equal(gateway.open.length, 1);
});

test("tabs that differ in person, gateway or channels do not share", async () => {
  const machine = new Machine();
  for (const options of [
    {}, { channels: ["room:2"] }, { url: "http://other.test" }, { share: false },
    { token: jwt("mina") }, { token: jwt("jonas") }, { user: "zoe" },
    { token: () => { throw new Error("who knows"); } }, { token: () => "opaque" }, { token: () => "opaque" },
  ]) await open(machine, options);
  assert.equal(machine.gateway.streams.length, 9, "and one has no token");
  await open(machine, { token: jwt("jonas") });
  await open(machine, { channels: ["room:1"] });
  await open(machine, { user: "zoe", token: () => "opaque" });
  assert.equal(machine.gateway.streams.length, 9);
});

test("the order of channels does not matter", async () => {
  const machine = new Machine();
  await open(machine, { channels: ["room:1", "room:2"] });
  await open(machine, { channels: ["room:2", "room:1"] });
  assert.equal(machine.gateway.streams.length, 1);
});

test("where tabs can't find each other each has its own stream", async () => {
  const machine = new Machine();
  for (let i = 0; i < 2; i++) {
    const tab = machine.tab();
    const client = new Bellhop(OPTIONS, { ...tab.env, BroadcastChannel: undefined });
    await settle();
    assert.ok(client.leader);
  }
  assert.equal(machine.gateway.open.length, 2);
});

test("eight tabs without locks, as over plain http, share one stream, whoever goes or stops", async () => {
  const machine = new Machine();
  const { gateway, clock } = machine;
  let random = 0;
  const tabs = [];
  for (let i = 0; i < 8; i++) {
    const tab = machine.tab();
    const client = new Bellhop(OPTIONS, { ...tab.env, locks: undefined, random: () => (random = (random + 0.37) % 1) });
    const seqs = [];
    client.on("*", ({ seq }) => seqs.push(seq));
    tabs.push({ tab, client, seqs });
  }
  await clock.advance(2_000);
  let head = 0;
  const serve = async () => {
    assert.equal(gateway.open.length, 1);
    assert.equal(tabs.filter(({ client, tab }) => client.leader && !tab.frozen).length, 1);
    gateway.last.ready(`${head}.e1@room:1`, {});
    gateway.last.event("room:1", ++head);
    await settle();
  };
  await serve();
  // The leader closes.
  const [first] = tabs.splice(tabs.findIndex(({ client }) => client.leader), 1);
  first.client.close();
  await clock.advance(1_000);
  await serve();
  // The next one stops without a word, and wakes up when another one leads.
  const stopped = tabs.find(({ client }) => client.leader);
  stopped.tab.frozen = true;
  const shown = tabs.find((tab) => tab !== stopped);
  shown.tab.document.fire("visibilitychange");
  await clock.advance(2_500);
  assert.ok(shown.client.leader);
  stopped.tab.frozen = false;
  await clock.advance(3_000);
  await serve();
  await clock.advance(3_000);
  for (const { seqs } of tabs) assert.deepEqual(seqs, [1, 2, 3]);
  assert.equal(gateway.open.length, 1);
});

test("a lock that comes too late is given back", async () => {
  const machine = new Machine();
  const tab = machine.tab();
  let client;
  const locks = {
    request: (...args) => {
      const held = machine.locks.request(...args);
      queueMicrotask(() => client.close()); // before the lock is granted
      return held;
    },
  };
  client = new Bellhop(OPTIONS, { ...tab.env, locks });
  await settle();
  assert.equal(machine.gateway.open.length, 0);
  const next = await open(machine);
  assert.ok(next.client.leader);
  assert.equal(machine.gateway.open.length, 1);
});

test("a browser that forbids locks or channels costs the sharing, not the stream", async () => {
  const forbidden = () => { throw new DOMException("not in this frame", "SecurityError"); };
  for (const env of [
    { locks: { request: async () => forbidden() } },
    { BroadcastChannel: class { constructor() { forbidden(); } } },
  ]) {
    const machine = new Machine();
    const tab = machine.tab();
    const client = new Bellhop(OPTIONS, { ...tab.env, ...env });
    await settle();
    assert.ok(client.leader);
    machine.gateway.last.ready("1.e1@room:1", {});
    await settle();
    assert.equal(client.status.state, "live");
    tab.document.fire("freeze");
    await settle();
    assert.equal(machine.gateway.open.length, 0);
    tab.document.fire("resume");
    await settle();
    assert.equal(machine.gateway.open.length, 1);
    assert.equal(machine.gateway.last.cursor, "1.e1@room:1");
    client.close();
    await settle();
    assert.equal(machine.gateway.open.length, 0);
    assert.deepEqual(machine.clock.waits, [], "nothing is left to ask the other tabs");
  }
});

const INBOX = { inbox: true, channels: [] };

/** readers opens tabs that share an inbox. */
async function readers(n, { events = 2, options = {} } = {}) {
  const machine = new Machine();
  const server = new Server(machine.gateway);
  server.add(events);
  const tabs = [await open(machine, { ...INBOX, ...options })];
  machine.gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
  await settle();
  while (tabs.length < n) tabs.push(await open(machine, { ...INBOX, ...options }));
  return { machine, server, tabs, gateway: machine.gateway, clock: machine.clock };
}

test("a tab that comes back sees what was read meanwhile, though no event came", async () => {
  for (const pageSize of [20, 0]) {
    const { server, gateway, clock, tabs: [a, b] } = await readers(2, { options: { pageSize, token: jwt("42") } });
    assert.equal(b.client.unread, 2, "the count of a tab that never had a stream of its own");
    b.document.fire("freeze");
    await settle();
    server.mark({ up_to: 2 }, true);
    gateway.last.notice("read", { change: "read", up_to: 2, seqs: null, unread: 0, head: 2 }, { id: server.cursor });
    await settle();
    b.document.fire("resume");
    await settle();
    assert.equal(a.client.unread, 0);
    assert.equal(b.client.unread, 0);
    await clock.advance(3_000);
    assert.ok(b.client.items.every(({ read }) => read));
    assert.equal(gateway.streams.length, 1);
  }
});

test("a tab that comes back looks up what no count shows", async () => {
  const { server, clock, tabs: [, b] } = await readers(2);
  server.mark({ up_to: 1 }, true);
  await b.client.refresh();
  b.document.fire("freeze");
  server.remove(1);
  b.document.fire("resume");
  await clock.advance(3_000);
  assert.deepEqual(b.client.items.map(({ seq }) => seq), [2]);
});

test("a follower that is shown makes the leader look", async () => {
  const { gateway, clock, a, b } = await pair();
  clock.jump(600_000); // the machine slept, and its connections are gone
  b.document.fire("visibilitychange");
  await settle();
  assert.ok(a.client.leader);
  assert.equal(gateway.streams.length, 2);
  assert.equal(gateway.open.length, 1);
});

test("a leader whose page has no token lets another one lead", async () => {
  let broken = false;
  const token = (mine) => () => { if (broken && mine) throw new Error("this page is signed out"); return "t"; };
  const machine = new Machine();
  const { gateway, clock } = machine;
  const a = await open(machine, { user: "zoe", token: token(true) });
  const b = await open(machine, { user: "zoe", token: token(false) });
  gateway.last.ready("1.e1@room:1", {});
  await settle();
  assert.ok(a.client.leader);
  broken = true;
  gateway.last.notice("expired", {}, { id: "1.e1@room:1" });
  gateway.last.end();
  await clock.advance(10_000);
  assert.ok(b.client.leader);
  gateway.last.ready("1.e1@room:1", {});
  await settle();
  assert.deepEqual([a.client.status.state, b.client.status.state], ["live", "live"]);
  assert.equal(gateway.open.length, 1);
});

test("tabs none of which has a token take turns no faster than one would try", async () => {
  const machine = new Machine();
  let asked = 0;
  let broken = false;
  const token = () => { if (broken) { asked++; throw new Error("nobody is"); } return "t"; };
  for (let i = 0; i < 3; i++) await open(machine, { user: "zoe", token });
  broken = true;
  for (let second = 0; second < 300; second++) {
    // Some still have one, and learn that it is over.
    for (const stream of machine.gateway.open) {
      stream.notice("expired", {});
      stream.end();
    }
    await machine.clock.advance(1_000);
  }
  assert.ok(asked > 5 && asked < 70, `${asked} times in five minutes`);
});

test("a follower whose leader was denied takes its place with what it has itself", async () => {
  const machine = new Machine();
  const { gateway } = machine;
  const a = await open(machine, { user: "zoe", token: () => "old" });
  const b = await open(machine, { user: "zoe", token: () => "new" });
  gateway.refusals.push(json({ detail: "not yours" }, 403));
  a.client.reconnect();
  await settle();
  assert.deepEqual([a.client.status.state, b.client.status.state], ["denied", "denied"]);
  b.client.reconnect();
  await settle();
  assert.ok(b.client.leader);
  assert.equal(gateway.last.request.headers.Authorization, "Bearer new");
  assert.equal(gateway.open.length, 1);
});

test("a tab that comes after its leader was denied tries once itself", async () => {
  const machine = new Machine();
  const { gateway, clock } = machine;
  const server = new Server(gateway);
  server.add(2);
  const inbox = { inbox: true, channels: [] };
  const a = await open(machine, inbox);
  gateway.last.ready(server.cursor, { unread: 2, head: 2 });
  await settle();
  gateway.refusals.push(json({ detail: "the session is over" }, 401));
  gateway.last.cut();
  await clock.advance(10_000);
  assert.equal(a.client.status.state, "denied");
  // The person signs in again, in another tab.
  const b = await open(machine, inbox);
  gateway.last.ready(server.cursor, { unread: 2, head: 2 });
  await settle();
  assert.deepEqual([a.client.status.state, b.client.status.state], ["live", "live"]);
  assert.equal(gateway.open.length, 1);

  // Tabs none of which is let in do not take turns.
  gateway.refusals.push(...Array.from({ length: 50 }, () => json({ detail: "the session is over" }, 401)));
  gateway.last.cut();
  await clock.advance(10_000);
  const before = gateway.refusals.length;
  const others = [await open(machine, inbox), await open(machine, inbox)];
  await clock.advance(600_000);
  assert.equal(before - gateway.refusals.length, others.length);
  for (const { client } of [a, b, ...others]) assert.equal(client.status.state, "denied");
});

test("whenever the leader changes there is a notice, after which it is said", async () => {
  const { gateway, a, b } = await pair({ token: () => "t", user: "zoe" });
  gateway.refusals.push(json({ detail: "not yours" }, 403));
  a.client.reconnect();
  await settle();
  const seen = { a: [], b: [] };
  a.client.on("bellhop.status", () => seen.a.push(a.client.leader));
  b.client.on("bellhop.status", () => seen.b.push(b.client.leader));
  b.client.reconnect();
  await settle();
  assert.deepEqual([seen.a.at(-1), seen.b.at(-1)], [false, true]);
});

test("a tab that closes as it begins to lead gives the lock back", async () => {
  const machine = new Machine();
  const a = await open(machine);
  const b = await open(machine);
  b.client.on("bellhop.status", () => { if (b.client.leader) b.client.close(); });
  a.client.close();
  await settle();
  const c = await open(machine);
  assert.ok(c.client.leader);
  assert.equal(machine.gateway.open.length, 1);
});

test("many tabs that come and go lose and double nothing", async () => {
  // A small generator of its own, so that a failure can be repeated.
  for (let seed = 1; seed <= 20; seed++) {
    let state = seed;
    const random = (n) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % n;
    };
    const machine = new Machine();
    const { gateway } = machine;
    let head = 0;
    const served = new Map(); // stream: the newest seq it has sent
    const serve = () => {
      for (const stream of gateway.open) {
        if (!served.has(stream)) {
          const from = stream.cursor === "" ? head : Number.parseInt(stream.cursor, 10);
          for (let seq = from + 1; seq <= head; seq++) stream.event("room:1", seq);
          stream.ready(`${head}.e1@room:1`, {});
        } else {
          for (let seq = served.get(stream) + 1; seq <= head; seq++) stream.event("room:1", seq);
        }
        served.set(stream, head);
      }
    };
    const tabs = [];
    for (let step = 0; step < 60; step++) {
      const tab = tabs[random(Math.max(1, tabs.length))];
      switch (random(8)) {
        case 0:
          if (tabs.length < 5) tabs.push({ ...(await open(machine, { cursor: `${head}.e1@room:1` })), from: head });
          break;
        case 1:
          if (tab && tabs.length > 1 && random(2)) {
            tab.client.close();
            tabs.splice(tabs.indexOf(tab), 1);
          }
          break;
        case 2:
          tab?.document.fire("freeze");
          break;
        case 3:
          tab?.document.fire("resume");
          break;
        case 4:
          gateway.open[0]?.[random(2) ? "cut" : "end"]();
          break;
        case 5:
          await machine.clock.advance(random(4_000));
          break;
        default:
          head++;
      }
      if (random(3)) serve();
      if (random(2)) await settle();
    }
    for (const tab of tabs) tab.document.fire("resume");
    for (let i = 0; i < 6; i++) {
      await machine.clock.advance(5_000);
      serve();
    }
    await settle();
    for (const { seqs, from } of tabs) {
      assert.deepEqual(seqs, Array.from({ length: head - from }, (_, i) => from + 1 + i), `seed ${seed}`);
    }
    if (tabs.length > 0) assert.equal(gateway.open.length, 1, `seed ${seed}`);
    for (const { client } of tabs) client.close();
  }
});
