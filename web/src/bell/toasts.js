// <bellhop-toasts>: shows what arrives, for a moment.

import { goneBy, onArrival } from "./arrival.js";
import { h, icon, ICONS, safeLink } from "./dom.js";
import { fonts } from "./fonts.js";
import { defaultView, pagesView, templateOf } from "./view.js";

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
