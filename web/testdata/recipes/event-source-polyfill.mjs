import polyfill from "event-source-polyfill";

const { EventSourcePolyfill } = polyfill;

// begin
export function listen(url, getToken, onEvent, signal) {
  let cursor = "";
  const open = async () => {
    const address = new URL(url);
    if (cursor) address.searchParams.set("last_event_id", cursor);
    const source = new EventSourcePolyfill(address.href, {
      headers: { Authorization: `Bearer ${await getToken()}` },
      heartbeatTimeout: 60_000, // three heartbeats; its own 45 s are tight
    });
    signal.addEventListener("abort", () => source.close());
    const take = (event) => {
      if (event.lastEventId) cursor = event.lastEventId;
      if (!event.type.startsWith("bellhop.")) onEvent(JSON.parse(event.data));
    };
    // Every type by its name, or `?events=message` in the address and `onmessage`.
    for (const type of ["note", "bellhop.ready", "bellhop.reset"]) source.addEventListener(type, take);
    source.onerror = () => {
      // It repeats its first headers for ever, so a new token needs a new source.
      source.close();
      if (!signal.aborted) setTimeout(open, 2_000 * (1 + Math.random()));
    };
  };
  return open();
}
// end
