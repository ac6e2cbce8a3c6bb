import { fetchEventSource } from "@microsoft/fetch-event-source";

// begin
class Refused extends Error {}

export function listen(url, getToken, onEvent, signal) {
  let retry = 2_000;
  return fetchEventSource(url, {
    signal,
    openWhenHidden: true, // or the stream ends whenever the tab is hidden
    // Headers are read once; a fetch of our own asks for a token each time.
    fetch: async (input, init) =>
      fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${await getToken()}` } }),
    async onopen(response) {
      if (response.ok) return;
      // 401 comes with an expired token: the next try has another one.
      if (response.status === 400 || response.status === 403) throw new Refused(`HTTP ${response.status}`);
      throw new Error(`HTTP ${response.status}`);
    },
    onmessage(message) {
      if (message.retry) retry = message.retry;
      if (message.event.startsWith("bellhop.")) return; // ready, reset, …
      if (message.data) onEvent(JSON.parse(message.data));
    },
    onclose() {
      throw new Error("the stream ended"); // a proper end, at which it would stop for good
    },
    onerror(error) {
      if (error instanceof Refused) throw error; // stop
      return retry * (1 + Math.random());
    },
  });
}
// end
