// The client against a gateway that does what it is told, on a clock that does too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Machine, json, page, settle, sources, stalled } from "./fakes.js";

/** start opens a client without an inbox in a browser of its own. */
async function start(options = {}, prepare = () => {}, env = {}) {
  const machine = new Machine();
  prepare(machine.gateway);
  const tab = machine.tab();
  const client = new Bellhop({ url: "http://gateway.test", channels: ["topic:a"], inbox: false, share: false, ...options }, { ...tab.env, ...env });
  const seen = { events: [], states: [], resets: [] };
  client.on("*", (event, meta) => seen.events.push({ seq: event.seq, ...meta }));
  client.on("bellhop.status", (status) => seen.states.push(status.state));
  client.on("bellhop.reset", (reset) => seen.resets.push(reset));
  await settle();
  return { ...machine, machine, tab, client, seen, seqs: () => seen.events.map(({ seq }) => seq) };
}

test("a stream is asked for, caught up, and live", async () => {
  const { gateway, client, seen } = await start({ token: () => "secret" });
  const { request } = gateway.last;
  assert.deepEqual(request.query.getAll("channel"), ["topic:a"]);
  assert.equal(request.query.get("inbox"), "false");
  assert.equal(request.headers.Authorization, "Bearer secret");
  assert.equal(request.credentials, "omit");
  assert.equal(client.status.state, "connecting");

  gateway.last.send(": hi\n\n");
  gateway.last.event("topic:a", 1);
  gateway.last.ready("1.e1@topic:a", {});
  gateway.last.event("topic:a", 2);
  await settle();
  assert.equal(client.status.state, "live");
  assert.deepEqual(seen.events, [
    { seq: 1, live: false, cursor: "1.e1@topic:a" },
    { seq: 2, live: true, cursor: "2.e1@topic:a" },
  ]);
  assert.equal(client.cursor, "2.e1@topic:a");
});

test("an option that is undefined is one that is left out", async () => {
  const names = ["url", "token", "cursor", "pageSize", "user", "transport", "heartbeat"];
  for (const nothing of [undefined, null]) {
    const { gateway, client } = await start({ ...Object.fromEntries(names.map((name) => [name, nothing])), inbox: nothing, channels: nothing });
    assert.equal(gateway.last.request.query.get("inbox"), "true");
    assert.equal(gateway.last.request.headers.Authorization, undefined);
    assert.equal(gateway.requests[0].query.get("limit"), "20");
    gateway.last.ready("", {});
    await settle();
    assert.equal(client.status.state, "live");
  }
});

test("without a token cookies go along", async () => {
  const { gateway } = await start();
  assert.equal(gateway.last.request.credentials, "include");
  assert.equal(gateway.last.request.headers.Authorization, undefined);
});

test("listeners are by type, can be taken away, and may fail", async () => {
  const { gateway, client, clock } = await start();
  const got = [];
  client.on("note", () => { throw new Error("the page's own fault"); });
  const stop = client.on("note", (event) => got.push(event.data.n));
  client.on("other", () => assert.fail("of another type"));
  gateway.last.event("topic:a", 1);
  await settle();
  stop();
  gateway.last.event("topic:a", 2);
  await settle();
  assert.deepEqual(got, [1]);
  assert.equal(client.cursor, "2.e1@topic:a");
  await assert.rejects(clock.advance(0), /own fault/, "it is reported as uncaught");
});

test("a listener that is added by another one hears the next event first", async () => {
  const { gateway, client } = await start();
  let calls = 0;
  const again = () => {
    calls++;
    client.on("note", () => again());
  };
  client.on("note", again);
  gateway.last.event("topic:a", 1);
  await settle();
  assert.equal(calls, 1);
});

test("an answer that is no stream is not read on", async () => {
  const endless = new Response(new ReadableStream(), { status: 200, headers: { "Content-Type": "text/html" } });
  const { gateway, client } = await start({}, (g) => g.refusals.push(endless));
  assert.equal(client.status.reason, "the answer is no stream");
  assert.ok(gateway.requests[0].signal.aborted);
});

test("a break and a proper end are followed by a stream that goes on from there", async () => {
  for (const how of ["cut", "end"]) {
    const { gateway, clock, seen, client, seqs } = await start();
    gateway.last.event("topic:a", 1);
    gateway.last.ready("1.e1@topic:a", {});
    await settle();
    gateway.last.send("event: note\ndata: half a blo");
    gateway.last[how]();
    await settle();
    assert.equal(client.status.state, how === "cut" ? "retrying" : "connecting");
    assert.deepEqual(clock.waits.slice(0, 1), [2000], "as the server said");
    await clock.advance(2000);
    assert.equal(gateway.streams.length, 2);
    assert.equal(gateway.last.cursor, "1.e1@topic:a");
    gateway.last.event("topic:a", 2);
    gateway.last.ready("2.e1@topic:a", {});
    await settle();
    assert.deepEqual(seqs(), [1, 2]);
    assert.deepEqual(seen.states.at(-1), "live");
    client.close();
  }
});

test("what makes EventSource give up is tried again", async () => {
  for (const refusal of [
    new Response(null, { status: 204 }),
    json({ title: "Bad Gateway" }, 502),
    new Response("<html>sign in to the wifi</html>", { status: 200, headers: { "Content-Type": "text/html" } }),
    new TypeError("Failed to fetch"),
  ]) {
    const { gateway, clock, client } = await start({}, (g) => g.refusals.push(refusal));
    assert.equal(client.status.state, "retrying");
    await clock.advance(3_000);
    gateway.last.ready("", {});
    await settle();
    assert.equal(client.status.state, "live");
  }
});

test("tries become rarer, and a Retry-After is kept", async () => {
  const { gateway, clock, client } = await start({}, (g) => {
    for (let i = 0; i < 20; i++) g.refusals.push(json({}, 503));
  });
  await clock.advance(120_000);
  const tries = gateway.requests.length;
  assert.ok(tries > 5 && tries < 30, `${tries} tries in two minutes`);
  gateway.refusals = [json({ detail: "going away" }, 503, { "Retry-After": "40" })];
  await clock.advance(30_000);
  assert.deepEqual({ ...client.status, retryAt: 0 }, { state: "waiting", reason: "going away", httpStatus: 503, retryAt: 0 });
  const before = gateway.requests.length;
  await clock.advance(client.status.retryAt - clock.now() - 1);
  assert.equal(gateway.requests.length, before);
  await clock.advance(1);
  assert.equal(gateway.requests.length, before + 1);
});

test("what will not pass by itself is told and left", async () => {
  for (const status of [400, 403, 406]) {
    const { gateway, clock, client, seen } = await start({ token: () => "t" }, (g) => g.refusals.push(json({ detail: "no" }, status)));
    assert.deepEqual(client.status, { state: "denied", httpStatus: status, reason: "no" });
    await clock.advance(3_600_000);
    assert.equal(gateway.requests.length, 1);
    client.reconnect();
    await settle();
    gateway.last.ready("", {});
    await settle();
    assert.equal(seen.states.at(-1), "live");
  }
});

test("a refused token is renewed at once, the next ones ever later, and then no more", async () => {
  const asked = [];
  const { gateway, clock, client } = await start({ token: ({ renew }) => `t${asked.push(renew)}` }, (g) => {
    for (let i = 0; i < 20; i++) g.refusals.push(json({ detail: "bad token" }, 401));
  });
  assert.equal(gateway.requests.length, 2);
  assert.deepEqual(gateway.requests.map(({ headers }) => headers.Authorization), ["Bearer t1", "Bearer t2"]);
  await clock.advance(600_000);
  assert.equal(client.status.state, "denied");
  assert.equal(gateway.requests.length, 6);
  assert.deepEqual(asked, [false, true, true, true, true, true]);
});

test("who calls reconnect after a refusal is asked for another token", async () => {
  for (const where of ["stream", "list"]) {
    const asked = [];
    let refused = true;
    const { gateway, client } = await start({ inbox: where === "list", token: ({ renew }) => `t${asked.push(renew)}` }, (g) => {
      const no = () => json({ detail: "this token does not open topic:a" }, 403);
      if (where === "stream") g.refusals.push(no());
      g.answers.set("GET /v1/inbox", () => (refused ? no() : json({ items: [], next: null, unread: 0, head: 0, cursor: "0.e1@user:42" })));
    });
    assert.equal(client.status.state, "denied", where);
    refused = false;
    client.reconnect();
    await settle();
    assert.deepEqual(asked, [false, true], where);
    assert.equal(gateway.last.request.headers.Authorization, "Bearer t2");
  }
});

test("a stream that works again makes up for all that went before", async () => {
  const { gateway, clock, client } = await start({ token: () => "t" }, (g) => {
    for (let i = 0; i < 6; i++) g.refusals.push(json({}, 503));
  });
  while (gateway.streams.length === 0) await clock.advance(1_000);
  for (let day = 0; day < 10; day++) {
    gateway.last.ready("", {});
    await settle();
    assert.equal(client.status.state, "live", `day ${day}`);
    gateway.refusals.push(json({ detail: "the key was changed" }, 401));
    gateway.last.cut();
    await settle();
    assert.equal(client.status.retryAt - clock.now(), 2_000, "the wait is the server's");
    await clock.advance(2_000);
  }
});

test("without a way to renew it 401 is final", async () => {
  const { gateway, clock, client } = await start({}, (g) => g.refusals.push(json({ detail: "no session" }, 401)));
  assert.equal(client.status.state, "denied");
  await clock.advance(600_000);
  assert.equal(gateway.requests.length, 1);
});

test("a page that can't get a token tries again", async () => {
  let online = false;
  const { gateway, clock, client } = await start({ token: () => { if (!online) throw new Error("login is away"); return "t"; } });
  assert.equal(client.status.reason, "no token: login is away");
  online = true;
  await clock.advance(5_000);
  assert.equal(gateway.streams.length, 1);
});

test("bellhop.expired brings another token", async () => {
  let n = 0;
  const { gateway, clock, client, seen } = await start({ token: () => `t${++n}` });
  gateway.last.ready("4.e1@topic:a", {});
  gateway.last.notice("expired", {}, { id: "4.e1@topic:a" });
  gateway.last.end();
  await clock.advance(1_000);
  assert.equal(gateway.last.request.headers.Authorization, "Bearer t2");
  assert.equal(gateway.last.cursor, "4.e1@topic:a");
  assert.ok(!seen.states.includes("retrying"), "nothing broke");
  client.close();
});

test("bellhop.drain says when to come back", async () => {
  const { gateway, clock } = await start();
  gateway.last.ready("", {});
  gateway.last.notice("drain", {}, { retry: 731 });
  gateway.last.end();
  await settle();
  assert.equal(clock.waits[0], 731);
});

test("bellhop.refused is waited out, whatever happens to the page", async () => {
  const { gateway, clock, client, tab } = await start();
  gateway.last.notice("refused", { reason: "user_streams" }, { retry: 60_000 });
  gateway.last.end();
  await settle();
  assert.equal(client.status.state, "waiting");
  assert.equal(client.status.reason, "user_streams");
  tab.window.fire("online");
  tab.document.fire("visibilitychange");
  await clock.advance(59_999);
  assert.equal(gateway.streams.length, 1);
  await clock.advance(1);
  assert.equal(gateway.streams.length, 2);
});

test("silence is a broken stream, and any byte is a sign of life", async () => {
  const { gateway, clock, client } = await start();
  gateway.last.ready("7.e1@topic:a", {});
  for (let i = 0; i < 6; i++) {
    await clock.advance(20_000);
    gateway.last.send(": hb\n\n");
  }
  await settle();
  assert.equal(client.status.state, "live");
  await clock.advance(49_000);
  assert.equal(gateway.streams.length, 1);
  await clock.advance(2_000);
  assert.equal(client.status.state, "retrying");
  assert.equal(client.status.reason, "silence");
  assert.equal(gateway.open.length, 0, "the dead one is given up");
  await clock.advance(3_000);
  assert.equal(gateway.last.cursor, "7.e1@topic:a");
});

test("who never answers is not waited for", async () => {
  const never = new Promise(() => {});
  const silent = await start({ transport: "fetch" }, (g) => g.refusals.push(never));
  await silent.clock.advance(50_000);
  assert.equal(silent.client.status.reason, "silence");
  await silent.clock.advance(3_000);
  assert.equal(silent.gateway.streams.length, 1);

  const tokens = [never, never, "t"];
  const { gateway, clock } = await start({ token: () => tokens.shift() });
  await clock.advance(70_000);
  assert.equal(gateway.last.request.headers.Authorization, "Bearer t");
});

test("a page that wakes up finds out at once", async () => {
  const { gateway, clock, tab } = await start();
  gateway.last.ready("", {});
  await settle();
  tab.document.fire("visibilitychange");
  await settle();
  assert.equal(gateway.streams.length, 1, "all is well");
  clock.jump(120_000); // the machine slept: no timer has run
  tab.document.fire("visibilitychange");
  await settle();
  assert.equal(gateway.streams.length, 2);
  assert.equal(gateway.open.length, 1);
});

test("a clock that is set back hides a dead stream for no longer than another silence", async () => {
  const { gateway, clock, tab } = await start();
  gateway.last.ready("", {});
  await settle();
  clock.jump(-86_400_000);
  tab.document.fire("visibilitychange");
  await clock.advance(50_000);
  tab.document.fire("visibilitychange");
  await settle();
  assert.equal(gateway.streams.length, 2);
});

test("a network that is back ends the waiting, and what was open is replaced", async () => {
  const { gateway, clock, client, tab } = await start();
  gateway.last.ready("", {});
  await settle();
  tab.isOffline = true;
  gateway.refusals.push(new TypeError("offline"), new TypeError("offline"), new TypeError("offline"));
  gateway.last.cut();
  await settle();
  assert.equal(client.status.state, "offline");
  await clock.advance(10_000);
  tab.isOffline = false;
  gateway.refusals = [];
  tab.window.fire("online");
  await settle();
  assert.equal(gateway.open.length, 1);
  tab.window.fire("online");
  await settle();
  assert.equal(gateway.open.length, 1);
  assert.equal(gateway.streams.length, 3);
});

test("a frozen or left page lets go, and catches up when it is back", async () => {
  for (const [target, away, back] of [["document", "freeze", "resume"], ["window", "pagehide", "pageshow"]]) {
    const { gateway, client, tab, seqs } = await start();
    gateway.last.event("topic:a", 1);
    gateway.last.ready("1.e1@topic:a", {});
    await settle();
    tab[target].fire(away);
    await settle();
    assert.equal(gateway.open.length, 0);
    assert.equal(client.status.state, "paused");
    client.reconnect();
    tab[target].fire(back, { persisted: true });
    await settle();
    assert.equal(gateway.open.length, 1);
    assert.equal(gateway.last.cursor, "1.e1@topic:a");
    gateway.last.event("topic:a", 2);
    await settle();
    assert.deepEqual(seqs(), [1, 2]);
    client.close();
  }
});

test("close ends everything", async () => {
  const { gateway, clock, client, tab, seen } = await start();
  gateway.last.ready("", {});
  await settle();
  client.close();
  client.close();
  await settle();
  assert.equal(gateway.open.length, 0);
  assert.equal(client.status.state, "closed");
  assert.equal(tab.document.listeners + tab.window.listeners, 0);
  client.reconnect();
  await clock.advance(600_000);
  assert.equal(gateway.streams.length, 1);
  assert.equal(seen.states.at(-1), "closed");
});

test("close before anything began", async () => {
  const machine = new Machine();
  const client = new Bellhop({ url: "http://gateway.test", inbox: false }, machine.tab().env);
  client.close();
  await settle();
  assert.equal(machine.gateway.requests.length, 0);
});

test("nothing is handed on twice, and a reset is", async () => {
  const { gateway, seen, seqs, client } = await start({ cursor: "3.e1@topic:a" });
  assert.equal(gateway.last.cursor, "3.e1@topic:a");
  for (const seq of [3, 4, 4, 2, 5]) gateway.last.event("topic:a", seq);
  await settle();
  assert.deepEqual(seqs(), [4, 5]);
  gateway.last.notice("reset", { channel: "topic:a", from: 6, to: null }, { id: "0.e2@topic:a" });
  gateway.last.event("topic:a", 1, { epoch: "e2" });
  await settle();
  assert.deepEqual(seqs(), [4, 5, 1], "of another life");
  assert.deepEqual(seen.resets, [{ channel: "topic:a", from: 6, to: null }]);
  assert.equal(client.cursor, "1.e2@topic:a");
});

test("another life without a reset is announced all the same", async () => {
  const { gateway, seen, seqs } = await start({ cursor: "3.e1@topic:a" });
  gateway.last.event("topic:a", 1, { epoch: "e2" });
  await settle();
  assert.deepEqual(seen.resets, [{ channel: "topic:a", from: null, to: null }]);
  assert.deepEqual(seqs(), [1]);

  const quiet = await start({ cursor: "3.e1@topic:a" });
  quiet.gateway.last.ready("3.e2@topic:a", {});
  await settle();
  assert.deepEqual(quiet.seen.resets, [{ channel: "topic:a", from: null, to: null }]);
});

test("positions move on where events are left out, and a channel that waits keeps its own", async () => {
  const { gateway, client } = await start({ channels: ["topic:a", "raffle:1"], cursor: "3.e1@topic:a,9.r1@raffle:1" });
  gateway.last.ready("8.e1@topic:a,0@raffle:1", { waiting: ["raffle:1"] });
  await settle();
  assert.equal(client.cursor, "8.e1@topic:a,9.r1@raffle:1");
  assert.deepEqual(client.status, { state: "live", transport: "fetch", unavailable: ["raffle:1"] });
});

test("the beginning can be asked for, other channels' positions can't", async () => {
  const zero = await start({ cursor: "0", channels: ["topic:a", "topic:b"] });
  assert.equal(zero.gateway.last.cursor, "0@topic:a,0@topic:b");
  const other = await start({ cursor: "4.e@topic:a,5.e@topic:c" });
  assert.equal(other.gateway.last.cursor, "4.e@topic:a");
});

test("EventSource: a token of which the gateway makes no cookie is refused for good", async () => {
  for (const [status, tries] of [[403, 1], [401, 12], [404, 1]]) {
    const machine = new Machine();
    machine.gateway.answers.set("POST /v1/session", () => json({ detail: "no" }, status));
    const client = new Bellhop(
      { url: "http://gateway.test/", channels: ["topic:a"], inbox: false, share: false, transport: "eventsource", token: () => "t" },
      { ...machine.tab().env, EventSource: class { constructor() { assert.fail("without a cookie"); } } });
    await machine.clock.advance(10 * 60_000);
    assert.deepEqual([client.status.state, client.status.httpStatus], ["denied", status]);
    assert.equal(machine.gateway.requests.length, tries);
    client.close();
  }
});

test("EventSource: the cookie first, then all types through one listener", async () => {
  const { made, Source } = sources();
  const machine = new Machine();
  machine.gateway.answers.set("POST /v1/session", () => new Response(null, { status: 204 }));
  const client = new Bellhop(
    { url: "http://gateway.test/", channels: ["topic:a"], inbox: false, share: false, transport: "eventsource", token: () => "t" },
    { ...machine.tab().env, EventSource: Source });
  const seqs = [];
  client.on("note", (event) => seqs.push(event.seq));
  await settle();
  assert.equal(machine.gateway.requests[0].headers.Authorization, "Bearer t");
  assert.equal(machine.gateway.requests[0].credentials, "include", "or the cookie would not be kept");
  const [first] = made;
  assert.equal(first.url.href, "http://gateway.test/v1/stream?inbox=false&channel=topic%3Aa&events=message&heartbeat=event");
  assert.equal(first.options.withCredentials, true);
  first.onopen();
  first.say("message", { channel: "topic:a", seq: 1, type: "note", data: {} }, "1.e@topic:a");
  first.say("bellhop.ready", {}, "1.e@topic:a");
  first.say("bellhop.ping", {}, "1.e@topic:a");
  assert.equal(client.status.state, "live");
  assert.deepEqual(seqs, [1]);

  first.onerror();
  assert.ok(first.closed, "it would reconnect by itself");
  await machine.clock.advance(5_000);
  assert.equal(made[1].url.searchParams.get("lastEventId"), "1.e@topic:a");
  assert.equal(machine.gateway.requests.length, 2, "another session");
  made[1].say("bellhop.refused", { reason: "user_streams" }, "");
  made[1].onopen();
  made[1].onerror();
  assert.equal(client.status.state, "waiting");
  assert.ok(client.status.retryAt - machine.clock.now() >= 30_000, "retry lines can't be seen");
  await machine.clock.advance(90_000);
  made[2].say("bellhop.refused", { reason: "draining", retry: 2_000 }, "");
  made[2].onopen();
  made[2].onerror();
  assert.ok(client.status.retryAt - machine.clock.now() < 30_000, "it says when to come back");
  client.close();
});

test("EventSource: that the cookie is over is found out, and told", async () => {
  const { made, Source } = sources();
  const { gateway, clock, client } = await start({ transport: "eventsource" }, () => {}, { EventSource: Source });
  gateway.refusals.push(json({ detail: "no session" }, 401));
  made[0].onerror();
  await settle();
  assert.deepEqual(client.status, { state: "denied", httpStatus: 401, reason: "no session" });
  await clock.advance(3_600_000);
  assert.equal(made.length, 1);
  // What is no refusal is tried again, and the stream that was opened to find out is given up.
  client.reconnect();
  await settle();
  made[1].onerror();
  await settle();
  assert.equal(client.status.state, "retrying");
  assert.equal(gateway.open.length, 0);
  await clock.advance(30_000);
  assert.equal(made.length, 3);
  client.close();
});

test("only a gateway says what is for good: a proxy's pages pass", async () => {
  for (const status of [401, 403, 404, 405, 407, 451]) {
    const { gateway, clock, client } = await start({}, (g) => { for (let i = 0; i < 3; i++) g.refusals.push(page(status)); });
    assert.deepEqual([client.status.state, client.status.httpStatus], ["retrying", status]);
    while (gateway.streams.length === 0) await clock.advance(1_000);
    gateway.last.ready("", {});
    await settle();
    assert.equal(client.status.state, "live", `${status}`);
    client.close();
  }
});

test("a page in between does not end the beginning either", async () => {
  const { gateway, clock, client } = await start({ inbox: true }, (g) => g.answers.set("GET /v1/inbox", () => page(403)));
  assert.equal(gateway.streams.length, 1);
  assert.equal(client.status.state, "connecting");
  await clock.advance(0);
  client.close();
});

test("a body that stalls is no answer", async () => {
  for (const status of [200, 503]) {
    const { gateway, clock, client } = await start({ inbox: true }, (g) => g.answers.set("GET /v1/inbox", (request) => stalled(request, status)));
    assert.equal(gateway.streams.length, 0);
    await clock.advance(15_000);
    assert.equal(gateway.streams.length, 1);
    assert.ok(client.inbox.error instanceof Error);
    client.close();
  }
});

test("whatever the server asks for is kept, up to its limit", async () => {
  const { gateway, clock } = await start();
  gateway.last.ready("", {});
  gateway.last.notice("drain", {}, { retry: 120_000 });
  gateway.last.end();
  await settle();
  assert.equal(clock.waits[0], 120_000);
  // A refusal that says a date: the fake clock's now is a full second.
  const dated = await start({}, (g) => g.refusals.push(page(503, { "Retry-After": new Date(1_700_000_090_000).toUTCString() })));
  assert.equal(dated.client.status.state, "waiting");
  assert.ok(dated.clock.waits[0] >= 90_000 && dated.clock.waits[0] <= 112_500, `${dated.clock.waits[0]}`);
  const past = await start({}, (g) => g.refusals.push(page(503, { "Retry-After": new Date(1_600_000_000_000).toUTCString() })));
  assert.equal(past.client.status.state, "retrying");
  const slip = await start({}, (g) => g.refusals.push(page(503, { "Retry-After": "99999999999" })));
  assert.ok(slip.clock.waits[0] <= 750_000);
});

test("a page that says that nobody is signed in sends nobody's cookie", async () => {
  const { gateway } = await start({ token: () => undefined });
  assert.equal(gateway.last.request.credentials, "omit");
  const { made, Source } = sources();
  await start({ token: () => null, transport: "eventsource" }, () => {}, { EventSource: Source });
  assert.equal(made[0].options.withCredentials, false);
});

test("a heartbeat that can only be a mistake is refused", () => {
  for (const heartbeat of [0, -1, 20, Number.NaN]) {
    assert.throws(() => new Bellhop({ heartbeat }, new Machine().tab().env), RangeError);
  }
});

test("close in a status listener ends everything, whatever the status", async () => {
  for (const state of ["connecting", "live", "retrying", "closed"]) {
    const { gateway, clock, client, seen } = await start({}, (g) => { if (state === "retrying") g.refusals.push(new TypeError("broken")); });
    client.on("bellhop.status", (status) => { if (status.state === state) client.close(); });
    if (state === "connecting") client.reconnect();
    if (state === "closed") client.close();
    if (state === "retrying") await clock.advance(1_500);
    for (const stream of gateway.open) stream.ready("", {});
    await settle();
    if (state === "retrying") for (const stream of gateway.open) stream.cut();
    await settle();
    client.close();
    await clock.advance(600_000);
    assert.equal(gateway.open.length, 0, state);
    assert.deepEqual(clock.waits, [], state);
    assert.equal(seen.states.at(-1), "closed");
    assert.equal(seen.states.filter((s) => s === "closed").length, 1);
  }
});
