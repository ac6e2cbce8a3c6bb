// The client against a model, at random.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { World } from "./model.js";

const STEPS = 100_000;
const RUNS = 20;

/** run makes so many steps in all, in worlds that differ. */
async function run(Client, steps) {
  for (let seed = 1; seed <= RUNS; seed++) await new World(Client, seed).run(steps / RUNS);
}

test("whatever happens in whatever order, what is shown becomes what is so", () => run(Bellhop, STEPS));

// A safeguard that can be taken away unseen is none, or the model is too kind.
for (const [what, file, safeguard, instead] of [
  ["a first page that a change has overtaken is believed", "inbox.js",
    "const current = heard === this.#heard;\n      if", `const current = heard === this.#heard || !query.includes("before");\n      if`],
  ["an older page that a change has overtaken is believed", "inbox.js",
    "const current = heard === this.#heard;\n      if", `const current = heard === this.#heard || query.includes("before");\n      if`],
  ["a change that got no answer is taken back, whatever the stream has said", "inbox.js",
    "if (!error.final) this.suspect();", "for (const item of before) if (changed([item], change)[0] !== item) this.#insert(item);"],
  ["an answer is believed, whatever was heard since it was asked for", "inbox.js",
    "const current = heard === this.#heard && this.#isLive();", "const current = true;"],
  ["nobody looks whose list or stream it is", "access.js", "|| inboxes.includes(this.inbox);", "|| true;"],
  ["a change does not say whose inbox it means", "api.js", "if (this.#access.inbox) headers", "if (false) headers"],
  ["a tab that comes back looks at nothing", "bellhop.js", "this.#inbox.suspect();", ""],
  ["a long silence is like a short one", "inbox.js", "gap > LONG_GAP ||", ""],
]) {
  test(`the model finds a client where ${what}`, async () => {
    const dir = await mkdtemp(join(tmpdir(), "bellhop-"));
    try {
      await cp(new URL("../src", import.meta.url), dir, { recursive: true });
      await writeFile(join(dir, "package.json"), `{"type":"module"}`);
      let source = (await readFile(join(dir, file), "utf8")).replace("const heard = this.#heard;\n    this.#pending", "const heard = this.#heard;\n    const before = this.#items;\n    this.#pending");
      assert.equal(source.split(safeguard).length, 2, "the safeguard is there, once");
      source = source.replace(safeguard, () => instead);
      await writeFile(join(dir, file), source);
      const { Bellhop: Broken } = await import(join(dir, "bellhop.js"));
      await assert.rejects(run(Broken, STEPS), /^AssertionError.*: step/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
}
