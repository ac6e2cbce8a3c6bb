import "./native.mjs";
import { AppState } from "./native.mjs";

const { Bellhop } = await import("../../bellhop.js");

// begin
export function listen(url, getToken, onEvent, signal, more = {}) {
  const client = new Bellhop({ url, token: getToken, ...more });
  client.on("note", onEvent);
  // A phone lets connections die unseen while another app is in front.
  const watch = AppState.addEventListener("change", (state) => { if (state === "active") client.reconnect(); });
  signal.addEventListener("abort", () => {
    watch.remove();
    client.close();
  });
  return client;
}
// end
