// What of the bell needs no browser. The rest is tried in one: internal/webtest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { News } from "../src/bell/news.js";
import { ago, localeOf, textsFor } from "../src/bell/texts.js";
import { defaultView } from "../src/bell/item.js";

test("a server that renders pages may load the bell", async () => {
  assert.equal(globalThis.HTMLElement, undefined);
  const { BellhopBell } = await import("../bellhop-bell.js");
  assert.equal(typeof BellhopBell, "function");
});

test("times are written in any language that a page may claim", () => {
  for (const [said, meant] of [
    ["ko", "ko"], ["en-us", "en-US"], ["en_US", "en-US"], ["de-DE@euro", "de-DE"], ["ko_KR.UTF-8", "ko-KR"],
    ["", "en"], ["!", "en"], ["x", "en"], ["zh-Hant-TW", "zh-Hant-TW"],
  ]) {
    assert.equal(localeOf(said), meant, said);
    assert.ok(ago(0, 90_000, localeOf(said)).includes("1"), said);
  }
  assert.equal(textsFor(localeOf("KO_kr")).title, "알림");
  assert.equal(textsFor(localeOf("fr")).title, "Notifications");
});

test("how long ago it was is in the largest unit that fits, and never in the future", () => {
  const minute = 60_000;
  for (const [past, text] of [
    [-minute, "now"], [0, "now"], [59_999, "now"], [minute, "1 min. ago"], [59 * minute, "59 min. ago"], [60 * minute, "1 hr. ago"],
    [23 * 60 * minute, "23 hr. ago"], [24 * 60 * minute, "yesterday"], [7 * 24 * 60 * minute, "last wk."], [400 * 24 * 60 * minute, "last yr."],
  ]) {
    assert.equal(ago(1_000_000_000_000 - past, 1_000_000_000_000, "en"), text);
  }
});

test("what writes times is made once for a language, not for each row", (t) => {
  const made = t.mock.method(Intl, "RelativeTimeFormat");
  for (let row = 0; row < 2_000; row++) ago(row, 90_000_000, row < 1_000 ? "de" : "fr");
  assert.equal(made.mock.callCount(), 2);
  assert.notEqual(ago(0, 90_000_000, "de"), ago(0, 90_000_000, "fr"));
});

test("data of no particular shape is shown as well as it can be", () => {
  const view = (data, type = "post.comment-new") => defaultView({ type, data });
  for (const data of [null, undefined, true, [], {}, { title: {} }]) assert.equal(view(data).title, "Post comment new");
  assert.equal(view("hello").title, "hello");
  assert.equal(view(0).title, "0");
  assert.deepEqual(view({ subject: "Hi", by: "ömer", excerpt: "text", link: "/a" }), {
    title: "Hi", body: "ömer · text", href: "/a", image: "", icon: "Ö",
  });
  assert.equal(view({ from: "👩‍🚀 Ada" }).icon, "👩");
});

test("a busy inbox is told at times, and nothing of it is left out", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const told = [];
  const news = new News((count, first) => told.push([count, first]));
  const expect = (...all) => assert.deepEqual(told.splice(0), all);
  news.add("a");
  t.mock.timers.tick(399);
  expect();
  t.mock.timers.tick(1);
  expect([1, "a"]);
  for (let n = 0; n < 100; n++) {
    news.add(n);
    t.mock.timers.tick(100);
  }
  expect([50, 0], [50, 50]);
  t.mock.timers.tick(60_000);
  expect();
  news.add("b");
  news.add("c");
  t.mock.timers.tick(400);
  expect([2, "b"]);
  news.add("d");
  news.drop();
  t.mock.timers.tick(60_000);
  expect();
});
