// Bellhop, Apache License 2.0: https://github.com/bellhop/bellhop
// Code generated from web/src by go test ./web -update; DO NOT EDIT.

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

// src/bell/texts.js

// What the bell says, by language.

/** @typedef {import("../../bellhop-bell.d.ts").BellhopBellTexts} Texts */

/**
 * Those that are here from the start. The others are files of their own, which
 * languageOf fetches.
 *
 * @type {Record<string, Texts>}
 */
const languages = {
  en: {
    title: "Notifications",
    button: (unread) => (unread === "" ? "Notifications" : `Notifications, ${unread} unread`),
    markAll: "Mark all as read",
    markRead: "Mark as read",
    markUnread: "Mark as unread",
    remove: "Remove",
    unread: "Unread",
    empty: "You’re all caught up",
    emptyHint: "New notifications appear here as they happen.",
    loading: "Loading notifications",
    failed: "Your notifications could not be loaded.",
    actionFailed: "That did not work. Please try again.",
    retry: "Try again",
    retrying: "Reconnecting…",
    offline: "You’re offline. We’ll catch up when you’re back.",
    waiting: "The server is busy. We’ll be back in a moment.",
    denied: "You’re signed out.",
    arrived: (count, title) => (count === 1 ? `New notification: ${title}` : `${count} new notifications`),
  },
  ko: {
    title: "알림",
    button: (unread) => (unread === "" ? "알림" : `알림, 읽지 않음: ${unread}`),
    markAll: "모두 읽음",
    markRead: "읽음으로 표시",
    markUnread: "읽지 않음으로 표시",
    remove: "삭제",
    unread: "읽지 않음",
    empty: "새로운 알림이 없어요",
    emptyHint: "새 소식이 생기면 바로 여기에 표시됩니다.",
    loading: "알림을 불러오는 중",
    failed: "알림을 불러오지 못했습니다.",
    actionFailed: "처리하지 못했습니다. 다시 시도해 주세요.",
    retry: "다시 시도",
    retrying: "다시 연결하는 중…",
    offline: "오프라인입니다. 다시 연결되면 놓친 알림을 보여 드릴게요.",
    waiting: "서버가 혼잡합니다. 잠시 후 다시 연결합니다.",
    denied: "로그아웃되었습니다.",
    arrived: (count, title) => (count === 1 ? `새 알림: ${title}` : `새 알림 ${count}개`),
  },
};

/**
 * textsFor returns the texts of a language, English where there are none, with some
 * of the page's own.
 *
 * @param {string} lang  BCP 47
 * @param {Partial<Texts>} [own]
 * @returns {Texts}
 */
function textsFor(lang, own) {
  return { ...(languages[fileOf(lang)] ?? languages.en), ...own };
}

/** Those of the folder texts. */
const FILES = ["ja", "zh-Hans", "zh-Hant", "de", "fr", "es", "pt", "ar"];

/** fileOf is the name of a language's texts: what is written in Hong Kong is not what is in Beijing. */
function fileOf(lang) {
  const [language] = lang.toLowerCase().split("-");
  return language === "zh" ? (/-(hant|(?<!hans-)(tw|hk|mo))\b/i.test(lang) ? "zh-Hant" : "zh-Hans") : language;
}

/**
 * fetchTexts gets the texts of a language that is not here yet. False: they are here
 * already, or there are none; English is right then.
 *
 * @param {string} lang
 * @param {(file: string) => Promise<{ default: Texts }>} [load]
 */
async function fetchTexts(lang, load = (file) => import(`./texts/${file}.js`)) {
  const file = fileOf(lang);
  if (languages[file] || !FILES.includes(file)) return false;
  try {
    languages[file] = (await load(file)).default;
    return true;
  } catch {
    return false; // the page has the bell's own file only
  }
}

/**
 * localeOf returns a language in which times can be written, for what a page or a
 * browser says: "en_US" and "de-DE@euro" occur, and Intl throws at them.
 *
 * @param {string} lang
 */
function localeOf(lang) {
  try {
    return Intl.getCanonicalLocales(lang.replaceAll("_", "-").replace(/[^A-Za-z0-9-].*/, ""))[0];
  } catch {
    return "en";
  }
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} in seconds */
const UNITS = [
  ["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60],
];

/** What writes times, for the language of the last one: to make it takes far longer than to use it. */
let writers = { lang: "", relative: undefined, exact: undefined };

function writersOf(lang) {
  if (writers.lang !== lang) {
    writers = {
      lang,
      relative: new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" }),
      exact: new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }),
    };
  }
  return writers;
}

/**
 * exactly says when something was.
 *
 * @param {number} at   ms since 1970
 * @param {string} lang
 */
function exactly(at, lang) {
  return writersOf(lang).exact.format(at);
}

/**
 * ago says how long ago something was, as people of a language do.
 *
 * @param {number} at   ms since 1970
 * @param {number} now
 * @param {string} lang
 */
function ago(at, now, lang) {
  const format = writersOf(lang).relative;
  const seconds = Math.max(0, (now - at) / 1000); // the clocks of a server and a phone differ
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
  }
  return format.format(0, "second");
}

// src/bell/item.js

// One notification in the list.


/** @typedef {import("../../bellhop-bell.d.ts").BellhopView} View */

/**
 * Row is a notification's element and what it shows.
 */
class Row {
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

// src/bell/list.js

// The list of notifications: rows that stay what they are while others come and go,
// and moving among them by keys.


/** How near its end the list fetches more, in pixels. */
const AHEAD = 240;

/** A page's own parse may make numbers that JSON has no word for. */
const words = (item) => JSON.stringify(item, (_, value) => (typeof value === "bigint" ? `${value}n` : value));

const same = (a, b) => a === b || words(a) === words(b);

class List {
  /** @type {Map<number, Row>} by seq */
  #rows = new Map();
  #handlers;

  /**
   * @param {object} handlers
   * @param {(item: any, event: Event) => void} handlers.open
   * @param {(item: any, texts: any) => any[][]} handlers.actions  the last one removes it
   * @param {(action: () => Promise<void>) => void} handlers.act
   * @param {() => void} handlers.more
   */
  constructor(handlers) {
    this.#handlers = handlers;
    this.element = h("ul", {
      // Safari takes one without bullets for no list.
      class: "list", part: "list", role: "list",
      onkeydown: (event) => this.#key(event), onscroll: () => this.fill(),
    });
  }

  /**
   * show makes the list what the inbox is.
   *
   * @param {readonly any[]} items  newest first
   * @param {(item: any) => any} viewOf
   * @param {object} texts
   * @param {boolean} anew  draw everything, since views or texts are others
   */
  show(items, viewOf, texts, anew) {
    const arrivals = this.#rows.size > 0;
    const newest = Math.max(0, ...this.#rows.keys());
    const wanted = new Set(items.map((item) => item.seq));
    for (const [seq, row] of this.#rows) if (!wanted.has(seq)) this.#drop(seq, row);
    let before = this.element.firstChild;
    for (const item of items) {
      let row = this.#rows.get(item.seq);
      if (!row) {
        row = this.#newRow(item.seq);
        row.element.classList.toggle("arrived", arrivals && item.seq > newest);
      }
      // One that was only fetched again stays as it is: somebody may be pressing on it.
      const stays = !anew && same(row.item, item);
      row.item = item;
      if (stays) row.offer(texts);
      else row.show(item, viewOf(item) ?? defaultView(item), texts);
      if (row.element === before) before = before.nextSibling;
      else this.element.insertBefore(row.element, before);
    }
    this.#rove();
  }

  /** tick brings the times up to date. */
  tick(lang) {
    const now = Date.now();
    for (const row of this.#rows.values()) row.tick(now, lang);
  }

  /** fill asks for more if the end is near. */
  fill() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    if (clientHeight > 0 && scrollTop + clientHeight > scrollHeight - AHEAD) this.#handlers.more();
  }

  /** focus moves to the row that keys are at; false if there is none. */
  focus() {
    const row = [...this.#rows.values()].find(({ main }) => main.tabIndex === 0);
    row?.main.focus();
    return row !== undefined;
  }

  #newRow(seq) {
    const row = new Row({ ...this.#handlers, open: (event) => this.#handlers.open(row.item, event) });
    this.#rows.set(seq, row);
    return row;
  }

  /** #drop takes a row away; keys that were in it go on at its neighbour. */
  #drop(seq, row) {
    const focused = row.element.contains(active(this.element));
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    this.#rows.delete(seq);
    row.element.remove();
    if (!focused) return;
    const main = next?.querySelector(".open-item");
    if (main) this.#go(main);
    else /** @type {any} */ (this.element.closest(".panel"))?.focus();
  }

  /** #rove keeps exactly one row in the order of the Tab key. */
  #rove() {
    const mains = this.#mains();
    if (mains.length > 0 && !mains.some((main) => main.tabIndex === 0)) mains[0].tabIndex = 0;
  }

  #mains() {
    return /** @type {HTMLElement[]} */ ([...this.element.querySelectorAll(".open-item")]);
  }

  #go(main) {
    for (const other of this.#mains()) other.tabIndex = other === main ? 0 : -1;
    main.focus();
  }

  #key(event) {
    const mains = this.#mains();
    const at = mains.findIndex((main) => main.parentElement.contains(event.target));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: mains.length - 1 };
    if (event.key in steps) {
      const main = mains[Math.min(Math.max(steps[event.key], 0), mains.length - 1)];
      this.#go(main);
      if (main === mains.at(-1)) this.#handlers.more();
    } else if (event.key === "Delete" || event.key === "Backspace") { // the latter is a Mac's delete key
      if (event.repeat) return; // or a key held down removes them all
      /** @type {HTMLElement} */ (mains[at].parentElement.querySelector(".actions").lastElementChild).click();
    } else {
      return;
    }
    event.preventDefault();
  }
}

// src/bell/news.js

// What is read out to those who don't see the bell.

/** News of this long are told together, in ms. */
const SOON = 400;

/** For so long nobody is interrupted again, in ms. */
const PAUSE = 5_000;

/**
 * News collects what comes and tells it, at first soon and then at times: somebody
 * whose inbox is busy still wants to hear the rest of the page.
 */
class News {
  #tell;
  #first;
  #count = 0;
  #timer;

  /** @param {(count: number, first: any) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** add takes an event. */
  add(event) {
    this.#first ??= event;
    this.#count++;
    if (this.#timer === undefined) this.#wait(SOON);
  }

  /** drop forgets what has not been told. */
  drop() {
    clearTimeout(this.#timer);
    this.#timer = this.#first = undefined;
    this.#count = 0;
  }

  #wait(ms) {
    this.#timer = setTimeout(() => {
      const [count, first] = [this.#count, this.#first];
      this.drop();
      if (count === 0) return;
      this.#wait(PAUSE);
      this.#tell(count, first);
    }, ms);
  }
}

// src/bell/panel.js

// What opens under the bell.


/** The distance from the bell and from the window's edges, in pixels. */
const GAP = 8;
const SKELETONS = 4;

/** A state of the connection that is worth a line. */
const LINES = { retrying: "retrying", offline: "offline", waiting: "waiting", denied: "denied" };

class Panel {
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

// src/bell/styles.js

// How the bell looks. Colours follow the page's color-scheme; what a page may change
// are the custom properties at the top, and the parts.

const styles = `
:host {
  --_accent: var(--bellhop-accent, light-dark(#3451c7, #93a8ff));
  --_badge: var(--bellhop-badge, #d12a2a);
  --_on-badge: var(--bellhop-on-badge, #fff);
  --_surface: var(--bellhop-surface, light-dark(#fff, #191b21));
  --_raised: var(--bellhop-raised, light-dark(#f3f4f8, #252831));
  --_text: var(--bellhop-text, light-dark(#171a21, #f0f2f6));
  --_muted: var(--bellhop-muted, light-dark(#5a6270, #a7aebb));
  --_border: var(--bellhop-border, light-dark(#e3e6ec, #31353f));
  --_radius: var(--bellhop-radius, 14px);
  --_width: var(--bellhop-width, 384px);
  --_ease: cubic-bezier(.2, .7, .3, 1);
  display: inline-block;
  position: relative;
  font: 400 14px/20px var(--_fonts);
  -webkit-font-smoothing: antialiased;
}
:host([hidden]) { display: none; }
:host([theme="auto"]) { color-scheme: light dark; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }

*, ::before, ::after { box-sizing: border-box; }
button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 0; cursor: pointer; text-align: inherit; }
.icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; display: block; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.panel:focus-visible { outline: none; } /* it takes the focus for others, and is nothing to be pressed */
.hidden-text { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.bell {
  position: relative; display: grid; place-items: center;
  width: 40px; height: 40px; border-radius: 50%;
  color: var(--bellhop-icon, var(--_text));
  transition: background-color 150ms;
}
.bell:hover, .bell[aria-expanded="true"] { background: var(--_raised); }
.bell .icon { width: 22px; height: 22px; transform-origin: 50% 15%; }
.bell.ringing .icon { animation: ring 600ms var(--_ease); }
@keyframes ring { 20% { rotate: 14deg; } 40% { rotate: -11deg; } 60% { rotate: 7deg; } 80% { rotate: -4deg; } }
.badge {
  position: absolute; inset-block-start: 2px; inset-inline-start: 20px; /* it grows away from the bell */
  min-width: 18px; height: 18px; padding: 0 4.5px; border-radius: 9px;
  font-size: 11px; line-height: 18px; font-weight: 650; text-align: center; font-variant-numeric: tabular-nums;
  color: var(--_on-badge); background: var(--_badge); box-shadow: 0 0 0 2px var(--bellhop-page, var(--_surface));
  transition: scale 180ms var(--_ease), opacity 180ms;
}
.badge.none { scale: .4; opacity: 0; }

.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; z-index: 1000;
  width: min(var(--_width), var(--_space, calc(100vw - 16px))); max-height: min(600px, var(--_room, 80vh));
  flex-direction: column; overflow: hidden;
  color: var(--_text); background: var(--_surface);
  border: 1px solid var(--_border); border-radius: var(--_radius);
  box-shadow: 0 1px 2px rgb(0 0 0 / .06), 0 12px 40px -8px light-dark(rgb(23 26 33 / .22), rgb(0 0 0 / .7));
  text-align: start;
}
.panel:not(.open) { display: none; }
.panel.open { display: flex; animation: appear 170ms var(--_ease); }
@keyframes appear { from { opacity: 0; translate: 0 -6px; } }

.head { display: flex; align-items: center; gap: 8px; padding-block: 14px 12px; padding-inline: 18px 12px; border-block-end: 1px solid var(--_border); }
h2 { flex: 1; margin: 0; font-size: 15px; line-height: 24px; font-weight: 650; letter-spacing: -.005em; }
.text-button {
  display: inline-flex; align-items: center; gap: 6px; padding: 4px 10px; border-radius: 8px;
  font-size: 13px; font-weight: 550; color: var(--_accent); transition: background-color 150ms, opacity 150ms;
}
.text-button:hover { background: var(--_raised); }
.text-button .icon { width: 16px; height: 16px; flex: none; }
.text-button[disabled] { opacity: 0; pointer-events: none; }

.list { min-height: 0; margin: 0; padding: 6px; overflow-y: auto; overscroll-behavior: contain; list-style: none; scrollbar-width: thin; scrollbar-color: var(--_border) transparent; }
.item { position: relative; border-radius: 10px; transition: background-color 150ms; }
.item:hover, .item:has(:focus-visible) { background: var(--_raised); }
.item.arrived { animation: arrive 200ms var(--_ease); }
@keyframes arrive { from { opacity: 0; translate: 0 -8px; } }
.open-item { display: flex; align-items: flex-start; gap: 12px; width: 100%; padding-block: 10px; padding-inline: 12px 30px; border-radius: 10px; color: inherit; text-decoration: none; }
.open-item:focus-visible { outline-offset: -2px; }
.avatar {
  flex: none; display: grid; place-items: center; width: 36px; height: 36px; margin-block-start: 1px; border-radius: 50%; overflow: hidden;
  font-weight: 650; font-size: 15px; color: var(--_accent); background: color-mix(in srgb, var(--_accent) 13%, transparent);
}
.avatar img { width: 100%; height: 100%; object-fit: cover; }
.avatar .icon { width: 18px; height: 18px; }
.words { flex: 1; min-width: 0; display: grid; }
.item-title, .item-body { overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow-wrap: anywhere; }
.item-title { font-weight: 450; }
.unread .item-title { font-weight: 650; }
.item-body { color: var(--_muted); font-size: 13px; line-height: 19px; }
time { color: var(--_muted); font-size: 12px; line-height: 18px; }
.unread-dot { position: absolute; inset-inline-end: 14px; inset-block-start: 17px; width: 8px; height: 8px; border-radius: 50%; background: var(--_accent); transition: scale 180ms var(--_ease), opacity 150ms; }
.item:not(.unread) .unread-dot { scale: 0; }
.actions { position: absolute; inset-inline-end: 6px; inset-block-start: 6px; display: flex; gap: 2px; padding: 2px; border-radius: 9px; background: var(--_surface); box-shadow: 0 0 0 1px var(--_border); opacity: 0; transition: opacity 150ms; }
.item:hover .actions, .item:has(:focus-visible) .actions { opacity: 1; }
.item:hover .unread-dot, .item:has(:focus-visible) .unread-dot { opacity: 0; }
.actions button { display: grid; place-items: center; width: 28px; height: 28px; border-radius: 7px; color: var(--_muted); transition: background-color 150ms, color 150ms; }
.actions button:hover { color: var(--_text); background: var(--_raised); }
.actions button:focus-visible { outline-offset: -2px; }
.actions .icon { width: 16px; height: 16px; }
@media (hover: none) {
  .actions { flex-direction: column; opacity: 1; background: none; box-shadow: none; }
  .item .unread-dot { inset-inline-end: auto; inset-inline-start: 2px; inset-block-start: 24px; opacity: 1 !important; }
  .open-item { padding-inline-end: 46px; min-height: 74px; }
}

.message { display: grid; justify-items: center; gap: 4px; padding: 44px 32px 52px; text-align: center; color: var(--_muted); text-wrap: balance; }
.message .icon { width: 40px; height: 40px; stroke-width: 1.25; margin-block-end: 10px; color: var(--_accent); opacity: .75; }
.message strong { color: var(--_text); font-weight: 600; }
.message .text-button { margin-block-start: 10px; background: var(--_raised); }

.skeleton { display: grid; grid-template-columns: 36px 1fr; gap: 8px 12px; padding: 12px; }
.skeleton i { display: block; height: 10px; border-radius: 5px; background: var(--_raised); animation: breathe 1.4s ease-in-out infinite; }
.skeleton i:first-child { grid-row: 1 / span 2; height: 36px; border-radius: 50%; }
.skeleton i:nth-child(2) { width: 78%; margin-block-start: 5px; }
.skeleton i:nth-child(3) { width: 46%; }
@keyframes breathe { 50% { opacity: .45; } }

.state { display: flex; align-items: center; gap: 8px; padding: 9px 18px; border-block-start: 1px solid var(--_border); color: var(--_muted); font-size: 12.5px; line-height: 18px; }
.state[hidden] { display: none; }
.state::before { content: ""; flex: none; width: 7px; height: 7px; border-radius: 50%; background: light-dark(#b9770e, #e0a63a); }
.state.bad::before { background: light-dark(#d12a2a, #ff7b7b); }

@media (max-width: 480px) {
  .panel { width: var(--_space, calc(100vw - 16px)); }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .panel, .badge, .bell { border: 1px solid; }
  .unread-dot { background: Highlight; }
}
`;

// src/bell/bell.js

// The element <bellhop-bell>.


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
