import "./xhr.mjs";
import { SSE } from "sse.js";

// begin
export async function listen(url, getToken, onEvent, signal) {
  let cursor = "";
  const again = () => {
    if (!signal.aborted) setTimeout(() => open().catch(again), 2_000 * (1 + Math.random()));
  };
  const open = async () => {
    const source = new SSE(url, {
      // Headers are read once, so a new token needs a new source.
      headers: { Authorization: `Bearer ${await getToken()}`, ...(cursor && { "Last-Event-ID": cursor }) },
      start: false,
    });
    const take = (event) => {
      if (event.lastEventId) cursor = event.lastEventId;
      if (!event.type.startsWith("bellhop.")) onEvent(JSON.parse(event.data));
    };
    for (const type of ["note", "bellhop.ready", "bellhop.reset"]) source.addEventListener(type, take);
    let over = false; // a refusal is told twice
    source.addEventListener("readystatechange", ({ readyState }) => {
      if (readyState !== SSE.CLOSED || over) return;
      over = true;
      again();
    });
    signal.addEventListener("abort", () => source.close());
    source.stream();
  };
  return open().catch(again);
}
// end
