// Ways to call somebody who looks elsewhere. Each is off until the page asks for it,
// and ends with the function that it returns.

import { onArrival } from "./arrival.js";
import { defaultView, pagesView, templateOf } from "./view.js";

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
