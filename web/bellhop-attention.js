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


/**
 * showUnread keeps the number of unread notifications in the page's title, and on the
 * icon of an installed app where the browser can.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {{ title?: boolean, badge?: boolean }} [where]
 */
export function showUnread(client, { title = true, badge = true } = {}) {
  const mark = /^\(\d+\+?\) /;
  const show = (unread) => {
    const count = unread > 99 ? "99+" : String(unread);
    if (title) document.title = (unread > 0 ? `(${count}) ` : "") + document.title.replace(mark, "");
    if (badge) (unread > 0 ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => {});
  };
  show(client.inbox.unread);
  const off = client.on("bellhop.inbox", ({ unread }) => show(unread));
  return () => { off(); show(0); };
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

/**
 * notifyDesktop shows a notification of the system for what arrives while the page is
 * hidden. The page has to ask for the permission, at a click; without it nothing is shown.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {Record<string, (event: any) => import("../../bellhop-bell.d.ts").BellhopView>} [templates]
 */
export function notifyDesktop(client, templates = {}) {
  return arrivals(client, (event) => {
    if (globalThis.Notification?.permission !== "granted" || document.visibilityState === "visible") return;
    const { title, body } = pagesView(() => templateOf(templates, event.type)?.(event)) ?? defaultView(event);
    // The same tag in two tabs shows one.
    const shown = new Notification(title, { body, tag: `${event.channel}:${event.seq}` });
    shown.onclick = () => { window.focus(); shown.close(); };
  });
}
