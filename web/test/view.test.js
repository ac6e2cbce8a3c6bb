// Lists of a part of the inbox, and counts of its parts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Counts } from "../src/bell/counts.js";
import { Muted } from "../src/bell/muted.js";
import { view } from "../src/view.js";
import { Machine, hold, json, settle } from "./fakes.js";
import { Server } from "./server.js";

/** start has an inbox of notes 1, 3 and likes 2, 4, all of them unread. */
async function start(prepare = () => {}) {
  const machine = new Machine();
  const server = new Server(machine.gateway);
  for (const type of ["note", "like", "note", "like"]) server.add(1, false, type);
  const { answers } = machine.gateway;
  answers.set("POST /v1/inbox/archive", ({ body }) => {
    const { seqs } = JSON.parse(body);
    server.archived = [...server.items.filter(({ seq }) => seqs.includes(seq)).map((item) => ({ ...item, read: true })), ...server.archived];
    server.items = server.items.filter(({ seq }) => !seqs.includes(seq));
    return json({ unread: server.unread, head: server.head });
  });
  answers.set("POST /v1/inbox/unarchive", ({ body }) => {
    const { seqs } = JSON.parse(body);
    server.items = [...server.items, ...server.archived.filter(({ seq }) => seqs.includes(seq))].sort((a, b) => b.seq - a.seq);
    server.archived = server.archived.filter(({ seq }) => !seqs.includes(seq));
    return json({ unread: server.unread, head: server.head });
  });
  prepare(server, machine);
  const { env } = machine.tab();
  const client = new Bellhop({ url: "http://gateway.test", pageSize: 3, share: false }, env);
  await settle();
  machine.gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
  await settle();
  return {
    ...machine, server, client, stream: machine.gateway.last,
    view: async (filter) => {
      const made = view(client, filter, () => {}, env);
      await settle();
      return made;
    },
    notice: async (change) => {
      machine.gateway.last.notice("read", { up_to: null, seqs: null, unread: server.unread, head: server.head, ...change }, { id: server.cursor });
      await settle();
    },
  };
}

const seqs = ({ inbox }) => inbox.items.map(({ seq, read }) => (read ? -seq : seq));

test("a view is filtered by the server, and takes only its types from the stream", async () => {
  const { client, server, stream, view } = await start();
  const likes = await view({ types: ["like", "poke"] });
  assert.equal(server.calls.at(-1), "limit=20&type=like%2Cpoke");
  assert.deepEqual([seqs(likes), seqs(client)], [[4, 2], [4, 3, 2]]);
  server.add(1, false, "note");
  stream.event("user:42", 5, { type: "note" });
  server.add(1, false, "like");
  stream.event("user:42", 6, { type: "like" });
  await settle();
  assert.deepEqual([seqs(likes), seqs(client)], [[6, 4, 2], [6, 5, 4, 3, 2]]);
  assert.equal(client.unread, 6);
});

test("an event that comes while a view is fetched for the first time is not lost", async () => {
  const { server, gateway, stream, view } = await start();
  const answer = json({ items: [], next: null, unread: 4, head: 4, cursor: server.cursor });
  let go;
  gateway.answers.set("GET /v1/inbox", () => new Promise((resolve) => { go = () => resolve(answer); }));
  const likes = await view({ types: ["like"] });
  stream.event("user:42", 5, { type: "like" });
  await settle();
  go();
  await settle();
  assert.deepEqual(seqs(likes), [5]);
});

test("what is done in a view shows there at once, and in the inbox by the stream", async () => {
  const { client, view, notice } = await start();
  const likes = await view({ types: ["like"] });
  const done = [likes.markRead([4]), likes.archive([2])];
  assert.deepEqual(seqs(likes), [-4]);
  await Promise.all(done);
  await notice({ change: "read", seqs: [4] });
  await notice({ change: "archived", seqs: [2] });
  assert.deepEqual([seqs(likes), seqs(client)], [[-4], [-4, 3]]);
});

test("the archive has what is archived elsewhere, and loses what comes back", async () => {
  const { client, clock, server, gateway, view, notice } = await start();
  const archive = await view({ archived: true });
  assert.deepEqual(seqs(archive), []);
  await client.archive([2, 3]);
  await notice({ change: "archived", seqs: [2, 3] });
  await clock.advance(3_000);
  assert.deepEqual([seqs(archive), seqs(client)], [[-3, -2], [4]]);
  server.add(1);
  gateway.last.event("user:42", 5);
  await settle();
  assert.deepEqual(seqs(archive), [-3, -2], "what arrives is not archived");
  const back = archive.unarchive([3]);
  assert.deepEqual(seqs(archive), [-2]);
  await back;
  await notice({ change: "other" });
  await clock.advance(3_000);
  assert.deepEqual([seqs(archive), seqs(client)], [[-2], [5, 4, -3]]);
});

test("a view that is closed, or whose person has gone, asks for nothing", async () => {
  const { client, clock, server, view, notice } = await start();
  const likes = await view({ types: ["like"] });
  likes.close();
  const before = server.calls.length;
  await notice({ change: "other" });
  await clock.advance(60_000);
  assert.equal(server.calls.slice(before).filter((call) => String(call).includes("type=")).length, 0);
  const others = await view({ types: ["like"] });
  client.close();
  await clock.advance(60_000);
  assert.deepEqual(seqs(others), [4, 2]);
});

test("a view marks and shows nothing of who signs in after its person", async () => {
  const { client, server, gateway, view } = await start();
  const likes = await view({ types: ["like"] });
  const list = gateway.answers.get("GET /v1/inbox");
  const go = hold(gateway, "GET /v1/inbox");
  const late = assert.rejects(likes.refresh(), { name: "BellhopError", final: true });
  await settle();
  gateway.last.event("user:42", 5, { type: "like" }); // the answer is too old, so it is asked for again
  gateway.last.notice("read", { change: "other", up_to: null, seqs: null, unread: 4, head: 5 });
  await settle();
  gateway.answers.set("GET /v1/inbox", list);
  server.user = "user:7";
  server.items = [];
  server.head = 0;
  server.add(5, false, "like");
  const ready = () => gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
  ready();
  await settle();
  assert.equal(client.status.state, "denied");
  client.reconnect();
  await settle();
  ready();
  await settle();
  assert.deepEqual([client.status.state, client.unread], ["live", 5]);
  await go();
  await late;
  const { length } = gateway.requests;
  for (const f of [() => likes.markRead([4]), () => likes.archive([4]), () => likes.remove(4), () => likes.loadMore(), () => likes.refresh()]) {
    await f().catch(({ name, final }) => assert.deepEqual([name, final], ["BellhopError", true]));
  }
  assert.equal(gateway.requests.length, length);
  assert.equal(server.unread, 5);
  assert.ok(likes.inbox.items.every(({ channel }) => channel === "user:42"));
});

test("a view goes on after a refusal that passes", async () => {
  const { client, clock, server, gateway, view } = await start();
  const likes = await view({ types: ["like"] });
  gateway.refusals.push(json({ detail: "the session is over" }, 401));
  gateway.last.cut();
  await clock.advance(5_000);
  assert.equal(client.status.state, "denied");
  server.add(1, false, "like");
  client.reconnect();
  await settle();
  gateway.last.event("user:42", 5, { type: "like" });
  gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
  await settle();
  assert.deepEqual([client.status.state, seqs(client), seqs(likes)], ["live", [5, 4, 3, 2], [5, 4, 2]]);
});

test("mutes are asked for once, turned one by one, and heard of from elsewhere", async () => {
  const { client, gateway, notice } = await start((server, { gateway: { answers } }) => {
    answers.set("GET /v1/inbox/preferences", () => json({ muted: ["like"] }));
    answers.set("PUT /v1/inbox/preferences", ({ body }) => json(JSON.parse(body)));
  });
  let told = 0;
  const muted = new Muted(client, () => told++);
  assert.equal(muted.types, null);
  await settle();
  assert.deepEqual([muted.types, told], [["like"], 1]);
  await muted.turn("note");
  assert.equal(gateway.requests.at(-1).body, '{"muted":["like","note"]}');
  await notice({ change: "muted", muted: ["note"] });
  assert.deepEqual(muted.types, ["note"]);
  const asked = () => gateway.requests.filter(({ method, path }) => method === "GET" && path.endsWith("/preferences")).length;
  assert.equal(asked(), 1);
  gateway.answers.set("GET /v1/inbox/preferences", () => json({ muted: ["note", "like"] }));
  await notice({ change: "other" });
  assert.deepEqual([muted.types, asked()], [["note", "like"], 2]);
  await muted.turn("like");
  await muted.turn("note");
  assert.equal(gateway.requests.at(-1).body, '{"muted":[]}');
  muted.end();
  await notice({ change: "muted", muted: ["like"] });
  assert.deepEqual(muted.types, []);
});

test("mutes that are turned at the same time are all turned", async () => {
  let kept = [];
  const { client } = await start((_, { gateway: { answers } }) => {
    answers.set("GET /v1/inbox/preferences", () => json({ muted: kept }));
    answers.set("PUT /v1/inbox/preferences", ({ body }) => {
      kept = JSON.parse(body).muted;
      return kept.includes("bad") ? json({ detail: "no" }, 422) : json({ muted: kept });
    });
  });
  const muted = new Muted(client, () => {});
  await settle();
  await Promise.all([muted.turn("like"), muted.turn("note")]);
  assert.deepEqual(kept, ["like", "note"]);
  const bad = muted.turn("bad");
  await Promise.all([assert.rejects(bad, { status: 422 }), muted.turn("like")]);
  assert.deepEqual([kept, muted.types], [["note"], ["note"]]);
});

test("where nothing can be muted nothing is known, and nothing breaks", async () => {
  const { client } = await start();
  const muted = new Muted(client, () => assert.fail("there is no such call"));
  await settle();
  assert.equal(muted.types, null);
});

test("events are counted without asking, changes by asking once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const listeners = new Map();
  let asked = 0;
  let answer = { unread: 3, unseen: 1, by_type: { note: 2, like: 1 }, head: 3 };
  const client = /** @type {any} */ ({
    on: (type, listener) => { listeners.set(type, listener); return () => listeners.delete(type); },
    request: async () => { asked++; return answer; },
  });
  let told = 0;
  const counts = new Counts(client, () => told++);
  const flush = () => new Promise((resolve) => process.nextTick(() => setImmediate(resolve)));
  await flush();
  const event = (seq, type) => listeners.get("*")({ channel: "user:42", seq, type });
  for (let seq = 2; seq <= 5; seq++) event(seq, "like");
  assert.deepEqual([counts.unseen, counts.of(["like"]), counts.of(["note", "like"]), asked], [3, 3, 5, 1]);
  listeners.get("bellhop.ready")({ unread: 5, head: 5 });
  t.mock.timers.tick(10_000);
  assert.equal(asked, 1, "it knows that already");

  counts.see();
  assert.deepEqual([counts.unseen, counts.of(["like"])], [0, 3]);
  event(6, "note");
  assert.equal(counts.unseen, 1);
  answer = { unread: 2, unseen: 1, by_type: { note: 1, like: 1 }, head: 6 };
  for (const change of ["seen", "read", "archived", "muted"]) listeners.get("bellhop.change")({ change });
  t.mock.timers.tick(150);
  await flush();
  assert.deepEqual([counts.unseen, counts.of(["like"]), asked], [1, 1, 2]);

  for (let seq = 7; seq < 7 + 101; seq++) event(seq, "note");
  t.mock.timers.tick(3_000);
  await flush();
  assert.equal(asked, 3, "no more than a hundred are kept here");
  counts.end();
  assert.equal(listeners.size, 0);
  assert.ok(told > 0);
});

test("counts of a new life are taken, though its seqs are lower", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const listeners = new Map();
  const asked = [];
  const client = /** @type {any} */ ({
    on: (type, listener) => { listeners.set(type, listener); return () => listeners.delete(type); },
    request: () => new Promise((resolve) => asked.push(resolve)),
  });
  const counts = new Counts(client, () => {});
  const answer = async (unread, head) => {
    asked.shift()({ unread, unseen: unread, by_type: { note: unread }, head });
    await new Promise((resolve) => process.nextTick(() => setImmediate(resolve)));
  };
  const shown = () => [counts.unseen, counts.of(["note"])];
  await answer(3, 300);
  listeners.get("*")({ channel: "user:42", seq: 301, type: "note" });
  counts.see();
  listeners.get("bellhop.change")({ change: "read" });
  t.mock.timers.tick(150);
  listeners.get("bellhop.reset")({ channel: "user:42", from: null, to: null });
  listeners.get("*")({ channel: "user:42", seq: 8, type: "note" });
  await answer(4, 301); // of the old one
  t.mock.timers.tick(3_000);
  await answer(1, 7);
  assert.deepEqual(shown(), [2, 2]);
  listeners.get("bellhop.reset")({ channel: "topic:a", from: null, to: null });
  t.mock.timers.tick(3_000);
  assert.deepEqual([shown(), asked.length], [[2, 2], 0]);
});
