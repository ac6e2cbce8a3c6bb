// Bellhop, Apache License 2.0: https://github.com/bellhop/bellhop
// Code generated from web/src by go test ./web -update; DO NOT EDIT.

// src/bell/arrival.js

// Events of the inbox, as they happen.

/**
 * onArrival calls act for each event that arrives in the inbox as it happens; returns how to stop that.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {(event: any) => void} act
 */
function onArrival(client, act) {
  return client.on("*", (event, { live }) => { if (live && event.channel.startsWith("user:")) act(event); });
}

/** goneBy returns which events an inbox no longer has as unread: they were read or removed, in any tab. */
function goneBy({ items, unread: count }) {
  const unread = new Set(items.filter(({ read }) => !read).map(({ seq }) => seq));
  const newest = count === 0 ? Infinity : items[0]?.seq ?? 0; // the list may not have what has just come
  return (seq) => seq <= newest && !unread.has(seq);
}

// src/bell/view.js

// What a notification says, where its page does not say it.

/** @typedef {import("../../bellhop-bell.d.ts").BellhopView} View */

/** What of common data is a title, a text, and so on; the first that is there counts. */
const FIELDS = {
  title: ["title", "subject", "text", "message"],
  body: ["body", "description", "excerpt"],
  href: ["url", "href", "link"],
  image: ["image", "avatar"],
  from: ["from", "by", "actor", "author"],
};

/**
 * defaultView reads a notification of no particular shape.
 *
 * @param {import("../../bellhop.d.ts").BellhopItem} item
 * @returns {View}
 */
function defaultView({ type, data }) {
  const fields = data !== null && typeof data === "object" ? data : { title: data };
  const find = (name) => {
    const value = FIELDS[name].map((field) => fields[field]).find((v) => typeof v === "string" || typeof v === "number");
    return value === undefined ? "" : String(value);
  };
  const from = find("from");
  return {
    // "comment.reply" reads as "Comment reply"
    title: find("title") || type.replace(/[._-]+/g, " ").replace(/^./, (c) => c.toUpperCase()),
    body: [from, find("body")].filter(Boolean).join(" · "),
    href: find("href"),
    image: find("image"),
    icon: [...from][0]?.toUpperCase() ?? "",
  };
}

/**
 * pagesView is what a function of the page makes of a notification; null if nothing, or
 * if it throws: that is the page's fault, which must not cost it the other ones.
 *
 * @param {() => any} make
 */
function pagesView(make) {
  try {
    return make() ?? null;
  } catch (error) {
    reportError(error);
    return null;
  }
}

/** templateOf is a page's function for a type of event, not an object's own toString. */
function templateOf(templates, type) {
  return Object.hasOwn(templates, type) ? templates[type] : undefined;
}

// src/bell/attention.js

// Ways to call somebody who looks elsewhere. Each is off until the page asks for it,
// and ends with the function that it returns.


/** A title that a router has changed is marked again after this, in ms: others may write it too. */
const MARK_AFTER = 50;

/**
 * showUnread keeps the number of unread notifications in the page's title, whoever
 * changes that, and on the icon of an installed app where the browser can.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {{ title?: boolean, badge?: boolean }} [where]
 */
export function showUnread(client, { title = true, badge = true } = {}) {
  const mark = /^\(\d+\+?\) /;
  let unread = client.inbox.unread;
  let timer;
  const write = () => {
    timer = undefined;
    const text = (unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : "") + document.title.replace(mark, "");
    if (title && document.title !== text) document.title = text;
  };
  const show = (count) => {
    unread = count;
    write();
    if (badge) (unread > 0 ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => {});
  };
  show(unread);
  const observer = new MutationObserver(() => { timer ??= setTimeout(write, MARK_AFTER); });
  if (title) observer.observe(document.head, { childList: true, subtree: true, characterData: true });
  const off = client.on("bellhop.inbox", ({ unread: count }) => show(count));
  return () => { observer.disconnect(); clearTimeout(timer); off(); show(0); };
}

/** arrivals calls act for what arrives, in one tab of all. */
function arrivals(client, act) {
  return onArrival(client, (event) => { if (client.leader) act(event); });
}

/** No more often than this, in ms. */
const QUIET = 3_000;

/**
 * playSound plays a sound when something arrives, in one tab of all. Browsers keep it
 * back until somebody has used the page.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {string} address  of the sound
 */
export function playSound(client, address) {
  const sound = new Audio(address);
  let last = -QUIET;
  return arrivals(client, () => {
    if (performance.now() - last < QUIET) return;
    last = performance.now();
    sound.currentTime = 0;
    sound.play().catch(() => {});
  });
}

/** The most notifications that are remembered, to close them when they are read. */
const MOST_SHOWN = 100;

/** Tabs that somebody looks at share this lock: a hidden one has no timers to wait for answers. */
const LOOKED_AT = "bellhop:looked-at";

/**
 * notifyDesktop shows a notification of the system for what arrives while all tabs that
 * call it are hidden, and closes it when it is read. The page has to ask for the
 * permission, at a click; without it nothing is shown. Where only service workers may
 * notify, as on Android, the page's own does.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {Record<string, (event: any) => import("../../bellhop-bell.d.ts").BellhopView>} [templates]
 */
export function notifyDesktop(client, templates = {}) {
  const shown = new Map(); // how to close it, by seq
  let told = false;
  const show = async (event) => {
    if (globalThis.Notification?.permission !== "granted" || await lookedAt() || goneBy(client.inbox)(event.seq)) return;
    const { title, body } = pagesView(() => templateOf(templates, event.type)?.(event)) ?? defaultView(event);
    // The same tag in two tabs shows one.
    const close = await notify(title, { body, tag: `${event.channel}:${event.seq}` });
    if (shown.size === MOST_SHOWN) shown.delete(shown.keys().next().value);
    shown.set(event.seq, close);
  };
  const stops = [
    holdWhileVisible(),
    arrivals(client, (event) => show(event).catch((error) => {
      if (!told) reportError(error);
      told = true;
    })),
    client.on("bellhop.inbox", (inbox) => {
      const gone = goneBy(inbox);
      for (const [seq, close] of shown) {
        if (!gone(seq)) continue;
        shown.delete(seq);
        close();
      }
    }),
  ];
  return () => { for (const stop of stops) stop(); };
}

/** notify shows a notification by what this browser has for it; resolves with how to close it. */
async function notify(title, options) {
  let shown;
  try {
    shown = new Notification(title, options);
  } catch {
    const worker = await navigator.serviceWorker?.getRegistration();
    if (!worker) throw new Error("notifyDesktop: this browser lets only service workers notify, and the page has none");
    await worker.showNotification(title, options);
    return async () => { for (const it of await worker.getNotifications({ tag: options.tag })) it.close(); };
  }
  shown.onclick = () => { window.focus(); shown.close(); };
  return () => shown.close();
}

/** lookedAt tells whether somebody looks at this tab, or at another one where tabs can tell. */
async function lookedAt() {
  if (document.visibilityState === "visible") return true;
  const { held = [] } = await navigator.locks?.query() ?? {};
  return held.some(({ name }) => name === LOOKED_AT);
}

/** holdWhileVisible has this tab share the lock while it can be seen; returns how to stop. */
function holdWhileVisible() {
  let letGo = null;
  const change = () => {
    if (document.visibilityState === "visible") {
      letGo ??= hold();
    } else {
      letGo?.();
      letGo = null;
    }
  };
  document.addEventListener("visibilitychange", change);
  change();
  return () => {
    document.removeEventListener("visibilitychange", change);
    letGo?.();
  };
}

function hold() {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  navigator.locks?.request(LOOKED_AT, { mode: "shared" }, () => held).catch(() => {});
  return letGo;
}
