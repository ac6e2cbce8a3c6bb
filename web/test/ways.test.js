// The client on its ways to a gateway, at random.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Bellhop } from "../src/bellhop.js";
import { Ways } from "./ways.js";

const STEPS = 1_000;
const RUNS = 8;

/** run makes so many steps in each of some worlds, and tells by which ways events came. */
async function run(Client) {
  const used = new Set();
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = new Ways(Client, seed);
    await world.run(STEPS);
    for (const way of world.used) used.add(way);
  }
  return used;
}

test("whichever way events come, and however often it changes, each comes once and in order", async () => {
  const used = await run(Bellhop);
  for (const way of ["fetch", "eventsource", "poll"]) assert.ok(used.has(way), `events came by ${way}`);
});

// A safeguard that can be taken away unseen is none, or the model is too kind.
for (const [what, file, safeguard, instead] of [
  ["a poll does not move the cursor on", "transport.js", `id: open("id"),`, `id: wait ? () => {} : open("id"),`],
  ["what an older response says late is taken", "connection.js", "if (attempt === this.#attempt) f(arg);", "f(arg);"],
  ["an older response stays open", "connection.js", "    close?.();\n", ""],
  ["a look moves the cursor on", "connection.js", "block: nothing, id: nothing,", "block: nothing, id: (id) => { this.cursor = id; },"],
  ["silence is no reason to take another way", "connection.js", "silent && !this.#proven", "false"],
]) {
  test(`the model finds a client where ${what}`, async () => {
    const dir = await mkdtemp(join(tmpdir(), "bellhop-"));
    try {
      await cp(new URL("../src", import.meta.url), dir, { recursive: true });
      await writeFile(join(dir, "package.json"), `{"type":"module"}`);
      const source = await readFile(join(dir, file), "utf8");
      assert.equal(source.split(safeguard).length, 2, "the safeguard is there, once");
      await writeFile(join(dir, file), source.replace(safeguard, () => instead));
      const { Bellhop: Broken } = await import(join(dir, "bellhop.js"));
      await assert.rejects(run(Broken), /^AssertionError.*: step/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
}
