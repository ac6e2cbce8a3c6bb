// Runs a recipe: node run.mjs RECIPE URL TOKEN. Prints the seq of each event, until
// its standard input ends.
const [recipe, url, token] = process.argv.slice(2);
// They are written for browsers.
globalThis.window ??= globalThis;
globalThis.document ??= Object.assign(new EventTarget(), { readyState: "complete", body: {} });
const { listen } = await import(`./${recipe}.mjs`);
// A browser writes to its console where Node.js ends the process.
process.on("unhandledRejection", (error) => console.error(error));
const stop = new AbortController();
process.stdin.on("end", () => { stop.abort(); setTimeout(() => process.exit(0), 100); }).resume();
// From the beginning, so that nothing depends on when it is connected.
const ours = ["react-native", "expo"].includes(recipe);
const [address, more] = ours ? [url, { cursor: "0" }] : [`${url}/v1/stream?last_event_id=0`];
const client = await listen(address, async () => token, (event) => console.log(event.seq), stop.signal, more);
client?.on?.("bellhop.status", ({ state, transport }) => { if (state === "live") console.error(transport); });
