// The list and the count.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Machine, hold, json, settle } from "./fakes.js";
import { Server, item } from "./server.js";

async function start({ events = 0, options = {}, prepare = () => {} } = {}) {
  const machine = new Machine();
  const server = new Server(machine.gateway);
  server.add(events);
  prepare(server);
  const tab = machine.tab();
  const client = new Bellhop({ url: "http://gateway.test", pageSize: 3, share: false, ...options }, tab.env);
  await settle();
  return {
    ...machine, machine, server, client, tab,
    ready: async () => {
      machine.gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
      await settle();
    },
    seqs: () => client.items.map(({ seq, read }) => (read ? -seq : seq)),
  };
}

test("the stream begins where the list ends", async () => {
  const { gateway, client, ready, seqs } = await start({ events: 5 });
  assert.equal(gateway.last.cursor, "5.e1@user:42");
  assert.equal(gateway.last.request.query.get("inbox"), "true");
  await ready();
  assert.deepEqual(seqs(), [5, 4, 3]);
  assert.equal(client.unread, 5);
  assert.ok(client.inbox.hasMore && client.inbox.loaded && !client.inbox.loading);
});

test("an event adds one, a count is absolute", async () => {
  const { gateway, client, ready, seqs } = await start({ events: 2 });
  await ready();
  gateway.last.event("user:42", 3);
  gateway.last.event("user:42", 4);
  await settle();
  assert.equal(client.unread, 4);
  assert.deepEqual(seqs(), [4, 3, 2, 1]);
  // Somebody read three of them on a phone, before the fifth came.
  gateway.last.event("user:42", 5);
  gateway.last.notice("read", { change: "read", up_to: 3, seqs: null, unread: 1, head: 4 }, { id: "5.e1@user:42" });
  await settle();
  assert.equal(client.unread, 2);
  assert.deepEqual(seqs(), [5, 4, -3, -2, -1]);
  gateway.last.notice("read", { change: "unread", seqs: [1], unread: 3, head: 5 }, { id: "5.e1@user:42" });
  await settle();
  assert.equal(client.unread, 3);
  gateway.last.notice("read", { change: "removed", seqs: [4], unread: 2, head: 5 }, { id: "5.e1@user:42" });
  await settle();
  assert.equal(client.unread, 2);
  assert.deepEqual(seqs(), [5, -3, -2, 1]);
  // A ready that was on its way before says nothing new.
  gateway.last.ready("5.e1@user:42", { unread: 4, head: 4 });
  await settle();
  assert.equal(client.unread, 2);
});

test("snapshots are new when something changed, and only then", async () => {
  const { gateway, client, ready } = await start({ events: 2 });
  await ready();
  const before = client.inbox;
  assert.equal(client.inbox, before);
  assert.ok(Object.isFrozen(before) && Object.isFrozen(before.items));
  let told = 0;
  client.on("bellhop.inbox", (inbox) => { told++; assert.equal(inbox, client.inbox); });
  gateway.last.burst(() => {
    for (let seq = 3; seq < 10; seq++) gateway.last.event("user:42", seq);
  });
  await settle();
  assert.notEqual(client.inbox, before);
  assert.equal(before.items.length, 2);
  assert.equal(told, 1, "once for a whole replay");
});

test("older pages are appended, once each", async () => {
  const { client, server, ready, seqs } = await start({ events: 8 });
  await ready();
  assert.deepEqual(await Promise.all([client.loadMore(), client.loadMore()]), [3, 0]);
  assert.deepEqual(seqs(), [8, 7, 6, 5, 4, 3]);
  assert.equal(await client.loadMore(), 2);
  assert.equal(client.inbox.hasMore, false);
  assert.equal(await client.loadMore(), 0);
  assert.deepEqual(server.calls.filter((call) => typeof call === "string"), ["limit=3", "limit=3&before=6", "limit=3&before=3"]);
});

test("a page without items is not the end", async () => {
  const { client, gateway, ready } = await start({ events: 8 });
  await ready();
  const pages = [{ items: [], next: 5 }, { items: [], next: 4 }, { items: [item(3)], next: null }];
  gateway.answers.set("GET /v1/inbox", () => json({ unread: 8, head: 8, ...pages.shift() }));
  assert.equal(await client.loadMore(), 1);
  assert.equal(client.inbox.hasMore, false);
});

test("reading is shown at once, asked for, and counted by the server", async () => {
  const { client, server, ready, seqs } = await start({ events: 3 });
  await ready();
  const one = client.markRead([2]);
  assert.deepEqual(seqs(), [3, -2, 1]);
  assert.equal(client.unread, 2);
  await one;
  await client.markUnread([2]);
  assert.equal(client.unread, 3);
  await client.markRead();
  assert.deepEqual(server.calls.at(-1), { upTo: 3, seqs: [], read: true });
  assert.equal(client.unread, 0);
  assert.deepEqual(seqs(), [-3, -2, -1]);
  await client.remove(3);
  assert.deepEqual(seqs(), [-2, -1]);
  await client.markRead([]);
  await assert.rejects(client.markRead(Array.from({ length: 1001 }, (_, i) => i + 1)), RangeError);
});

test("what is archived leaves the list at once, and what is seen stays unread", async () => {
  const { client, gateway, ready, seqs } = await start({ events: 4 });
  await ready();
  gateway.answers.set("POST /v1/inbox/archive", () => json({ unread: 3, head: 4 }));
  const archived = client.archive([2]);
  assert.deepEqual(seqs(), [4, 3]);
  assert.equal(client.unread, 3);
  await archived;
  assert.deepEqual(gateway.requests.at(-1).body, '{"seqs":[2]}');
  // Another tab does the same with another one.
  gateway.last.notice("read", { change: "archived", seqs: [3], unread: 2, head: 4 }, { id: "4.e1@user:42" });
  await settle();
  assert.deepEqual(seqs(), [4]);
  gateway.answers.set("POST /v1/inbox/seen", () => json({ unread: 2, head: 4 }));
  await client.markSeen();
  assert.equal(gateway.requests.at(-1).body, '{"up_to":4}');
  gateway.last.notice("read", { change: "seen", up_to: 4, seqs: null, unread: 2, head: 4 }, { id: "4.e1@user:42" });
  await settle();
  assert.deepEqual(seqs(), [4]);
  assert.equal(client.unread, 2);
});

test("what has arrived while a list was fetched is seen too", async () => {
  const { gateway, client, server, ready } = await start({ events: 4 });
  await ready();
  const go = hold(gateway, "GET /v1/inbox");
  const refreshed = client.refresh();
  await settle();
  server.add(2);
  gateway.last.event("user:42", 5);
  gateway.last.event("user:42", 6);
  await settle();
  await go();
  await refreshed;
  gateway.answers.set("POST /v1/inbox/seen", () => json({ unread: 6, head: 6 }));
  await client.markSeen();
  assert.equal(gateway.requests.at(-1).body, '{"up_to":6}');
});

test("what comes back from the archive is fetched", async () => {
  const { client, gateway, server, ready, seqs, clock } = await start({ events: 2 });
  await ready();
  const [second] = server.items.splice(0, 1);
  gateway.last.notice("read", { change: "archived", seqs: [2], unread: 1, head: 2 }, { id: "2.e1@user:42" });
  await settle();
  assert.deepEqual(seqs(), [1]);
  gateway.answers.set("POST /v1/inbox/unarchive", () => {
    server.items.unshift({ ...second, read: true });
    return json({ unread: 1, head: 2 });
  });
  await client.unarchive([2]);
  gateway.last.notice("read", { change: "other", up_to: null, seqs: null, unread: 1, head: 2 }, { id: "2.e1@user:42" });
  await settle();
  await clock.advance(3000);
  assert.deepEqual(seqs(), [-2, 1]);
});

test("what is not archived stays where it is when it is put back", async () => {
  const { gateway, client, ready, seqs } = await start({ events: 3 });
  await ready();
  gateway.answers.set("POST /v1/inbox/unarchive", () => json({ unread: 3, head: 3 }));
  const done = client.unarchive([3]);
  assert.deepEqual([seqs(), client.unread], [[3, 2, 1], 3]);
  await done;
  assert.deepEqual([seqs(), client.unread], [[3, 2, 1], 3]);
});

test("all means what has arrived, not what came after the click", async () => {
  const { client, server, gateway, ready } = await start({ events: 2 });
  await ready();
  server.add(1);
  gateway.last.event("user:42", 3);
  await settle();
  server.add(1); // not here yet
  await client.markRead();
  assert.equal(server.calls.at(-1).upTo, 3);
  assert.equal(client.unread, 1);
});

test("what is refused is taken back", async () => {
  const { client, server, ready, seqs } = await start({ events: 3 });
  await ready();
  server.page = { status: 503, headers: { "Retry-After": "2" } };
  await assert.rejects(client.markRead(), { name: "BellhopError", status: 503, retryAfter: 2000, message: "not now" });
  assert.deepEqual(seqs(), [3, 2, 1]);
  assert.equal(client.unread, 3);
  await assert.rejects(client.remove(3));
  assert.deepEqual(seqs(), [3, 2, 1]);
  await assert.rejects(client.markUnread([1]));
  assert.equal(client.unread, 3);
});

test("our own change on the stream does not count twice", async () => {
  const { client, gateway, ready } = await start({ events: 3 });
  await ready();
  const request = client.markRead([3]);
  gateway.last.notice("read", { change: "read", seqs: [3], unread: 2, head: 3 }, { id: "3.e1@user:42" });
  await settle();
  assert.equal(client.unread, 2);
  await request;
  assert.equal(client.unread, 2);
});

test("changes in quick succession are counted once each", async () => {
  const { client, gateway, ready } = await start({ events: 3 });
  await ready();
  const counts = [];
  client.on("bellhop.inbox", ({ unread }) => { if (unread !== counts.at(-1)) counts.push(unread); });
  // The stream is told of each change before the answer to the next one comes.
  const answers = [];
  gateway.answers.set("POST /v1/inbox/read", () => new Promise((resolve) => answers.push(resolve)));
  const first = client.markRead([1]);
  const second = client.markRead([3]);
  await settle();
  gateway.last.notice("read", { change: "read", seqs: [1], unread: 2, head: 3 }, { id: "3.e1@user:42" });
  await settle();
  answers[0](json({ unread: 2, head: 3 }));
  await first;
  await settle();
  answers[1](json({ unread: 1, head: 3 }));
  await second;
  await settle();
  assert.deepEqual(counts, [1], "it never goes up again");
});

test("answers that overtake each other do not leave a wrong count", async () => {
  const { client, gateway, server, ready, clock } = await start({ events: 3 });
  await ready();
  const answers = [];
  gateway.answers.set("POST /v1/inbox/read", () => new Promise((resolve) => answers.push(resolve)));
  const first = client.markRead([1]);
  const second = client.markRead([3]);
  await settle();
  server.mark({ seqs: [1, 3] }, true);
  answers[1](json({ unread: 1, head: 3 }));
  await second;
  answers[0](json({ unread: 2, head: 3 })); // as it was before the other one
  await first;
  await clock.advance(3_000);
  assert.equal(client.unread, 1);
});

test("a list that does not come does not stop the stream, and is read later", async () => {
  const { gateway, client, server, ready, seqs } = await start({ events: 2, prepare: (s) => { s.page = { status: 503 }; } });
  assert.equal(gateway.last.cursor, "");
  assert.equal(client.inbox.error.status, 503);
  server.page = { status: 200 };
  gateway.last.event("user:42", 2);
  await ready();
  assert.deepEqual(seqs(), [2, 1]);
  assert.equal(client.unread, 2);
  assert.equal(client.inbox.error, undefined);
});

test("a list that is never answered is given up", async () => {
  const { gateway, client, clock } = await start({
    prepare: (s) => s.gateway.answers.set("GET /v1/inbox", ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))),
  });
  assert.equal(gateway.streams.length, 0);
  await clock.advance(15_000);
  assert.equal(gateway.streams.length, 1);
  assert.equal(client.inbox.error.status, 0);
});

test("a page that is frozen while it begins opens nothing before it is back", async () => {
  let answer;
  const { gateway, tab, client, server } = await start({
    events: 1,
    prepare: (s) => s.gateway.answers.set("GET /v1/inbox", ({ query }) => new Promise((resolve) => { answer = () => resolve(s.list(query)); })),
  });
  tab.document.fire("freeze");
  answer();
  await settle();
  assert.equal(gateway.open.length, 0);
  assert.equal(client.status.state, "paused");
  tab.document.fire("resume");
  await settle();
  assert.equal(gateway.open.length, 1);
  assert.equal(gateway.last.cursor, server.cursor);
});

test("what is read in one tab is read in the other by the word of the stream, whoever hears of it first", async () => {
  const { machine, gateway, client, ready } = await start({ events: 2, options: { share: true } });
  await ready();
  const other = new Bellhop({ url: "http://gateway.test", pageSize: 3 }, machine.tab().env);
  await settle();
  assert.equal(gateway.streams.length, 1);
  let answer;
  gateway.answers.set("POST /v1/inbox/read", () => new Promise((resolve) => { answer = () => resolve(json({ unread: 1, head: 2 })); }));
  const marked = other.markRead([2]);
  await settle();
  // A phone takes it back before we have our answer.
  gateway.last.notice("read", { change: "read", up_to: 0, seqs: [2], unread: 1, head: 2 }, { id: "2.e1@user:42" });
  gateway.last.notice("read", { change: "unread", up_to: 0, seqs: [2], unread: 2, head: 2 }, { id: "2.e1@user:42" });
  await settle();
  answer();
  await marked;
  await settle();
  for (const { items, unread } of [client, other]) {
    assert.deepEqual(items.map(({ read }) => read), [false, false]);
    assert.equal(unread, 2);
  }
});

test("events older than the list wait for their page", async () => {
  const { gateway, client, ready, seqs } = await start({ events: 7, options: { cursor: "0" } });
  for (let seq = 1; seq <= 7; seq++) gateway.last.event("user:42", seq);
  await ready();
  assert.deepEqual(seqs(), [7, 6, 5]);
  await client.loadMore();
  assert.deepEqual(seqs(), [7, 6, 5, 4, 3, 2]);
});

test("a list that is refused for good is told; signing in again goes on", async () => {
  const { gateway, client, server } = await start({ events: 1, prepare: (s) => { s.page = { status: 401 }; } });
  assert.equal(client.status.state, "denied");
  assert.equal(gateway.streams.length, 0);
  server.page = { status: 200 };
  client.reconnect();
  await settle();
  assert.equal(gateway.streams.length, 1);
});

test("a token is renewed for requests too", async () => {
  let n = 0;
  const { gateway } = await start({
    events: 1,
    options: { token: () => `t${++n}` },
    prepare: (s) => {
      const list = s.gateway.answers.get("GET /v1/inbox");
      s.gateway.answers.set("GET /v1/inbox", (r) => (r.headers.Authorization === "Bearer t1" ? json({}, 401) : list(r)));
    },
  });
  assert.equal(gateway.last.request.headers.Authorization, "Bearer t2");
});

test("a reset fetches anew, and what comes meanwhile stays", async () => {
  const { gateway, client, server, clock, ready, seqs } = await start({ events: 4 });
  await ready();
  server.items = [];
  server.head = 0;
  server.epoch = "e2";
  server.add(2);
  gateway.last.notice("reset", { channel: "user:42", from: null, to: null }, { id: "0.e2@user:42" });
  gateway.last.event("user:42", 1, { epoch: "e2" });
  gateway.last.event("user:42", 2, { epoch: "e2" });
  await settle();
  const calls = server.calls.length;
  await clock.advance(1_400);
  assert.equal(server.calls.length, calls, "not all clients at once");
  gateway.last.event("user:42", 3, { epoch: "e2", data: { n: "new" } }); // not in the list yet
  await clock.advance(2_000);
  assert.equal(client.items[0].data.n, "new", "not what had this seq before");
  assert.deepEqual(seqs(), [3, 2, 1]);
  assert.equal(client.unread, 3);
});

test("a count that the list can't have is a reason to look again", async () => {
  const { gateway, server, clock, client, seqs } = await start({ events: 3 });
  gateway.last.ready("3.e1@user:42", { unread: 3, head: 3 });
  await settle();
  const calls = server.calls.length;
  await clock.advance(10_000);
  gateway.last.send(": hb\n\n");
  assert.equal(server.calls.length, calls, "it can");
  // While we were away, somebody read them elsewhere.
  server.items = server.items.map((i) => ({ ...i, read: true }));
  gateway.last.ready("3.e1@user:42", { unread: 0, head: 3 });
  await clock.advance(3_000);
  assert.deepEqual(seqs(), [-3, -2, -1]);
  assert.equal(client.unread, 0);
});

test("a change that is not told in full is looked up", async () => {
  const { gateway, server, clock, client, ready, seqs } = await start({ events: 3 });
  await ready();
  server.items = server.items.map((i) => ({ ...i, read: true }));
  gateway.last.notice("read", { unread: 0, head: 3 }, { id: "3.e1@user:42" });
  await settle();
  assert.equal(client.unread, 0);
  await clock.advance(3_000);
  assert.deepEqual(seqs(), [-3, -2, -1]);
});

test("a list that can't be had now is asked for when the server says", async () => {
  const { gateway, server, clock, ready } = await start({ events: 3 });
  await ready();
  server.page = { status: 503, headers: { "Retry-After": "120" } };
  gateway.last.notice("reset", { channel: "user:42", from: 1, to: 2 }, { id: "3.e1@user:42" });
  await clock.advance(3_000);
  const calls = server.calls.length;
  for (let i = 0; i < 5; i++) {
    await clock.advance(20_000);
    gateway.last.send(": hb\n\n");
  }
  assert.equal(server.calls.length, calls);
  await clock.advance(20_000);
  assert.equal(server.calls.length, calls + 1);
});

test("a clock that is set back does not put off what is to be fetched again", async () => {
  const { client, gateway, server, clock, ready } = await start({ events: 3 });
  await ready();
  server.page = { status: 503 };
  await assert.rejects(client.refresh(), { status: 503 });
  server.page = { status: 200 };
  clock.jump(-24 * 3_600_000);
  server.mark({ seqs: [3] }, true);
  gateway.last.notice("read", { change: "other", up_to: 0, seqs: null, unread: 2, head: 3 }, { id: server.cursor });
  await clock.advance(60_000);
  assert.ok(client.items[0].read);
});

test("a list that stays wrong is asked for again, ever more slowly than hammering", async () => {
  const { gateway, server, clock } = await start({ events: 3 });
  server.page = { status: 500 };
  gateway.last.notice("reset", { channel: "user:42", from: 1, to: 2 }, { id: "3.e1@user:42" });
  await settle();
  const calls = server.calls.length;
  for (let i = 0; i < 18; i++) {
    await clock.advance(20_000);
    gateway.last.send(": hb\n\n");
  }
  const tries = server.calls.length - calls;
  assert.ok(tries >= 3 && tries <= 12, `${tries} tries in six minutes`);
});

test("the list does not grow for ever", async () => {
  const { gateway, client, ready } = await start({ events: 1 });
  await ready();
  for (let seq = 2; seq <= 2_500; seq++) gateway.last.event("user:42", seq);
  await settle();
  assert.equal(client.items.length, 2_000);
  assert.ok(client.inbox.hasMore);
  assert.equal(client.unread, 2_500);
});

test("without a list there are counts all the same", async () => {
  const { gateway, client, server, ready, seqs } = await start({ events: 2, options: { pageSize: 0 } });
  await ready();
  assert.deepEqual(server.calls, []);
  assert.equal(client.unread, 2);
  gateway.last.event("user:42", 3);
  await settle();
  assert.equal(client.unread, 3);
  assert.deepEqual(seqs(), [], "nor the items that nobody asked for");
  // Who asks for some after all gets some.
  await client.loadMore();
  assert.deepEqual(server.calls, ["limit=20"]);
  assert.deepEqual(seqs(), [2, 1]);
});

test("somebody else's cookie is noticed", async () => {
  const { gateway, client } = await start({ events: 1 });
  gateway.last.event("user:7", 1);
  await settle();
  assert.equal(client.status.state, "denied");
  assert.equal(client.items.length, 1);
  assert.equal(gateway.open.length, 0);
});

test("a listener hears of changes, whether or not anybody has looked before", async () => {
  for (const pageSize of [3, 0]) {
    const machine = new Machine();
    const server = new Server(machine.gateway);
    server.add(2);
    const client = new Bellhop({ url: "http://gateway.test", pageSize, share: false }, machine.tab().env);
    const told = [];
    client.on("bellhop.inbox", ({ unread, loading }) => told.push([unread, loading]));
    await settle();
    if (pageSize > 0) assert.deepEqual([told[0], told.at(-1)], [[0, true], [2, false]]);
    machine.gateway.last.ready(server.cursor, { unread: 2, head: 2 });
    machine.gateway.last.event("user:42", 3);
    await settle();
    assert.deepEqual(told.at(-1), [3, false]);
  }
});

test("a mark that a click sends outlives the page that the click leaves", async () => {
  const { gateway, client, ready } = await start({ events: 3 });
  await ready();
  await Promise.all([client.markRead([1]), client.markUnread([1]), client.remove(3)]);
  const marks = gateway.requests.filter(({ method }) => method !== "GET");
  assert.deepEqual(marks.map(({ keepalive }) => keepalive), [true, true, true]);
  // Browsers keep a few kilobytes in all for such requests.
  await client.markRead(Array.from({ length: 1000 }, (_, n) => n + 1_000_000));
  assert.equal(gateway.requests.at(-1).keepalive, false);
  assert.ok(!gateway.requests[0].keepalive);
});

test("a list that is refused at the start is fetched when the server says", async () => {
  const { gateway, server, clock, client, ready } = await start({
    events: 2, prepare: (s) => { s.page = { status: 429, headers: { "Retry-After": "40" } }; },
  });
  await ready();
  assert.equal(server.calls.length, 1, "not before");
  await clock.advance(30_000);
  gateway.last.send(": hb\n\n");
  assert.equal(server.calls.length, 1);
  await clock.advance(20_000); // refused once more
  gateway.last.send(": hb\n\n");
  server.page = { status: 200 };
  for (let t = 0; t < 60_000; t += 20_000) {
    await clock.advance(20_000);
    gateway.last.send(": hb\n\n");
  }
  assert.ok(client.inbox.loaded);
  assert.equal(client.items.length, 2);
});

const OVERTAKEN = [
  ["a mark of ours", (client) => client.markRead(8)],
  ["a mark from elsewhere", (client, server, gateway) => {
    server.mark({ up_to: 8 }, true);
    gateway.last.notice("read", { change: "read", up_to: 8, seqs: null, unread: server.unread, head: 8 }, { id: server.cursor });
  }],
];

for (const [what, change] of OVERTAKEN) {
  test(`a list that is older than ${what} is not believed`, async () => {
    for (const call of ["refresh", "loadMore"]) {
      const { gateway, client, server, clock, ready } = await start({ events: 8 });
      await ready();
      const go = hold(gateway, "GET /v1/inbox");
      const listed = client[call]();
      await settle();
      await change(client, server, gateway);
      await settle();
      await go();
      await listed;
      await clock.advance(10_000);
      assert.equal(client.unread, 0, call);
      assert.ok(client.items.length > 2 && client.items.every(({ read }) => read), call);
    }
  });
}

test("a list that is overtaken each time is taken all the same, and looked at again", async () => {
  const { gateway, client, server, clock, ready } = await start({ events: 3 });
  await ready();
  const list = gateway.answers.get("GET /v1/inbox");
  gateway.answers.set("GET /v1/inbox", async (request) => {
    const response = await list(request);
    await client.markUnread([1]);
    return response;
  });
  const calls = () => server.calls.filter((call) => typeof call === "string").length;
  const before = calls();
  await client.refresh();
  assert.equal(calls() - before, 3, "a bound");
  gateway.answers.set("GET /v1/inbox", list);
  await clock.advance(3_000);
  assert.equal(calls() - before, 4);
});

test("what the stream has confirmed stays, though the answer to it was lost", async () => {
  for (const [call, notice, items] of [
    ["remove", { change: "removed", up_to: 0, seqs: [3] }, [2, 1]],
    ["markRead", { change: "read", up_to: 0, seqs: [3] }, [-3, 2, 1]],
  ]) {
    const { gateway, client, server, clock, ready, seqs } = await start({ events: 3 });
    await ready();
    const lost = async () => { throw new TypeError("network"); };
    gateway.answers.set("DELETE /v1/inbox/*", async () => { server.remove(3); return lost(); });
    gateway.answers.set("POST /v1/inbox/read", async () => { server.mark({ seqs: [3] }, true); return lost(); });
    const go = hold(gateway, "DELETE /v1/inbox/*");
    const late = hold(gateway, "POST /v1/inbox/read");
    const call_ = client[call](call === "remove" ? 3 : [3]);
    call_.catch(() => {});
    await settle();
    gateway.last.notice("read", { ...notice, unread: 2, head: 3 }, { id: server.cursor });
    await settle();
    await go();
    await late();
    await assert.rejects(call_);
    assert.deepEqual(seqs(), items, call);
    assert.equal(client.unread, 2);
    await clock.advance(5_000);
    assert.deepEqual(seqs(), items, call);
  }
});

test("a change whose answer was lost, and of which the stream says nothing, is looked up", async () => {
  const { gateway, client, server, clock, ready, seqs } = await start({ events: 3 });
  await ready();
  gateway.answers.set("DELETE /v1/inbox/*", async () => {
    server.remove(3);
    throw new TypeError("network");
  });
  await assert.rejects(client.remove(3));
  assert.deepEqual(seqs(), [3, 2, 1]);
  await clock.advance(3_000);
  assert.deepEqual(seqs(), [2, 1]);
});

test("what changed while we were away is looked up if the count shows it, and after a long time anyway", async () => {
  for (const [away, change, calls] of [
    [2_000, () => {}, 1],
    [2_000, (server) => server.mark({ seqs: [8] }, true), 2], // three of eight are listed: it may have been any
    [180_000, (server) => { server.mark({ seqs: [8] }, true); server.mark({ seqs: [8] }, false); }, 2],
  ]) {
    const { gateway, server, clock, ready } = await start({ events: 8 });
    await ready();
    const lists = () => server.calls.filter((call) => typeof call === "string").length;
    gateway.refusals.push(...Array.from({ length: away > 10_000 ? 6 : 0 }, () => json({}, 503, { "Retry-After": "30" })));
    gateway.last.cut();
    change(server);
    const before = gateway.streams.length;
    for (let t = 0; gateway.streams.length === before; t++) await clock.advance(1_000);
    gateway.last.ready(server.cursor, { unread: server.unread, head: server.head });
    await settle();
    await clock.advance(3_000);
    assert.equal(lists(), calls, `${away}`);
  }
});

test("a change that is not told in full is looked up, though the count is the same", async () => {
  const { gateway, server, clock, ready, seqs } = await start({ events: 3 });
  await ready();
  server.mark({ seqs: [3] }, true);
  server.add(1);
  server.mark({ seqs: [4] }, true);
  server.mark({ seqs: [3] }, false);
  gateway.last.notice("read", { change: "other", up_to: 0, seqs: null, unread: 3, head: 4 }, { id: server.cursor });
  await clock.advance(3_000);
  assert.deepEqual(seqs(), [-4, 3, 2]);
});

test("whatever keeps a list from us is a BellhopError", async () => {
  const { client } = await start({ options: { token: () => { throw new TypeError("the page's own"); } } });
  assert.equal(client.inbox.error.name, "BellhopError");
  assert.equal(client.inbox.error.message, "no token: the page's own");
  await assert.rejects(client.markRead(3), { name: "BellhopError", status: 0, final: false });
});
