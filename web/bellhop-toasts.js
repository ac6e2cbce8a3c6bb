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

// src/bell/dom.js

// Making elements. There is no markup from strings anywhere in the bell: what a
// notification says can't become any, and pages that enforce Trusted Types work.

const SVG = "http://www.w3.org/2000/svg";

/**
 * h makes an element. Properties that begin with "on" are listeners, others are
 * attributes; false, null and undefined leave one out. Children are nodes or text.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** active is what has the keys where an element is: in its shadow root, or on its page. */
function active(element) {
  return /** @type {any} */ (element.getRootNode()).activeElement;
}

/** icon makes a drawing of 24 by 24 from the data of its paths. */
function icon(part, ...paths) {
  const svg = document.createElementNS(SVG, "svg");
  fill(svg, { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon", part }, []);
  for (const d of paths) svg.append(fill(document.createElementNS(SVG, "path"), { d }, []));
  return svg;
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const ICONS = {
  bell: ["M18 9a6 6 0 1 0-12 0c0 6-2.5 7.5-2.5 7.5h17S18 15 18 9", "M13.7 20a2 2 0 0 1-3.4 0"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  dot: ["M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7"],
  remove: ["M6.5 6.5l11 11", "M17.5 6.5l-11 11"],
  all: ["M2.5 12.5l4.5 4.5L16.5 7.5", "M12 16l1 1 9-9.5"],
};

/**
 * safeLink returns an address to which a notification may lead, "" if it is none:
 * javascript: and its like run as the page.
 *
 * @param {unknown} href
 */
function safeLink(href) {
  if (typeof href !== "string" || href === "") return "";
  try {
    const url = new URL(href, document.baseURI);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}

// src/bell/fonts.js

// The fonts of Korean, Japanese and Chinese.

/**
 * fonts sets --_fonts of an element. What writes its language is named, since each
 * system has its own, and the three write the same characters differently.
 */
const fonts = `
:host { --_fonts: var(--bellhop-font, system-ui, "Segoe UI", Roboto, var(--_own, sans-serif), sans-serif); }
:host(:lang(ko)) { --_own: "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", NanumGothic; }
:host(:lang(ja)) { --_own: "Hiragino Sans", "Yu Gothic UI", "Noto Sans CJK JP"; }
:host(:lang(zh)) { --_own: "PingFang SC", "Microsoft YaHei UI", "Noto Sans CJK SC"; }
:host(:lang(zh-Hant)) { --_own: "PingFang TC", "Microsoft JhengHei UI", "Noto Sans CJK TC"; }
`;

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

// src/bell/toasts.js

// <bellhop-toasts>: shows what arrives, for a moment.


/** So many are shown at a time; those that come meanwhile wait, as many again. */
const MOST = 3;

/** What the button says, by language. */
const DISMISS = {
  en: "Dismiss", ko: "닫기", ja: "閉じる", zh: "关闭", de: "Schließen", fr: "Fermer", es: "Cerrar", pt: "Fechar", ar: "إغلاق",
};

const sheet = globalThis.CSSStyleSheet && new CSSStyleSheet();
sheet?.replaceSync?.(fonts + `
  :host { position: fixed; inset-block-end: 16px; inset-inline-end: 16px; z-index: 2147483647; display: block; width: min(340px, calc(100vw - 32px)); pointer-events: none; font: 14px/20px var(--_fonts); }
  :host([hidden]) { display: none; }
  ol { display: grid; gap: 8px; margin: 0; padding: 0; list-style: none; }
  li { display: flex; align-items: flex-start; gap: 8px; padding: 12px; border-radius: var(--bellhop-radius, 14px); pointer-events: auto; color: var(--bellhop-text, light-dark(#171a21, #f0f2f6)); background: var(--bellhop-surface, light-dark(#fff, #191b21)); border: 1px solid var(--bellhop-border, light-dark(#e3e6ec, #31353f)); box-shadow: 0 8px 30px -8px rgb(0 0 0 / .35); }
  a, p { flex: 1; min-width: 0; margin: 0; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
  a:hover strong { text-decoration: underline; }
  strong, span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
  span { color: var(--bellhop-muted, light-dark(#5a6270, #a7aebb)); }
  button { all: unset; cursor: pointer; width: 24px; height: 24px; border-radius: 6px; display: grid; place-items: center; }
  :focus-visible { outline: 2px solid var(--bellhop-accent, light-dark(#3451c7, #93a8ff)); outline-offset: 1px; }
  svg { width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; }
  @media (prefers-reduced-motion: no-preference) { li { animation: in 200ms ease-out; } @keyframes in { from { opacity: 0; translate: 0 12px; } } }
`);

/** A server that renders pages has no elements. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

export class BellhopToasts extends Base {
  #client;
  #templates = {};
  #list;
  #off = [];
  /** @type {Map<number, { row: HTMLElement, timer?: ReturnType<typeof setTimeout> }>} by seq */
  #shown = new Map();
  #waiting = [];
  #held = false; // somebody points at one, or has the focus in it

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.#list = h("ol", { role: "status", "aria-live": "polite", part: "list" });
    for (const [type, held] of /** @type {[string, boolean][]} */ ([["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]])) {
      this.#list.addEventListener(type, () => this.#hold(held));
    }
    root.append(this.#list);
  }

  get client() { return this.#client; }
  set client(client) {
    this.#ignore();
    this.#client = client ?? null;
    if (this.isConnected) this.#listen();
  }

  get templates() { return this.#templates; }
  set templates(templates) { this.#templates = templates ?? {}; }

  connectedCallback() {
    for (const name of ["client", "templates"]) { // set before this file was loaded
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    this.#ignore();
    this.#listen();
  }

  disconnectedCallback() { this.#ignore(); }

  /** clear takes all away. */
  clear() {
    this.#waiting = [];
    for (const seq of [...this.#shown.keys()]) this.#drop(seq);
  }

  #listen() {
    if (!this.#client) return;
    this.#off = [
      onArrival(this.#client, (event) => this.#arrived(event)),
      this.#client.on("bellhop.inbox", (inbox) => this.#settle(inbox)),
    ];
  }

  #ignore() {
    for (const off of this.#off) off();
    this.#off = [];
    this.clear();
  }

  /** #settle takes away what was read or removed elsewhere. */
  #settle(inbox) {
    const gone = goneBy(inbox);
    this.#waiting = this.#waiting.filter(({ seq }) => !gone(seq));
    for (const seq of [...this.#shown.keys()]) if (gone(seq)) this.#drop(seq);
  }

  #arrived(event) {
    const bells = /** @type {any[]} */ ([...document.querySelectorAll("bellhop-bell")]);
    if (bells.some(({ open }) => open)) return; // it is seen there
    this.#waiting.push(event);
    if (this.#waiting.length > MOST) this.#waiting.shift();
    this.#next();
  }

  #next() {
    while (this.#waiting.length > 0 && this.#shown.size < MOST) this.#show(this.#waiting.shift());
  }

  #show(event) {
    const view = this.#view(event);
    const lang = (this.closest("[lang]")?.getAttribute("lang") || navigator.language).slice(0, 2).toLowerCase();
    const words = view instanceof Node ? [view] : [h("strong", {}, view.title), ...(view.body ? [h("span", {}, view.body)] : [])];
    const href = view instanceof Node ? "" : safeLink(view.href);
    const row = h("li", { part: "toast" },
      href ? h("a", { href, onclick: () => this.#read(event) }, ...words) : h("p", {}, ...words),
      h("button", { type: "button", "aria-label": DISMISS[lang] ?? DISMISS.en, onclick: () => this.#drop(event.seq) }, icon("dismiss", ...ICONS.remove)));
    this.#shown.set(event.seq, { row });
    this.#list.append(row);
    this.#time(event.seq);
  }

  #view(event) {
    return pagesView(() => templateOf(this.#templates, event.type)?.(event, {})) ?? defaultView(event);
  }

  #read(event) {
    this.#client.markRead([event.seq]).catch(() => {});
    this.#drop(event.seq);
  }

  /** #time has one leave after a while, unless it is held. `duration` is in seconds; 0: it stays. */
  #time(seq) {
    const entry = this.#shown.get(seq);
    clearTimeout(entry.timer);
    const seconds = Number(this.getAttribute("duration") ?? 8);
    entry.timer = this.#held || !(seconds > 0) ? undefined : setTimeout(() => this.#drop(seq), seconds * 1_000);
  }

  #hold(held) {
    this.#held = held;
    for (const seq of this.#shown.keys()) this.#time(seq);
  }

  #drop(seq) {
    const entry = this.#shown.get(seq);
    if (!entry) return;
    clearTimeout(entry.timer);
    this.#shown.delete(seq);
    entry.row.remove();
    if (this.#shown.size === 0) this.#held = false; // what was pointed at is gone
    this.#next();
  }
}

if (globalThis.customElements && !customElements.get("bellhop-toasts")) customElements.define("bellhop-toasts", BellhopToasts);
