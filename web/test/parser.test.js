import assert from "node:assert/strict";
import { test } from "node:test";
import { Parser } from "../src/parser.js";

/** parse feeds text in chunks of so many bytes and returns what came of it. */
function parse(text, size = Infinity, id = "") {
  const seen = { blocks: [], ids: [], retries: [] };
  const parser = new Parser({
    block: (block) => seen.blocks.push(block),
    id: (i) => seen.ids.push(i),
    retry: (ms) => seen.retries.push(ms),
  }, id);
  const bytes = new TextEncoder().encode(text);
  for (let i = 0; i < bytes.length; i += size) parser.push(bytes.slice(i, Math.min(i + size, bytes.length)));
  return seen;
}

const block = (data, { type = "message", id = "" } = {}) => ({ type, data, id });

test("the examples of the standard", () => {
  assert.deepEqual(parse("data: YHOO\ndata: +2\ndata: 10\n\n").blocks, [block("YHOO\n+2\n10")]);
  assert.deepEqual(
    parse(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n").blocks,
    [block("first event", { id: "1" }), block("second event"), block(" third event")]);
  assert.deepEqual(parse("data\n\ndata\ndata\n\ndata:").blocks, [block(""), block("\n")]);
  assert.deepEqual(parse("data:test\n\ndata: test\n\n").blocks, [block("test"), block("test")]);
});

test("every line end, cut anywhere, characters of several bytes too", () => {
  const want = [block("하나\n둘 🎉", { type: "note", id: "17.k3f9@user:42" }), block("{}", { type: "x", id: "18.k3f9@user:42" })];
  for (const end of ["\n", "\r", "\r\n"]) {
    const lines = ["event: note", "data: 하나", "data: 둘 🎉", "id: 17.k3f9@user:42", "", ": hb", "", "event: x", "data: {}", "id: 18.k3f9@user:42", "", ""];
    for (let size = 1; size < 40; size++) {
      assert.deepEqual(parse(lines.join(end), size).blocks, want, `${JSON.stringify(end)} in pieces of ${size}`);
    }
  }
});

test("line ends may be mixed", () => {
  assert.deepEqual(parse("data: a\r\n\ndata: b\n\rdata: c\r\r").blocks, [block("a"), block("b"), block("c")]);
});

test("one byte order mark is dropped, at the start alone", () => {
  assert.deepEqual(parse("\uFEFFdata: a\n\n", 1).blocks, [block("a")]);
  assert.deepEqual(parse("\uFEFF\uFEFFdata: a\n\n").blocks, []);
});

test("a block that the end cuts off never was", () => {
  assert.deepEqual(parse("data: a\nid: 1\n"), { blocks: [], ids: [], retries: [] });
});

test("an id holds until another one comes, moves without data, and may be taken away", () => {
  const { blocks, ids } = parse("data: a\nid: 1\n\ndata: b\n\nid: 2\n\nid\ndata: c\n\n", 3, "0");
  assert.deepEqual(blocks, [block("a", { id: "1" }), block("b", { id: "1" }), block("c")]);
  assert.deepEqual(ids, ["1", "1", "2", ""]);
});

test("an id with a NUL is passed over", () => {
  assert.deepEqual(parse("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n").blocks, [block("a", { id: "1" }), block("b", { id: "1" })]);
});

test("a retry is digits and nothing else", () => {
  assert.deepEqual(parse("retry: 2874\nretry: 1e3\nretry: -1\nretry:\nretry: 5s\nretry:7\n").retries, [2874, 7]);
});

test("comments and unknown fields mean nothing", () => {
  assert.deepEqual(parse(": hi\n\nevents: x\nDATA: y\ndata : z\n\n").blocks, []);
  assert.deepEqual(parse("event: x\n\ndata: a\n\n").blocks, [block("a")], "a type without data is forgotten");
});

test("an id is told after the block's data", () => {
  const order = [];
  new Parser({ block: () => order.push("block"), id: () => order.push("id") }).push(new TextEncoder().encode("id: 1\ndata: a\n\n"));
  assert.deepEqual(order, ["block", "id"]);
});

test("a block without an end does not fill the memory", () => {
  const parser = new Parser({ block: () => assert.fail() });
  const megabyte = new TextEncoder().encode("x".repeat(1 << 20));
  parser.push(new TextEncoder().encode("data: "));
  assert.throws(() => { for (let i = 0; i < 64; i++) parser.push(megabyte); }, RangeError);
  const lines = new Parser({ block: () => assert.fail() });
  const line = new TextEncoder().encode(`data: ${"x".repeat(1 << 20)}\n`);
  assert.throws(() => { for (let i = 0; i < 64; i++) lines.push(line); }, RangeError);
});
