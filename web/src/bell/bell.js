// The element <bellhop-bell>.

import { h, icon, ICONS } from "./dom.js";
import { fonts } from "./fonts.js";
import { defaultView, pagesView, templateOf } from "./view.js";
import { List } from "./list.js";
import { News } from "./news.js";
import { Panel } from "./panel.js";
import { styles } from "./styles.js";
import { fetchTexts, localeOf, textsFor } from "./texts.js";

const TICK = 30_000;
const MOST_SHOWN = 99;

/** @type {Set<BellhopBell>} those on the page */
const bells = new Set();

/** Firefox does not ask again for a script that did not come, so that each try has an address of its own. */
let failures = 0;

/** One for all bells; style-src of a content security policy does not concern it. */
let sheet;

/** Where pages are rendered on a server there are no elements, and importing us must do no harm. */
const Element = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * BellhopBell is a bell with a count and a list. See bellhop-bell.d.ts for what a
 * page may set.
 */
export class BellhopBell extends Element {
  static observedAttributes = ["lang", "url"];

  #client = null;
  #ownClient = false;
  #connecting = false;
  #fault; // why there is no client of our own
  #token;
  #renderItem;
  #templates = {};
  #ownTexts;
  #texts;
  #lang = "en";
  #addition = null; // what bellhop-tidy.js adds
  #stops = [];
  #ticker;
  #news = new News((count, event) => this.#announce(count, event));
  #failed = false; // the last thing that somebody wanted done
  #button;
  #badge;
  #live;
  #list;
  #panel;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(fonts + styles);
    }
    root.adoptedStyleSheets = [sheet];
    this.#badge = h("span", { class: "badge none", part: "badge", dir: "ltr", "aria-hidden": "true" });
    this.#button = h("button", {
      class: "bell", part: "button", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false",
      onclick: () => this.toggle(),
    }, icon("icon", ...ICONS.bell), this.#badge);
    this.#button.addEventListener("animationend", () => this.#button.classList.remove("ringing"));
    this.#live = h("div", { class: "hidden-text", id: "news", role: "status", "aria-live": "polite" });
    this.#list = new List({
      open: (item, event) => this.#openItem(item, event),
      actions: (item, texts) => this.#actions(item, texts),
      act: (action) => this.#do(action),
      more: () => this.#more(),
    });
    this.#panel = new Panel(this, this.#button, this.#list, {
      markAll: () => this.#do(() => this.#client.markRead()),
      retry: () => this.#retry(),
      toggled: (open) => this.#toggled(open),
    });
    root.append(this.#button, this.#panel.element, this.#live);
  }

  connectedCallback() {
    for (const name of ["client", "token", "renderItem", "templates", "texts"]) this.#upgrade(name);
    bells.add(this);
    this.#draw(true);
    this.#listen();
    // A page that sets `client` does so in the same go.
    queueMicrotask(() => this.#connect());
  }

  disconnectedCallback() {
    bells.delete(this);
    this.close();
    // An element that is only moved is connected again in the same go.
    queueMicrotask(() => {
      if (this.isConnected) return;
      if (this.#ownClient) this.#release();
      else this.#ignore();
    });
  }

  attributeChangedCallback(name, was, is) {
    if (was === is) return;
    if (name === "lang") {
      this.#draw(true);
      return;
    }
    if (!this.#client || this.#ownClient) this.client = null;
    queueMicrotask(() => this.#connect());
  }

  get client() { return this.#client; }
  set client(client) {
    this.#release();
    this.#client = client ?? null;
    if (this.isConnected) this.#listen();
    this.#draw(false);
  }

  get token() { return this.#token; }
  set token(token) { this.#token = token; }

  get renderItem() { return this.#renderItem; }
  set renderItem(render) { this.#renderItem = render; this.#draw(true); }

  get templates() { return this.#templates; }
  set templates(templates) { this.#templates = templates ?? {}; this.#draw(true); }

  get texts() { return this.#ownTexts; }
  set texts(texts) { this.#ownTexts = texts; this.#draw(true); }

  get open() { return this.#panel.isOpen; }

  /** extend has bellhop-tidy.js change what is shown, and draws that; null takes it away. */
  extend(addition, anew = true) {
    this.#addition = addition;
    this.#draw(anew);
  }

  /** show opens the list. */
  show() { this.#panel.show(); }
  /** close closes it. */
  close() { this.#panel.close(); }
  toggle() { if (this.open) this.close(); else this.show(); }

  /** #upgrade takes over a property that was set before the element was defined. */
  #upgrade(name) {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete this[name];
    this[name] = value;
  }

  /** #connect makes a client of our own if the page asks for one, by the attribute url. */
  async #connect() {
    if (this.#connecting || !this.isConnected || this.#client || !this.hasAttribute("url")) return;
    this.#connecting = true;
    this.#fault = undefined;
    this.#draw(false);
    try {
      // @ts-expect-error: it stands beside what is made of these sources
      const { Bellhop } = await (failures === 0 ? import("./bellhop.js") : import(`./bellhop.js?${failures}`));
      if (!this.isConnected || this.#client || !this.hasAttribute("url")) return;
      this.client = new Bellhop({ url: this.getAttribute("url"), token: this.#token });
      this.#ownClient = true;
    } catch (error) {
      failures++;
      reportError(error);
      this.#fault = error;
      this.#draw(false);
    } finally {
      this.#connecting = false;
    }
  }

  #listen() {
    const client = this.#client;
    if (!client || this.#stops.length > 0) return;
    this.#stops = [
      client.on("bellhop.inbox", () => this.#draw(false)),
      client.on("bellhop.status", () => this.#draw(false)),
      client.on("*", (event, { live }) => { if (live && event.channel.startsWith("user:")) this.#ring(event); }),
    ];
  }

  #ignore() {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#news.drop();
  }

  #release() {
    this.#ignore();
    if (this.#ownClient) this.#client.close();
    this.#ownClient = false;
    this.#client = null;
    this.#fault = undefined;
  }

  /** #draw shows what is so now; anew after texts or views have changed. */
  #draw(anew) {
    if (!this.isConnected) return;
    if (anew || !this.#texts) {
      this.#lang = localeOf(this.getAttribute("lang") || this.closest("[lang]")?.getAttribute("lang") ||
        document.documentElement.lang || navigator.language);
      this.#texts = textsFor(this.#lang, this.#ownTexts);
      fetchTexts(this.#lang).then((came) => { if (came) for (const bell of bells) bell.#draw(true); });
    }
    const added = this.#addition;
    const texts = added?.draw(this.#texts, this.#lang) ?? this.#texts;
    const inbox = this.#shown?.inbox ?? { items: [], unread: 0, hasMore: false, loading: false, loaded: false, error: this.#fault };
    const count = added?.count ?? this.#client?.inbox.unread ?? 0;
    const unread = count === 0 ? "" : count > MOST_SHOWN ? `${MOST_SHOWN}+` : String(count);
    // What can be seen and what is read out must be the same, for those who speak to
    // their computer.
    this.#button.setAttribute("aria-label", texts.button(unread));
    this.#badge.textContent = unread;
    this.#badge.classList.toggle("none", unread === "");
    if (!this.open && !anew) return;
    this.#list.show(inbox.items, (item) => this.#view(item), texts, anew);
    this.#list.tick(this.#lang);
    // All that is marked at once is all of the inbox, not of a part.
    this.#panel.draw(added?.view ? { ...inbox, unread: 0 } : inbox, this.#client?.status, texts, this.#failed);
    if (!this.open) return;
    if (inbox.items.length === 0) this.#more(); // a page may be empty without being the last
    else this.#list.fill();
  }

  /** #shown is what the list is of: the whole inbox, or what is chosen of it. */
  get #shown() { return this.#addition?.view ?? this.#client; }

  /** #actions are the buttons of an item: what each says, its drawing, and what it does. */
  #actions(item, texts) {
    const { read, seq } = item;
    const shown = this.#shown;
    const own = [
      read ? [texts.markUnread, ICONS.dot, () => shown.markUnread([seq])] : [texts.markRead, ICONS.check, () => shown.markRead([seq])],
      [texts.remove, ICONS.remove, () => shown.remove(seq)],
    ];
    return this.#addition?.actions(item, own) ?? own;
  }

  /** #view is what the page makes of an item; null if nothing. */
  #view(item) {
    const context = { lang: this.#lang, texts: this.#texts };
    return pagesView(() => this.#renderItem?.(item, context) ?? templateOf(this.#templates, item.type)?.(item, context));
  }

  #toggled(open) {
    clearInterval(this.#ticker);
    if (open) {
      this.#failed = false;
      this.#draw(false);
      this.#ticker = setInterval(() => this.#list.tick(this.#lang), TICK);
    }
    this.dispatchEvent(new CustomEvent("bellhop-toggle", { detail: { open } }));
  }

  #openItem(item, event) {
    const { button, ctrlKey, metaKey, shiftKey, currentTarget } = event;
    const link = currentTarget.localName === "a";
    if (button > 1 || (button === 1 && !link)) return;
    // What opens another tab leaves this page where it is.
    if (!link || !(button === 1 || ctrlKey || metaKey || shiftKey)) {
      const proceed = this.dispatchEvent(new CustomEvent("bellhop-item", { detail: item, bubbles: true, composed: true, cancelable: true }));
      if (!proceed) event.preventDefault();
    }
    if (!item.read) this.#do(() => this.#shown.markRead([item.seq]));
  }

  async #do(action) {
    try {
      await action();
      this.#failed = false;
    } catch {
      this.#failed = true;
    }
    this.#draw(false);
  }

  #more() {
    const { inbox } = this.#shown ?? {};
    // After a failure only somebody's click tries again, or scrolling would hammer.
    // A client that only counts fetches a list when it is asked for one.
    const asked = inbox?.hasMore || (inbox?.loaded === false && this.#client.status.state === "live");
    if (asked && !inbox.loading && !inbox.error) this.#shown.loadMore().catch(() => {});
  }

  #retry() {
    if (!this.#client) this.#connect();
    else if (this.#client.status.state === "denied") this.#client.reconnect();
    else this.#shown.refresh().catch(() => {});
  }

  /** #ring shows and says that something has happened. */
  #ring(event) {
    this.#button.classList.remove("ringing");
    void this.#button.offsetWidth; // so that it begins again
    this.#button.classList.add("ringing");
    this.#news.add(event);
  }

  #announce(count, event) {
    if (this !== [...bells].find((bell) => this.#shares(bell) && bell.checkVisibility())) return; // another one says it
    const view = this.#view(event) ?? defaultView(event);
    this.#live.textContent = this.#texts.arrived(count, view instanceof Node ? view.textContent : view.title);
  }

  /** #shares tells whether another bell shows the same inbox. */
  #shares(other) {
    return this.#client === other.#client || (this.#ownClient && other.#ownClient &&
      this.getAttribute("url") === other.getAttribute("url") && this.#token === other.#token);
  }
}

if (globalThis.customElements && !customElements.get("bellhop-bell")) customElements.define("bellhop-bell", BellhopBell);
