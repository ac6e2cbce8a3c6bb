// Whose inbox it is: another window of the browser may sign in as somebody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Machine, hold, json, page, settle, sources } from "./fakes.js";
import { Server } from "./server.js";

const jwt = (sub) => `x.${Buffer.from(JSON.stringify({ sub })).toString("base64url")}.y`;

async function start({ options = {}, prepare = () => {}, env = {} } = {}) {
  const machine = new Machine();
  const server = new Server(machine.gateway);
  server.add(2);
  prepare(server);
  const tab = machine.tab();
  const open = async (more = {}) => {
    const client = new Bellhop({ url: "http://gateway.test", pageSize: 3, ...options, ...more }, { ...machine.tab().env, ...env });
    await settle();
    return client;
  };
  const client = new Bellhop({ url: "http://gateway.test", pageSize: 3, ...options }, { ...tab.env, ...env });
  const states = [];
  client.on("bellhop.status", ({ state }) => states.push(state));
  await settle();
  return { ...machine, machine, server, client, tab, states, open };
}

/** become makes the session, and so all answers, somebody else's. */
function become(server, user, events) {
  server.user = user;
  server.items = [];
  server.head = 0;
  server.add(events);
}

const DENIED = { state: "denied", reason: "somebody else is signed in" };

test("a stream that turns out to be somebody else's is given up for good", async () => {
  for (const what of ["ready", "event"]) {
    const { gateway, client, states, clock } = await start();
    gateway.last.ready("2.e1@user:42", { unread: 2, head: 2 });
    await settle();
    gateway.last.cut();
    await clock.advance(2_000);
    if (what === "event") gateway.last.event("user:7", 6);
    gateway.last.ready("6.e1@user:7", { unread: 6, head: 6 });
    gateway.last.event("user:7", 7);
    await settle();
    assert.deepEqual({ ...client.status }, DENIED);
    assert.equal(states.indexOf("live", states.indexOf("denied")), -1, `${states}`);
    assert.equal(gateway.open.length, 0);
    assert.equal(client.unread, 2, "what is shown is still ours");
    assert.deepEqual(client.items.map(({ channel }) => channel), ["user:42", "user:42"]);
    await clock.advance(600_000);
    assert.equal(gateway.streams.length, 2);
  }
});

test("a token that opens somebody else's stream is asked for again a few times, not for ever", async () => {
  const asked = [];
  const { gateway, client, states, clock } = await start({ options: { token: ({ renew }) => `t${asked.push(renew)}` } });
  for (let i = 0; i < 1_200; i++) {
    for (const stream of gateway.open) stream.ready("6.e1@user:7", { unread: 6, head: 6 });
    await clock.advance(500);
  }
  assert.deepEqual({ ...client.status }, DENIED);
  assert.ok(!states.includes("live"));
  assert.ok(gateway.streams.length > 1 && gateway.streams.length < 8, `${gateway.streams.length} streams in ten minutes`);
});

test("a cookie that another window took meanwhile is made anew of the token", async () => {
  const { made, Source } = sources();
  const { gateway, client } = await start({
    options: { transport: "eventsource", token: () => jwt("42") }, env: { EventSource: Source },
    prepare: ({ gateway: g }) => g.answers.set("POST /v1/session", () => new Response(null, { status: 204 })),
  });
  made[0].onopen();
  made[0].say("bellhop.ready", { unread: 6, head: 6 }, "6.e1@user:7");
  await settle();
  assert.ok(made[0].closed);
  made[1].onopen();
  made[1].say("bellhop.ready", { unread: 2, head: 2 }, "2.e1@user:42");
  await settle();
  assert.equal(client.status.state, "live");
  assert.equal(client.unread, 2);
  assert.equal(gateway.requests.filter(({ path }) => path === "/v1/session").length, 2);
});

test("a list of somebody else's inbox is not taken, and ends all", async () => {
  for (const call of ["refresh", "loadMore"]) {
    const { gateway, client, server } = await start({ prepare: (s) => s.add(3) });
    gateway.last.ready(server.cursor, { unread: 5, head: 5 });
    await settle();
    become(server, "user:7", 9);
    await assert.rejects(client[call](), { name: "BellhopError", message: "somebody else is signed in", final: true });
    await settle();
    assert.deepEqual({ ...client.status }, DENIED);
    assert.equal(gateway.open.length, 0);
    assert.ok(client.items.length === 3 && client.items.every(({ channel }) => channel === "user:42"));
    // Nothing more is sent, least of all what would change their inbox.
    const { length } = gateway.requests;
    for (const change of [client.markRead(), client.markUnread([1]), client.remove(1), client.refresh()]) await assert.rejects(change);
    assert.equal(gateway.requests.length, length);
  }
});

test("a change says whose inbox it means, and is taken back if that is not who is signed in", async () => {
  const { gateway, client, server } = await start();
  gateway.last.ready(server.cursor, { unread: 2, head: 2 });
  await settle();
  const mark = gateway.answers.get("POST /v1/inbox/read");
  gateway.answers.set("POST /v1/inbox/read", (request) =>
    (request.headers["Last-Event-ID"] === `0@${server.user}` ? mark(request) : json({ detail: "another inbox" }, 412)));
  await client.markRead([1]);
  assert.equal(client.unread, 1);
  become(server, "user:7", 9);
  await assert.rejects(client.markRead(), { final: true });
  assert.equal(server.unread, 9);
  assert.equal(client.unread, 1);
  assert.deepEqual({ ...client.status }, DENIED);
});

test("a 412 of somebody in between says nothing about who is signed in", async () => {
  const { gateway, client, server } = await start();
  gateway.last.ready(server.cursor, { unread: 2, head: 2 });
  await settle();
  gateway.answers.set("POST /v1/inbox/read", () => page(412));
  await assert.rejects(client.markRead([1]), { name: "BellhopError", status: 412, final: false });
  assert.equal(client.status.state, "live");
  assert.equal(gateway.open.length, 1);
});

test("reconnect goes on as who is signed in now, with nothing of who was before", async () => {
  const { gateway, client, server, tab } = await start();
  gateway.last.ready(server.cursor, { unread: 2, head: 2 });
  await settle();
  // A list of the first one is under way all the time.
  const list = gateway.answers.get("GET /v1/inbox");
  const late = hold(gateway, "GET /v1/inbox");
  client.refresh().catch(() => {});
  await settle();
  gateway.answers.set("GET /v1/inbox", list);
  become(server, "user:7", 1);
  gateway.last.ready(server.cursor, { unread: 1, head: 1 });
  await settle();
  assert.deepEqual({ ...client.status }, DENIED);
  // A page that is left and comes back is not asked to be somebody else.
  tab.document.fire("freeze");
  tab.document.fire("resume");
  await settle();
  assert.deepEqual({ ...client.status }, DENIED);
  client.reconnect();
  await settle();
  gateway.last.ready(server.cursor, { unread: 1, head: 1 });
  await settle();
  await late();
  assert.equal(client.status.state, "live");
  assert.equal(gateway.last.cursor, "1.e1@user:7");
  assert.deepEqual(client.items.map(({ channel, seq }) => [channel, seq]), [["user:7", 1]]);
  assert.equal(client.unread, 1);
  assert.equal(client.cursor, "1.e1@user:7");
});

test("a token of somebody else opens no stream and asks for nothing, whatever was given between", async () => {
  for (const between of [[], ["", "opaque"]]) {
    let who = jwt("42");
    let asked = 0;
    const { gateway, client, server, clock } = await start({ options: { token: () => { asked++; return who; } } });
    let length;
    for (const next of [...between, jwt("7")]) {
      gateway.last.ready(server.cursor, { unread: 2, head: 2 });
      await settle();
      who = next;
      ({ length } = gateway.requests);
      gateway.last.notice("expired", {});
      gateway.last.end();
      await clock.advance(2_000);
    }
    await clock.advance(600_000);
    assert.deepEqual({ ...client.status }, DENIED);
    await assert.rejects(client.markRead(), { final: true });
    assert.equal(gateway.requests.length, length);
    assert.equal(asked, 2 + between.length);
    assert.equal(client.unread, 2);
  }
});

test("reconnect as somebody else shows an empty inbox before anything of theirs", async () => {
  for (const pageSize of [0, 3]) {
    const { gateway, client, server } = await start({ options: { pageSize } });
    gateway.last.ready(server.cursor, { unread: 2, head: 2 });
    await settle();
    become(server, "user:7", 5);
    gateway.last.ready(server.cursor, { unread: 5, head: 5 });
    await settle();
    assert.deepEqual({ ...client.status }, DENIED);
    const told = [];
    client.on("bellhop.status", ({ state }) => told.push(state));
    client.on("bellhop.inbox", ({ items, unread, loaded }) => told.push([items.length, unread, loaded]));
    client.reconnect();
    assert.deepEqual(told, ["connecting", [0, 0, false]]);
    assert.deepEqual([client.status.state, client.items.length, client.unread], ["connecting", 0, 0]);
    for (let streams = 0; streams < 2; streams++) { // without a list the first one says which tabs to share with
      await settle();
      gateway.last.ready(server.cursor, { unread: 5, head: 5 });
    }
    await settle();
    assert.deepEqual([client.status.state, client.unread], ["live", 5]);
  }
});

test("an inbox whose channel is not spelled like the subject is ours all the same", async () => {
  const { gateway, client, clock } = await start({ options: { pageSize: 0, token: () => jwt("Jane Doe") } });
  gateway.last.ready("2.e1@user:~SmFuZSBEb2U", { unread: 2, head: 2 });
  await clock.advance(10_000);
  assert.equal(client.status.state, "live");
  assert.equal(gateway.streams.length, 1);
});

test("who could not say who they are at the start share, and are checked, once the stream has said it", async () => {
  const failing = (n, f) => () => { if (n-- > 0) throw new TypeError("not now"); return f(); };
  for (const trouble of ["token", "list"]) {
    const { gateway, client, server, clock, open } = await start({
      options: trouble === "token" ? { token: failing(2, () => jwt("42")) } : {},
      prepare: (s) => { if (trouble === "list") s.page = { status: 503 }; },
    });
    server.page = { status: 200 };
    await clock.advance(3_000);
    gateway.last.ready(server.cursor, { unread: 2, head: 2 });
    await settle();
    for (const stream of gateway.open) stream.ready(server.cursor, { unread: 2, head: 2 });
    await settle();
    assert.equal(client.status.state, "live", trouble);
    const other = await open(trouble === "token" ? { token: () => jwt("42") } : {});
    assert.equal(gateway.open.length, 1, trouble);
    assert.ok(!other.leader);
    gateway.last.event("user:7", 1);
    await settle();
    assert.notEqual(client.status.state, "live", trouble);
    assert.ok(client.items.every(({ channel }) => channel === "user:42"));
    client.close();
    other.close();
  }
});
