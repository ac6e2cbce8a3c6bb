// Cursors, waits and tokens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Access } from "../src/access.js";
import { Latest } from "../src/latest.js";
import { Backoff } from "../src/backoff.js";
import { covers, formatCursor, parseCursor, rewind } from "../src/cursor.js";

test("a cursor is read and written", () => {
  for (const text of ["", "17.k3f9@user:42", "17.k3f9@user:42,205.9xq2@raffle:1", "0@raffle:1,3.a@user:a@b.c"]) {
    assert.equal(formatCursor(parseCursor(text)), text);
  }
  assert.deepEqual([...parseCursor("nonsense,7.e@room:1")], [["room:1", { seq: 7, epoch: "e" }]]);
});

test("a position covers what is not above it in its own epoch", () => {
  const at = (seq, epoch = "a") => ({ seq, epoch });
  assert.ok(covers(at(3), at(3)));
  assert.ok(covers(at(3), at(2)));
  assert.ok(!covers(at(3), at(4)));
  assert.ok(!covers(at(3), at(1, "b")));
  assert.ok(!covers(undefined, at(1)));
  assert.ok(!covers(at(1), undefined));
});

test("going back is to where nobody misses anything", () => {
  const back = (mine, others) => {
    const result = rewind(parseCursor(mine), parseCursor(others));
    return result === null ? null : formatCursor(result);
  };
  assert.equal(back("5.a@user:1", "5.a@user:1"), null);
  assert.equal(back("5.a@user:1", "9.a@user:1"), null, "it is ahead: nothing to do");
  assert.equal(back("5.a@user:1,7.a@room:1", "3.a@user:1,8.a@room:1"), "3.a@user:1,7.a@room:1");
  assert.equal(back("5.a@user:1", ""), null);
  assert.equal(back("", "3.a@user:1"), "3.a@user:1", "we have no position yet");
  assert.equal(back("5.b@user:1", "9.a@user:1"), "9.a@user:1", "the server announces what is lost");
  assert.equal(back("0@raffle:1", "9.a@raffle:1"), null, "the beginning is before everything");
});

test("waits grow, are random, and stay within their bounds", () => {
  for (const random of [() => 0, () => 0.5, () => 0.999]) {
    const backoff = new Backoff(random);
    backoff.least = 2000;
    assert.equal(backoff.next(), 2000, "the server has said when");
    let longest = 0;
    for (let i = 0; i < 50; i++) {
      const wait = backoff.next();
      assert.ok(wait >= 2000 && wait <= 30_000, `${wait}`);
      longest = Math.max(longest, wait);
    }
    if (random() > 0) assert.ok(longest > 2000);
    backoff.reset();
    assert.equal(backoff.next(), 2000);
  }
});

test("clients that no server has told anything do not come back together", () => {
  assert.notEqual(new Backoff(() => 0.1).next(), new Backoff(() => 0.9).next());
});

test("a Retry-After is kept, spread, and not for ever", () => {
  const backoff = new Backoff(() => 0.5);
  assert.ok(backoff.next(10_000) >= 10_000);
  assert.ok(backoff.next(10_000) <= 12_500);
  assert.ok(backoff.next(1e12) <= 1.25 * 600_000);
  assert.deepEqual([0, 1].map((random) => new Backoff(() => random).next(40_000)), [40_000, 50_000]);
});

test("newest values are those that came before a stream was live, of channels that it brought no position for", () => {
  const block = (channel, type, n) => ({ type, data: JSON.stringify({ channel, type, n }), id: "" });
  const taken = (latest, positions = new Map()) => latest.missing(positions).map(({ data }) => JSON.parse(data)).map(({ type, n }) => `${type}${n}`);
  const nowhere = new Map();
  const latest = new Latest();
  latest.take({ type: "bellhop.reset", data: `{"channel":"raffle:1"}`, id: "" }, false, nowhere);
  latest.take(block("room:1", "a", 1), false, new Map([["room:1", { seq: 0, epoch: "e" }]]));
  latest.take(block("topic:1", "a", 1), true, nowhere);
  assert.deepEqual(taken(latest), []);
  latest.take(block("raffle:1", "a", 1), false, nowhere);
  latest.take(block("raffle:1", "b", 2), false, nowhere);
  latest.take(block("raffle:1", "a", 3), true, new Map([["raffle:1", { seq: 2, epoch: "e" }]]));
  assert.deepEqual(taken(latest), ["b2", "a3"], "in the order of the channel");
  assert.deepEqual(taken(latest, new Map([["raffle:1", { seq: 2, epoch: "e" }]])), []);
  for (let n = 0; n < 100; n++) latest.take(block("raffle:1", `t${n}_`, n), true, nowhere);
  assert.equal(taken(latest).length, 32);
  assert.equal(taken(latest).at(-1), "t99_99");
});

const jwt = (claims) => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;

test("a token is asked for once, and again when it was refused or is about to end", async () => {
  let now = 1_000_000;
  const env = { now: () => now, serverNow: (at) => at, setTimeout, clearTimeout };
  const asked = [];
  const access = new Access(async (why) => {
    asked.push(why.renew);
    return jwt({ sub: "mina 민아", exp: now / 1000 + 60, n: asked.length });
  }, env);
  const [one, two] = await Promise.all([access.token(), access.token()]);
  assert.equal(one, two);
  assert.equal(await access.token(), one);
  assert.deepEqual(asked, [false]);
  assert.equal(access.subject, "mina 민아");

  access.refused(one);
  const three = await access.token();
  assert.notEqual(three, one);
  access.refused(one); // an older request's refusal comes late
  assert.equal(await access.token(), three);
  now += 58_000;
  assert.notEqual(await access.token(), three);
  assert.deepEqual(asked, [false, true, true]);
});

test("a token that could not be had is asked for again", async () => {
  let fail = true;
  const access = new Access(() => { if (fail) throw new Error("offline"); return "t"; }, { now: Date.now, serverNow: (at) => at, setTimeout, clearTimeout });
  await assert.rejects(access.token(), /offline/);
  fail = false;
  assert.equal(await access.token(), "t");
  assert.equal(access.subject, "", "an opaque token says nothing");
});

test("nobody, and cookies", async () => {
  const nobody = new Access(() => undefined, { now: Date.now, serverNow: (at) => at, setTimeout, clearTimeout });
  assert.equal(await nobody.token(), "");
  assert.ok(nobody.renewable);
  const cookies = new Access(undefined, { now: Date.now, serverNow: (at) => at, setTimeout, clearTimeout });
  assert.equal(await cookies.token(), "");
  assert.ok(!cookies.renewable);
});
