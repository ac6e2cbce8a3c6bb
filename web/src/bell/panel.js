// What opens under the bell.

import { active, h, icon, ICONS } from "./dom.js";

/** The distance from the bell and from the window's edges, in pixels. */
const GAP = 8;
const SKELETONS = 4;

/** A state of the connection that is worth a line. */
const LINES = { retrying: "retrying", offline: "offline", waiting: "waiting", denied: "denied" };

export class Panel {
  isOpen = false;

  #host;
  #button;
  #list;
  #handlers;
  #title;
  #markAll;
  #message;
  #state;
  #shown = {}; // which message, in which texts
  #presses = new WeakSet(); // those within the bell
  /** A closed shadow root around us hides from the document where a press is; it gets to us next. */
  #away = (event) => setTimeout(() => { if (!this.#presses.has(event)) this.close(); });
  #place = () => this.#position();

  /**
   * @param {HTMLElement} host
   * @param {HTMLElement} button
   * @param {import("./list.js").List} list
   * @param {object} handlers
   * @param {() => void} handlers.markAll
   * @param {() => void} handlers.retry
   * @param {(open: boolean) => void} handlers.toggled
   */
  constructor(host, button, list, handlers) {
    this.#host = host;
    this.#button = button;
    this.#list = list;
    this.#handlers = handlers;
    this.#title = h("h2", { id: "title", part: "title" });
    this.#markAll = /** @type {HTMLButtonElement} */ (
      h("button", { class: "text-button", part: "mark-all", type: "button", onclick: handlers.markAll }));
    this.#message = h("div", { part: "message" });
    this.#state = h("div", { class: "state", part: "state", role: "status", hidden: true });
    this.element = h("div", {
      class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", tabindex: "-1", id: "panel",
    // No <header>: it would be another banner of the page.
    }, h("div", { class: "head", part: "header" }, this.#title, this.#markAll), list.element, this.#message, this.#state);
    // The top layer is above whatever the page has, and clipped by nothing of it.
    if ("popover" in HTMLElement.prototype) this.element.setAttribute("popover", "manual");
    button.setAttribute("aria-controls", "panel");
    host.addEventListener("pointerdown", (event) => this.#presses.add(event), true);
    host.addEventListener("keydown", (event) => this.#key(event)); // at the bell too
    host.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !host.contains(/** @type {Node} */ (event.relatedTarget))) this.close();
    });
  }

  show() {
    if (this.isOpen || !this.#host.isConnected) return;
    this.isOpen = true;
    this.element.classList.add("open");
    this.element.showPopover?.();
    this.#button.setAttribute("aria-expanded", "true");
    this.#handlers.toggled(true);
    this.#position();
    document.addEventListener("pointerdown", this.#away, true);
    window.addEventListener("resize", this.#place);
    window.addEventListener("scroll", this.#place, { capture: true, passive: true });
    this.#focusSomething();
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    const inside = this.#focusIn(this.element);
    if (this.element.matches?.(":popover-open")) this.element.hidePopover();
    this.element.classList.remove("open");
    this.#button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", this.#away, true);
    window.removeEventListener("resize", this.#place);
    window.removeEventListener("scroll", this.#place, { capture: true });
    if (inside) this.#button.focus();
    this.#handlers.toggled(false);
  }

  /**
   * draw shows everything but the list.
   *
   * @param {any} inbox
   * @param {any} status
   * @param {any} texts
   * @param {boolean} failed  the last thing that somebody wanted done did not work
   */
  draw(inbox, status, texts, failed) {
    this.#title.textContent = texts.title;
    this.#markAll.replaceChildren(icon("mark-all-icon", ...ICONS.all), texts.markAll);
    const focused = this.#focusIn(this.#markAll);
    this.#markAll.disabled = inbox.unread === 0;
    if (focused && this.#markAll.disabled) this.#focusSomething();
    this.#list.element.setAttribute("aria-label", texts.title);
    this.#list.element.setAttribute("aria-busy", String(inbox.loading));
    const empty = inbox.items.length === 0;
    this.#list.element.hidden = empty;
    this.#list.element.style.display = empty ? "none" : "";
    this.#drawMessage(inbox, status, texts, empty);
    const line = LINES[status?.state];
    const text = failed ? texts.actionFailed : line ? texts[line] : "";
    if (this.#state.textContent !== text) this.#state.textContent = text;
    this.#state.hidden = text === "";
    this.#state.classList.toggle("bad", failed || status?.state === "denied");
  }

  #focusIn(/** @type {HTMLElement} */ element) {
    return element.contains(active(element));
  }

  /** #focusSomething is for when what had the focus is gone: keys must go on somewhere. */
  #focusSomething() {
    if (!this.#list.focus()) this.element.focus();
  }

  #drawMessage(inbox, status, texts, empty) {
    const failed = inbox.error && !inbox.loading;
    const which = failed ? "failed" : empty && inbox.loaded ? "empty" : empty && status?.state !== "denied" ? "loading" : "";
    if (this.#shown.which === which && this.#shown.texts === texts) return;
    Object.assign(this.#shown, { which, texts });
    const focused = this.#focusIn(this.#message);
    if (which === "failed") {
      const retry = h("button", { class: "text-button", type: "button", onclick: this.#handlers.retry }, texts.retry);
      this.#message.replaceChildren(h("div", { class: "message", part: "error" }, texts.failed, retry));
    } else if (which === "empty") {
      this.#message.replaceChildren(h("div", { class: "message", part: "empty" },
        icon("empty-icon", ...ICONS.bell), h("strong", {}, texts.empty), h("span", {}, texts.emptyHint)));
    } else if (which === "loading") {
      const rows = Array.from({ length: SKELETONS }, () => h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i")));
      this.#message.replaceChildren(h("span", { class: "hidden-text" }, texts.loading), ...rows);
    } else {
      this.#message.replaceChildren();
    }
    if (focused) this.#focusSomething();
  }

  /** #position puts the panel below the bell, or above it where there is more room. */
  #position() {
    const bell = this.#button.getBoundingClientRect();
    const { style } = this.element;
    const { clientWidth, clientHeight: height } = document.documentElement;
    // What a page keeps free for a scrollbar (scrollbar-gutter) counts in clientWidth, and
    // not in what a percentage is of.
    style.width = "100%";
    const width = Math.min(clientWidth, this.element.offsetWidth || clientWidth);
    style.width = "";
    const below = height - bell.bottom - 2 * GAP;
    const above = bell.top - 2 * GAP;
    const up = below < 320 && above > below;
    style.setProperty("--_space", `${width - 2 * GAP}px`); // 100vw counts a scrollbar in
    style.setProperty("--_room", `${Math.max(160, up ? above : below)}px`);
    style.top = up ? "auto" : `${bell.bottom + GAP}px`;
    style.bottom = up ? `${height - bell.top + GAP}px` : "auto";
    // Its far edge at the bell's, on whichever side that leaves it in the window.
    const rtl = getComputedStyle(this.#host).direction === "rtl";
    const own = this.element.offsetWidth;
    const left = rtl ? bell.left : bell.right - own;
    style.left = `${Math.max(GAP, Math.min(left, width - own - GAP))}px`;
  }

  #key(event) {
    if (event.key !== "Escape" || !this.isOpen) return;
    event.stopPropagation();
    event.preventDefault(); // or a dialog around it closes too
    this.close();
    this.#button.focus();
  }
}
