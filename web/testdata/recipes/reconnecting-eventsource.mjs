import { EventSource } from "eventsource";
import { createRequire } from "node:module";

const ReconnectingEventSource = createRequire(import.meta.url)("reconnecting-eventsource").default;

// Node.js keeps no cookies.
let cookie = "";
const browsers = globalThis.fetch;
globalThis.fetch = async (url, options = {}) => {
  const response = await browsers(url, { ...options, headers: { ...options.headers, ...(cookie && { Cookie: cookie }) } });
  cookie = response.headers.get("Set-Cookie")?.split(";")[0] ?? cookie;
  return response;
};
globalThis.EventSource = EventSource;

// begin
export async function listen(url, getToken, onEvent, signal) {
  const signIn = async () => fetch(new URL("/v1/session", url), {
    method: "POST", headers: { Authorization: `Bearer ${await getToken()}` }, credentials: "include",
  });
  await signIn();
  const source = new ReconnectingEventSource(url, { withCredentials: true, max_retry_time: 10_000 });
  signal.addEventListener("abort", () => source.close());
  // It keeps ids of what has a listener, and none of what `onmessage` gets.
  for (const type of ["note", "bellhop.ready", "bellhop.reset"]) {
    source.addEventListener(type, (event) => {
      if (!type.startsWith("bellhop.")) onEvent(JSON.parse(event.data));
    });
  }
  source.addEventListener("bellhop.expired", signIn); // it comes back by itself, with the cookie that is there
}
// end
