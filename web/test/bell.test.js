// What of the bell needs no browser. The rest is tried in one: internal/webtest.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { News } from "../src/bell/news.js";
import { ago, fetchTexts, languages, localeOf, textsFor } from "../src/bell/texts.js";
import { tidyLanguages } from "../src/bell/tidylook.js";
import { defaultView } from "../src/bell/view.js";

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

test("every language has every text", async () => {
  const dir = new URL("../texts/", import.meta.url);
  const files = (await readdir(dir)).sort();
  assert.deepEqual(files, ["ar.js", "de.js", "es.js", "fr.js", "ja.js", "pt.js", "zh-Hans.js", "zh-Hant.js"]);
  const of = (lang) => ({ ...languages[lang], ...tidyLanguages[lang] });
  const en = of("en");
  const all = { ko: of("ko") };
  for (const file of files) all[file] = (await import(new URL(file, dir).href)).default;
  for (const [name, texts] of Object.entries(all)) {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(en).sort(), name);
    for (const [key, text] of Object.entries(texts)) {
      assert.equal(typeof text, typeof en[key], `${name} ${key}`);
      if (typeof text === "string") assert.ok(text.trim() !== "" && (text !== en[key] || text === "Notifications"), `${name} ${key}`);
    }
    for (const button of [texts.button, texts.buttonUnseen]) assert.ok(button("7").includes("7") && !button("").includes("undefined"), name);
    assert.ok(texts.mute("Likes").includes("Likes") && texts.unmute("Likes") !== texts.mute("Likes"), name);
    assert.ok(texts.arrived(1, "Hello").includes("Hello") && texts.arrived(23, "").includes("23"), name);
  }
});

test("texts of other languages are fetched once, and English stays where that fails", async (t) => {
  const load = t.mock.fn((file) => import(`../texts/${file}.js`));
  for (const [lang, title, came] of [
    ["en-GB", "Notifications", false], ["ko-KR", "알림", false], ["de-AT", "Benachrichtigungen", true], ["de", "Benachrichtigungen", false],
    ["zh", "通知", true], ["zh-Hans-HK", "通知", false], ["zh-TW", "通知", true], ["zh-Hant", "通知", false], ["xx", "Notifications", false],
  ]) {
    assert.equal(await fetchTexts(lang, load), came, lang);
    assert.equal(textsFor(lang).title, title, lang);
  }
  assert.equal(load.mock.callCount(), 3);
  assert.equal(textsFor("zh-HK").remove, "刪除");
  assert.equal(textsFor("zh-SG").remove, "删除");
  assert.equal(await fetchTexts("pt-BR", () => Promise.reject(new Error("404"))), false);
  assert.equal(textsFor("pt-BR").title, "Notifications");
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
