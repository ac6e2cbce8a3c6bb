// What happens to the page that we run in.

/**
 * watchPage tells when the browser takes the page away and gives it back. A page
 * that is frozen or kept for the back button gets no time: its timers stand still
 * and its connection dies without a word.
 *
 * @param {any} env
 * @param {object} handlers
 * @param {() => void} handlers.away     no time from now on, perhaps for good
 * @param {() => void} handlers.back     time again, after any while
 * @param {() => void} handlers.activated  a page that was rendered ahead is one that people see
 * @param {() => void} handlers.shown    somebody looks at the page
 * @param {() => void} handlers.online   the device has a network, perhaps another one
 * @returns {() => void} stop
 */
export function watchPage(env, { away, back, activated, shown, online }) {
  const stops = [];
  const listen = (target, type, listener) => {
    if (!target?.addEventListener) return;
    target.addEventListener(type, listener);
    stops.push(() => target.removeEventListener(type, listener));
  };
  listen(env.document, "freeze", away);
  listen(env.document, "resume", back);
  listen(env.document, "prerenderingchange", activated);
  listen(env.document, "visibilitychange", () => { if (!env.hidden()) shown(); });
  // Also of a page that is closed, so that the next tab need not wait to learn it.
  listen(env.window, "pagehide", away);
  listen(env.window, "pageshow", (event) => { if (event.persisted) back(); });
  listen(env.window, "online", online);
  return () => { for (const stop of stops) stop(); };
}

/**
 * browser is what the client uses of its surroundings; tests bring their own.
 */
export function browser() {
  const { document, navigator, fetch, Response, ReadableStream, TextDecoder, EventSource, BroadcastChannel } = globalThis;
  return {
    window: globalThis,
    document,
    fetch: fetch?.bind(globalThis),
    Response, ReadableStream, TextDecoder, EventSource, BroadcastChannel,
    locks: navigator?.locks,
    storage: () => globalThis.localStorage, // or an error, where it is blocked
    setTimeout: globalThis.setTimeout.bind(globalThis),
    clearTimeout: globalThis.clearTimeout.bind(globalThis),
    queueMicrotask: globalThis.queueMicrotask.bind(globalThis),
    // The wall clock goes on while the machine sleeps; others may not.
    now: Date.now,
    random: Math.random,
    // crypto.randomUUID is there in secure contexts only.
    uuid: () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`,
    hidden: () => document?.visibilityState === "hidden",
    offline: () => navigator?.onLine === false,
  };
}

/** A clock that differs from the server's by less is right enough, in ms. */
const CLOCK_OFF = 30_000;

/** An answer that took longer was held on its way, and says when it began, in ms. */
const PROMPT = 5_000;

/**
 * timed lets every prompt answer tell how far the device's clock is off, so that
 * serverNow is the time by which tokens end, now or at a time of ours.
 *
 * @param {any} env
 */
export function timed(env) {
  const { now, fetch } = env;
  let off = 0;
  return {
    ...env,
    serverNow: (at = now()) => at - off,
    fetch: fetch && (async (...args) => {
      const sent = now();
      const response = await fetch(...args);
      const by = now() - Date.parse(response.headers.get("Date"));
      if (now() - sent < PROMPT && !Number.isNaN(by)) off = Math.abs(by) > CLOCK_OFF ? by : 0;
      return response;
    }),
  };
}
