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
 * @param {() => void} handlers.shown    somebody looks at the page
 * @param {() => void} handlers.online   the device has a network, perhaps another one
 * @returns {() => void} stop
 */
export function watchPage(env, { away, back, shown, online }) {
  const stops = [];
  const listen = (target, type, listener) => {
    if (!target?.addEventListener) return;
    target.addEventListener(type, listener);
    stops.push(() => target.removeEventListener(type, listener));
  };
  listen(env.document, "freeze", away);
  listen(env.document, "resume", back);
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
  const { document, navigator } = globalThis;
  return {
    window: globalThis,
    document,
    fetch: globalThis.fetch?.bind(globalThis),
    Response: globalThis.Response,
    ReadableStream: globalThis.ReadableStream,
    TextDecoder: globalThis.TextDecoder,
    EventSource: globalThis.EventSource,
    BroadcastChannel: globalThis.BroadcastChannel,
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
