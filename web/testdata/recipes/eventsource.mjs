import { EventSource } from "eventsource";

// begin
export function listen(url, getToken, onEvent, signal) {
  let cursor = "";
  const open = () => {
    const source = new EventSource(url, {
      fetch: async (input, init) => fetch(input, {
        ...init,
        headers: {
          ...init.headers,
          Authorization: `Bearer ${await getToken()}`,
          // Its own after a reconnect, ours after it gave up.
          ...(cursor && { "Last-Event-ID": cursor }),
        },
      }),
    });
    signal.addEventListener("abort", () => source.close());
    const take = (event) => {
      if (event.lastEventId) cursor = event.lastEventId;
      if (!event.type.startsWith("bellhop.")) onEvent(JSON.parse(event.data));
    };
    for (const type of ["note", "bellhop.ready", "bellhop.reset"]) source.addEventListener(type, take);
    source.addEventListener("error", () => {
      // After a status it stays closed, after anything else it comes back by itself.
      if (source.readyState === source.CLOSED && !signal.aborted) setTimeout(open, 2_000 * (1 + Math.random()));
    });
  };
  open();
}
// end
