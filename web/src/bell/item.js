// One notification in the list.

import { active, h, icon, ICONS, safeLink } from "./dom.js";
import { ago, exactly } from "./texts.js";

/** @typedef {import("../../bellhop-bell.d.ts").BellhopView} View */

/**
 * Row is a notification's element and what it shows.
 */
export class Row {
  /** @type {HTMLElement} */
  #actions;
  /** @type {any[][]} */
  #offered;

  /**
   * @param {object} handlers
   * @param {(event: Event) => void} handlers.open
   * @param {(item: any, texts: any) => any[][]} handlers.actions
   * @param {(action: () => Promise<void>) => void} handlers.act
   */
  constructor(handlers) {
    this.item = null;
    this.at = NaN; // when it was, in ms of 1970
    this.handlers = handlers;
    this.element = h("li", { class: "item", part: "item" });
    this.time = /** @type {HTMLTimeElement} */ (h("time", { part: "item-time" }));
  }

  /**
   * show draws the notification.
   *
   * @param {import("../../bellhop.d.ts").BellhopItem} item
   * @param {View | Node} view
   * @param {import("../../bellhop-bell.d.ts").BellhopBellTexts} texts
   */
  show(item, view, texts) {
    const { open } = this.handlers;
    const focused = this.element.contains(active(this.element));
    const tabIndex = this.main?.tabIndex ?? -1;
    this.item = item;
    this.at = view instanceof Node ? NaN : new Date(view.time ?? NaN).getTime();
    if (Number.isNaN(this.at)) this.at = Date.parse(item.time);
    this.time.dateTime = Number.isNaN(this.at) ? item.time : new Date(this.at).toISOString();
    this.element.classList.toggle("unread", !item.read);
    const content = view instanceof Node ? [view, this.time] : this.#content(view);
    const href = view instanceof Node ? "" : safeLink(view.href);
    const unread = item.read ? [] : [h("span", { class: "hidden-text" }, `${texts.unread}. `)];
    this.main = h(href ? "a" : "button", {
      class: "open-item", part: "item-main", href, type: href ? null : "button", onclick: open, onauxclick: open,
    }, ...unread, ...content);
    this.main.tabIndex = tabIndex;
    this.element.replaceChildren(
      this.main,
      h("span", { class: "unread-dot", part: "item-dot" }),
      this.#actions = h("span", { class: "actions", part: "item-actions" }),
    );
    this.offer(texts);
    if (focused) this.main.focus();
  }

  /** offer brings its buttons up to date; keys stay at the one that they were at. */
  offer(texts) {
    const { actions, act } = this.handlers;
    const all = this.#offered = actions(this.item, texts);
    const { children } = this.#actions;
    if (all.length === children.length && all.every(([label], i) => children[i].ariaLabel === label)) return;
    const focused = active(this.element);
    const was = [...children].indexOf(focused);
    const is = all.findIndex(([label]) => was >= 0 && label === focused.ariaLabel);
    this.#actions.replaceChildren(...all.map(([label, drawing], i) => h("button", {
      type: "button", "aria-label": label, title: label, onclick: () => act(this.#offered[i][2]),
    }, icon("action-icon", ...drawing))));
    // It may have another place, or another name in the same one.
    /** @type {HTMLElement} */ (children[is < 0 ? was : is])?.focus();
  }

  #content(view) {
    const avatar = h("span", { class: "avatar", part: "item-avatar", "aria-hidden": "true" });
    const image = safeLink(view.image);
    if (image) avatar.append(h("img", { src: image, alt: "", loading: "lazy", referrerpolicy: "no-referrer" }));
    else avatar.append(view.icon || icon("item-icon", ...ICONS.bell));
    const words = h("span", { class: "words" }, h("span", { class: "item-title", part: "item-title" }, String(view.title ?? "")));
    if (view.body) words.append(h("span", { class: "item-body", part: "item-body" }, String(view.body)));
    words.append(this.time);
    return [avatar, words];
  }

  /** tick writes how long ago it was. */
  tick(now, lang) {
    if (Number.isNaN(this.at)) return;
    const text = ago(this.at, now, lang);
    if (this.time.textContent === text) return;
    this.time.textContent = text;
    this.time.title = exactly(this.at, lang);
  }
}
