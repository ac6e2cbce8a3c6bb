// Bellhop, Apache License 2.0: https://github.com/bellhop/bellhop
// Code generated from web/src by go test ./web -update; DO NOT EDIT.

// src/bell/counts.js

// How many are unread by type, and how many nobody has seen, without asking for each event.

/** What somebody did themselves is counted anew after this, in ms. */
const SOON = 150;

/** What many clients see at once within this. */
const SPREAD = 3_000;

/** So many events are counted here before the gateway is asked. */
const MOST_ABOVE = 100;

/** Changes that a publisher makes, perhaps to many inboxes. */
const OF_PUBLISHERS = ["removed", "replaced", "other"];

/**
 * Counts has the gateway's counts, and adds the events above them, one each. After any
 * other change it asks again.
 */
class Counts {
  #client;
  #onChange;
  #base = null;
  #above = new Map(); // types of events above base.head, by seq
  #seen = 0; // all up to this seq
  #changes = 0;
  #life = 0; // changes that began one
  #asking = false;
  #timer;
  #stops;

  /**
   * @param {import("../../bellhop.d.ts").Bellhop} client
   * @param {() => void} onChange
   */
  constructor(client, onChange) {
    this.#client = client;
    this.#onChange = onChange;
    this.#stops = [
      client.on("*", (event) => { if (event.channel.startsWith("user:")) this.#event(event); }),
      client.on("bellhop.change", ({ change }) => {
        if (change !== "muted") this.#askAfter(OF_PUBLISHERS.includes(change) ? Math.random() * SPREAD : SOON);
      }),
      client.on("bellhop.ready", ({ unread, head }) => {
        const known = this.#base ? unread === this.#base.unread + this.#above.size && head <= this.#newest : this.#asking;
        if (!known) this.#askAfter(Math.random() * SPREAD);
      }),
      client.on("bellhop.reset", ({ channel }) => { if (channel.startsWith("user:")) this.#reset(); }),
    ];
    this.#ask();
  }

  /** unseen is 0 while nothing is known. */
  get unseen() {
    return (this.#base?.unseen ?? 0) + [...this.#above.keys()].filter((seq) => seq > this.#seen).length;
  }

  /** see takes all that is there for seen, until the gateway says how it is. */
  see() {
    this.#seen = this.#newest;
    if (this.#base) this.#base = { ...this.#base, unseen: 0 };
  }

  /** of is how many of some types are unread. */
  of(/** @type {readonly string[]} */ types) {
    const above = [...this.#above.values()].filter((type) => types.includes(type)).length;
    return types.reduce((sum, type) => sum + (this.#base?.by_type[type] ?? 0), above);
  }

  end() {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#onChange = () => {};
  }

  get #newest() { return Math.max(this.#base?.head ?? 0, ...this.#above.keys()); }

  #event({ seq, type }) {
    if (seq <= (this.#base?.head ?? 0)) return;
    this.#above.set(seq, type);
    if (this.#above.size > MOST_ABOVE) this.#askAfter(Math.random() * SPREAD);
    this.#onChange();
  }

  /** #reset: seqs begin anew, and what is known is of a life that is over. */
  #reset() {
    this.#askAfter(Math.random() * SPREAD);
    this.#life = this.#changes;
    this.#seen = 0;
    this.#above.clear();
    if (this.#base) this.#base = { ...this.#base, head: 0 };
  }

  /** #askAfter asks once for all that happens within a time. */
  #askAfter(wait) {
    this.#changes++;
    this.#timer ??= setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    this.#timer = undefined;
    if (this.#asking) return; // it asks again by itself
    this.#asking = true;
    const changes = this.#changes;
    const counts = await this.#client.request("GET", "/v1/inbox/unread").catch(() => null); // the next change asks again
    this.#asking = false;
    if (!counts) return;
    if (changes !== this.#changes) this.#askAfter(SOON);
    if (changes < this.#life) return;
    if (counts.head < (this.#base?.head ?? 0)) return;
    this.#base = counts;
    for (const seq of this.#above.keys()) if (seq <= counts.head) this.#above.delete(seq);
    this.#onChange();
  }
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

// src/bell/muted.js

// The types that somebody has muted.

const PREFERENCES = "/v1/inbox/preferences";

/** Muted knows them for as long as a list is open. */
class Muted {
  /** types are null while nothing is known, as at a gateway that can't mute. */
  /** @type {readonly string[] | null} */
  types;
  #client;
  #onChange;
  #heard = 0;
  #turning = Promise.resolve(); // the last turn: the whole list is sent, so one comes after the other
  #stops;

  /**
   * @param {import("../../bellhop.d.ts").Bellhop} client
   * @param {() => void} onChange
   * @param {readonly string[] | null} [types]  what was known before
   */
  constructor(client, onChange, types = null) {
    this.types = types;
    this.#client = client;
    this.#onChange = onChange;
    this.#stops = [
      client.on("bellhop.change", ({ change, muted }) => {
        if (change === "muted" && muted) this.#take(muted);
        else if (change === "other") this.#ask(); // it may have been one of these
      }),
      client.on("bellhop.ready", () => this.#ask()),
    ];
    this.#ask();
  }

  has(type) { return this.types?.includes(type); }

  /** turn mutes a type, or does so no more. */
  turn(type) {
    const turned = this.#turning.then(() => this.#turn(type));
    this.#turning = turned.catch(() => {});
    return turned;
  }

  async #turn(type) {
    const rest = this.types.filter((other) => other !== type);
    const types = this.has(type) ? rest : [...rest, type];
    await this.#client.request("PUT", PREFERENCES, { muted: types });
    this.#take(types); // the stream may be away
  }

  end() {
    for (const stop of this.#stops) stop();
    this.#onChange = () => {};
  }

  async #ask() {
    const heard = this.#heard;
    const answer = await this.#client.request("GET", PREFERENCES).catch(() => null);
    if (answer && heard === this.#heard) this.#take(answer.muted);
  }

  #take(types) {
    this.#heard++;
    this.types = types;
    this.#onChange();
  }
}

// src/bell/tidylook.js

// What keeping tidy says and looks like.

/** @typedef {import("../../bellhop-tidy.d.ts").BellhopTidyTexts} TidyTexts */

/**
 * Those that the bell has from the start too; the other ones stand with its own in the
 * folder texts.
 *
 * @type {Record<string, TidyTexts>}
 */
const tidyLanguages = {
  en: {
    all: "All",
    archive: "Archive",
    unarchive: "Move back to the inbox",
    archived: "Archive",
    archiveEmpty: "Nothing is archived",
    archiveHint: "What you archive is kept here.",
    mute: (what) => `Mute: ${what}`,
    unmute: (what) => `Unmute: ${what}`,
    muted: "Muted:",
    buttonUnseen: (unseen) => (unseen === "" ? "Notifications" : `Notifications, ${unseen} new`),
  },
  ko: {
    all: "전체",
    archive: "보관",
    unarchive: "알림 목록으로 되돌리기",
    archived: "보관함",
    archiveEmpty: "보관한 알림이 없어요",
    archiveHint: "보관한 알림은 여기에 있습니다.",
    mute: (what) => `알림 끄기: ${what}`,
    unmute: (what) => `알림 켜기: ${what}`,
    muted: "꺼 둔 알림:",
    buttonUnseen: (unseen) => (unseen === "" ? "알림" : `알림, 새 알림: ${unseen}`),
  },
};

/** tidyTexts are those of a language, English where there are none. */
function tidyTexts(/** @type {string} */ lang) {
  return tidyLanguages[lang.split("-")[0].toLowerCase()] ?? tidyLanguages.en;
}

const tidyStyles = `
.tabs { flex: none; display: flex; gap: 4px; padding: 8px 12px; overflow-x: auto; scrollbar-width: none; border-block-end: 1px solid var(--_border); }
.tabs[hidden], .muted[hidden] { display: none; }
.tabs button { flex: none; display: inline-flex; align-items: center; gap: 6px; padding: 4px 12px; border-radius: 99px; font-size: 13px; color: var(--_muted); transition: background-color 150ms, color 150ms; }
.tabs button:hover { color: var(--_text); background: var(--_raised); }
.tabs button:focus-visible { outline-offset: -2px; }
.tabs [aria-pressed="true"] { font-weight: 550; color: var(--_accent); background: color-mix(in srgb, var(--_accent) 12%, transparent); }
.tabs [aria-pressed="true"]:hover { color: var(--_accent); background: color-mix(in srgb, var(--_accent) 12%, transparent); }
.tab-count { font-size: 11px; font-weight: 650; font-variant-numeric: tabular-nums; }
.tab-count:empty { display: none; }
.muted { flex: none; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 6px; padding: 7px 18px; border-block-end: 1px solid var(--_border); color: var(--_muted); font-size: 12.5px; line-height: 18px; }
.muted > .icon { width: 14px; height: 14px; }
.muted button { display: inline-flex; align-items: center; gap: 4px; padding: 2px 6px 2px 8px; border-radius: 99px; color: var(--_text); background: var(--_raised); }
.muted button .icon { width: 12px; height: 12px; color: var(--_muted); }
@media (hover: none) {
  .actions:has(> :nth-child(3)) { display: grid; grid-template-columns: auto auto; }
  .actions > :nth-child(3):last-child { grid-column: 2; }
  .open-item:has(~ .actions > :nth-child(3)) { padding-inline-end: 76px; }
}
@media (forced-colors: active) {
  .tabs [aria-pressed="true"] { border: 1px solid Highlight; }
}
`;

// src/change.js

// Changes of an inbox, and what they do to a list.

/** @typedef {{channel: string, seq: number, type: string, time: string, data: any, read: boolean}} Item */

/**
 * A change as the stream tells it: of everything up to a seq, or of single seqs.
 *
 * @typedef {object} Change
 * @property {string} change  "read", "unread", "removed", "replaced", "archived" or "seen"
 * @property {number} [up_to]
 * @property {readonly number[] | null} [seqs]
 */

/**
 * changed returns the list after a change. What it does not concern stays the same
 * object.
 *
 * @param {readonly Item[]} items
 * @param {Change} change
 * @returns {readonly Item[]}
 */
function changed(items, { change, up_to: upTo, seqs }) {
  const named = new Set(seqs);
  const read = change === "read";
  if (read || change === "unread") {
    return items.map((item) => (item.read !== read && (named.has(item.seq) || (read && item.seq <= (upTo || 0))) ? { ...item, read } : item));
  }
  return ["removed", "replaced", "archived"].includes(change) ? items.filter((item) => !named.has(item.seq)) : items;
}

/** unreadOf counts what is unread of a list. */
function unreadOf(/** @type {readonly Item[]} */ items) {
  return items.filter((item) => !item.read).length;
}

/**
 * keyOf is the same for a change of ours and for what the stream says of it.
 *
 * @param {Change} change
 */
function keyOf({ change, up_to: upTo, seqs }) {
  return JSON.stringify([change, upTo || 0, [...(seqs ?? [])].sort((a, b) => a - b)]);
}

// src/inbox.js

// The inbox as a page shows it: a list that grows at both ends, and how many of it
// are unread.


/** @typedef {import("./change.js").Item} Item */
/** @typedef {import("./change.js").Change} Change */

/**
 * The most items that the stream lets the list grow to; older ones are fetched again
 * when somebody scrolls there.
 */
const MOST_ITEMS = 2_000;

/** The most that a gateway lists at once, and the most seqs that it takes at once. */
const MOST_LISTED = 100;
const MOST_SEQS = 1_000;

/** A page of the list where the option says that none is fetched by itself. */
const SOME = 20;

/** So many empty pages are passed over in one go. */
const MOST_EMPTY = 10;

/** So often a list is asked for that the inbox overtakes each time. */
const MOST_TRIES = 3;

/** After a loss that all clients see at once they ask again within this time, in ms. */
const REFETCH_SPREAD = 3_000;

/** After a silence of so long the list is fetched anew: counts don't show all that may have changed, in ms. */
const LONG_GAP = 60_000;

/**
 * Inbox keeps the list and the count in step with the stream.
 *
 * It has one copy of what the gateway has confirmed, by lists, by notices of the
 * stream and by answers to our own changes. A change that is under way is not part of
 * it: it is shown on top, so that taking it back is forgetting it. The stream has the
 * order of all changes, answers don't; so an answer is held against what was heard
 * since it was asked for, and what is older is not believed.
 *
 * Counts are absolute, "so many are unread up to this seq", and events above that seq
 * add one each: a message that is late or comes twice can't spoil them.
 */
class Inbox {
  #api;
  #env;
  #pageSize;
  #filter;
  #isLive;
  #onChange;

  /** @type {readonly Item[]} newest first */
  #items = [];
  #next = null; // what the next page is before
  #base = { unread: 0, head: 0 };
  #above = new Set(); // seqs of events above base.head, ascending
  #heard = 0; // changes that were confirmed so far
  /** @type {Set<Change>} changes of ours that nobody has confirmed */
  #pending = new Set();
  #fresh = null; // seqs since a reset, while the list is of an older life
  #life; // the epoch of the list
  #loaded = false;
  #error;
  #request = null; // the list request under way
  #refetch; // timer
  #due = Infinity; // when it rings
  #notBefore = 0; // when the server wants to be asked for the list again
  #closed = false;
  #snapshot = null; // made when it is asked for
  #telling = false;

  /**
   * @param {object} config
   * @param {import("./api.js").API} config.api
   * @param {any} config.env
   * @param {number} config.pageSize
   * @param {() => boolean} config.isLive  whether the stream is up to date
   * @param {(inbox: any) => void} config.onChange
   * @param {string} [config.filter]  what a query for the list has to say more
   */
  constructor({ api, env, pageSize, isLive, onChange, filter = "" }) {
    this.#api = api;
    this.#env = env;
    this.#pageSize = Math.min(pageSize, MOST_LISTED);
    this.#filter = filter;
    this.#isLive = isLive;
    this.#onChange = onChange;
  }

  /** snapshot is the inbox as it is now; the same object until something changes. */
  get snapshot() {
    if (this.#snapshot === null) {
      const items = [...this.#pending].reduce(changed, this.#items);
      const unread = this.#unread + unreadOf(items) - unreadOf(this.#items);
      this.#snapshot = Object.freeze({
        items: Object.freeze([...items]),
        unread: Math.max(0, unread),
        hasMore: this.#next !== null,
        loading: this.#request !== null,
        loaded: this.#loaded,
        ...(this.#error && { error: this.#error }),
      });
    }
    return this.#snapshot;
  }

  /** counts is the newest count, as `ready` takes it, null while it is in doubt. */
  get counts() {
    return this.#due === Infinity && !this.#request ? this.#base : null;
  }

  /** #unread is how many are unread in all, as far as it is confirmed. */
  get #unread() {
    return this.#base.unread + this.#above.size;
  }

  /** #newest is the seq of the newest event that was heard of. */
  get #newest() {
    return Math.max(this.#base.head, [...this.#above].at(-1) ?? 0);
  }

  // From the stream.

  /** event adds an event of the stream. */
  event(event) {
    if (event.seq > this.#base.head) this.#above.add(event.seq);
    this.#fresh?.add(event.seq);
    if (this.#pageSize > 0 || this.#loaded) this.#insert({ ...event, read: false });
    this.#changed();
  }

  #insert(item) {
    const items = [...this.#items];
    const at = items.findIndex((other) => other.seq <= item.seq);
    if (at < 0) {
      // Older than the list goes: it comes with its page.
      if (this.#next !== null && item.seq < this.#next) return;
      items.push(item);
    } else if (items[at].seq !== item.seq) {
      items.splice(at, 0, item);
    } else if (this.#fresh) {
      items[at] = item; // that one is of the life that is over
    }
    if (items.length > MOST_ITEMS) {
      items.length = MOST_ITEMS;
      this.#next = items[MOST_ITEMS - 1].seq;
    }
    this.#items = items;
  }

  /**
   * ready takes the count that a stream begins with, or another tab knows. Something
   * was missed if that is not the one that we had.
   *
   * @param {{unread?: number, head?: number} | null} [counts]  null: not known
   * @param {number} [gap]    how long nothing was heard before, in ms
   * @param {boolean} [early]  events that are counted may be still to come
   */
  ready(counts, gap = 0, early = false) {
    if (counts === null) this.suspect();
    if (counts?.unread === undefined) return;
    // Seqs have no holes: what is to come is one unread event each.
    const toCome = counts.head - this.#newest;
    const expected = this.#unread + Math.max(0, toCome);
    this.#heard++;
    this.#count(counts);
    if (!this.#loaded) this.#refetchSoon(0);
    else if (gap > LONG_GAP || this.#unread !== expected || (toCome !== 0 && !early)) this.#refetchSoon();
    this.#changed();
  }

  /** read takes a change that was made here, in another tab or on another device. */
  read(change) {
    const key = keyOf(change);
    for (const ours of this.#pending) if (keyOf(ours) === key) this.#pending.delete(ours);
    this.#confirm(change, change);
    // What it was is not told, or one was missed.
    if (!(change.up_to || change.seqs?.length) || unreadOf(this.#items) > this.#unread) this.suspect();
    this.#changed();
  }

  /** reset: the list is of a life that is over, or has holes. */
  reset() {
    this.#heard++;
    this.#fresh = new Set();
    this.#base = { unread: this.#unread, head: 0 };
    this.#above.clear();
    this.#refetchSoon();
  }

  /** suspect: changes may have been missed, whatever the counts say. */
  suspect() {
    this.#heard++;
    if (this.#loaded) this.#refetchSoon();
  }

  /** #confirm makes a change part of what is known. Without counts it counts itself. */
  #confirm(change, counts) {
    const before = unreadOf(this.#items);
    this.#heard++;
    this.#items = changed(this.#items, change);
    if (counts) this.#count(counts);
    else this.#base = { ...this.#base, unread: this.#base.unread + unreadOf(this.#items) - before };
  }

  /**
   * #count takes a count of the server.
   *
   * @param {{unread?: number, head?: number}} counts
   */
  #count({ unread, head }) {
    if (unread === undefined || head < this.#base.head) return;
    this.#base = { unread, head };
    for (const seq of this.#above) if (seq <= head) this.#above.delete(seq);
  }

  // For the page.

  /**
   * load fetches the first page, or as much as was loaded, and returns the cursor
   * with which a stream goes on from it.
   *
   * @returns {Promise<string>}
   */
  async load() {
    this.#env.clearTimeout(this.#refetch);
    this.#due = Infinity;
    while (this.#request) await this.#request.catch(() => {});
    const limit = Math.max(this.#pageSize || SOME, Math.min(this.#items.length, MOST_LISTED));
    const page = await this.#list(`?limit=${limit}`);
    // What the stream brought since is not on the page; of another life nothing stays.
    const life = /\.(.*)@/.exec(page.cursor ?? "")?.[1];
    const kept = this.#items.filter(({ seq }) => seq > page.head && (this.#fresh ? this.#fresh.has(seq) : life === (this.#life ?? life)));
    if (page.current) this.#fresh = null;
    this.#life = life;
    this.#items = [...kept, ...page.items];
    this.#next = page.next;
    this.#above = new Set(kept.filter(({ read }) => !read).map(({ seq }) => seq).reverse());
    this.#base = { unread: page.unread, head: page.head };
    this.#loaded = true;
    this.#heard++;
    this.#changed();
    return page.cursor ?? "";
  }

  /** loadMore appends the next page and returns how many items came. */
  async loadMore() {
    if (this.#request) return this.#request.then(() => 0, () => 0);
    if (!this.#loaded) {
      await this.load();
      return this.#items.length;
    }
    // A page may be empty without being the last: all of it was deleted, say.
    for (let pages = 0; pages < MOST_EMPTY && this.#next !== null; pages++) {
      const before = this.#next;
      const page = await this.#list(`?limit=${this.#pageSize || SOME}&before=${before}`);
      if (this.#next !== before) return 0; // the list is another one by now
      const known = new Set(this.#items.map((item) => item.seq));
      const more = page.items.filter((item) => !known.has(item.seq));
      this.#items = [...this.#items, ...more];
      this.#next = page.next;
      this.#changed();
      if (more.length > 0) return more.length;
    }
    return 0;
  }

  async #list(query) {
    this.#request = this.#ask(query);
    this.#changed();
    try {
      const page = await this.#request;
      this.#error = undefined;
      if (!page.current) this.#refetchSoon();
      return page;
    } catch (error) {
      this.#error = error;
      // Without a wait no time is kept: a clock that is set back would make it one.
      this.#notBefore = error.retryAfter && this.#env.now() + error.retryAfter;
      // Some other day, but not never: the list is known to be wrong.
      if (!error.final) this.#refetchSoon(10 * REFETCH_SPREAD * (1 + this.#env.random()));
      throw error;
    } finally {
      this.#request = null;
      this.#changed();
    }
  }

  /** #ask asks for a list until it is not older than a change that was heard meanwhile. */
  async #ask(query) {
    for (let tries = 1; ; tries++) {
      const heard = this.#heard;
      const page = await this.#api.request("GET", `/v1/inbox${query}${this.#filter}`);
      const current = heard === this.#heard;
      if (current || tries === MOST_TRIES) return { ...page, current };
    }
  }

  /** @param {number | readonly number[]} [which]  default: all that has arrived */
  async markRead(which = Math.max(this.#newest, this.#items[0]?.seq ?? 0)) {
    const body = Array.isArray(which) ? { seqs: which } : { up_to: which };
    if (body.up_to !== 0) await this.#mutate({ change: "read", ...body }, "POST", "/read", body);
  }

  /** @param {readonly number[]} seqs */
  async markUnread(seqs) {
    await this.#mutate({ change: "unread", seqs }, "POST", "/unread", { seqs });
  }

  /** @param {number} seq */
  async remove(seq) {
    await this.#mutate({ change: "removed", seqs: [seq] }, "DELETE", `/${seq}`);
  }

  /** @param {readonly number[]} seqs */
  async archive(seqs) {
    await this.#mutate({ change: "archived", seqs }, "POST", "/archive", { seqs });
  }

  /** What comes back leaves a list of what is archived, and no other: for those the stream says so. */
  async unarchive(/** @type {readonly number[]} */ seqs) {
    const change = this.#filter.includes("&archived") ? "removed" : "unarchived";
    await this.#mutate({ change, seqs }, "POST", "/unarchive", { seqs });
  }

  async markSeen(upTo = this.#newest) {
    if (upTo > 0) await this.#mutate({ change: "seen", up_to: upTo }, "POST", "/seen", { up_to: upTo });
  }

  /** #mutate shows a change at once, asks for it, and takes it back if it is refused. */
  async #mutate(change, method, path, body) {
    if (change.seqs?.length === 0) return;
    if (change.seqs?.length > MOST_SEQS) throw new RangeError(`at most ${MOST_SEQS} at once`);
    const heard = this.#heard;
    this.#pending.add(change);
    this.#changed();
    try {
      const counts = await this.#api.request(method, `/v1/inbox${path}`, body);
      // The stream may have said it before, and more since. While there is none, a
      // count would hide from the next one what we have missed.
      if (this.#pending.has(change)) {
        const current = heard === this.#heard && this.#isLive();
        this.#confirm(change, current ? counts : null);
        if (!current) this.suspect();
      }
    } catch (error) {
      // If only the answer was lost, it was made.
      if (!error.final) this.suspect();
      throw error;
    } finally {
      this.#pending.delete(change);
      this.#changed();
    }
  }

  /** close ends what is planned. */
  close() {
    this.#closed = true;
    this.#env.clearTimeout(this.#refetch);
  }

  #refetchSoon(wait = this.#env.random() * REFETCH_SPREAD) {
    const now = this.#env.now();
    const due = Math.max(now + wait, this.#notBefore);
    const planned = due >= this.#due && this.#due >= now; // what is overdue was lost in a frozen page
    if (planned || this.#closed || !(this.#pageSize > 0 || this.#loaded)) return;
    this.#env.clearTimeout(this.#refetch);
    this.#due = due;
    const load = () => { this.load().catch(() => {}); };
    if (due <= now) load();
    else this.#refetch = this.#env.setTimeout(load, due - now);
  }

  /** #changed tells the page, once for all changes that come in one go. */
  #changed() {
    this.#snapshot = null;
    if (this.#telling || this.#closed) return;
    this.#telling = true;
    this.#env.queueMicrotask(() => {
      this.#telling = false;
      if (!this.#closed) this.#onChange(this.snapshot);
    });
  }
}

// src/view.js

// Another list, of a part of the inbox: by types, or of what is archived.


const PAGE = 20;

/** What Inbox wants of a browser. */
const CLOCK = {
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  queueMicrotask: (f) => queueMicrotask(f),
};

/**
 * over tells whether a client has nothing more to do with who it was: a refusal by the
 * gateway, which has a status, may pass.
 *
 * @param {import("../bellhop.d.ts").BellhopStatus} status
 */
function over({ state, httpStatus }) {
  return state === "closed" || (state === "denied" && !httpStatus);
}

/** What is asked of a view after its end: the client may be somebody else's by now. */
const ENDED = { name: "BellhopError", status: 0, retryAfter: 0, final: true, code: "" };

/**
 * View is an inbox's list that the server filters, kept in step by what a client hears.
 */
class View extends Inbox {
  #types;
  #archived;
  #stops;
  #ended = false;

  constructor(client, /** @type {any} */ { types, archived = false }, onChange, clock) {
    super({
      api: /** @type {any} */ ({
        request: async (...args) => {
          if (this.#ended) throw Object.assign(new Error("the view has ended"), ENDED);
          return client.request(...args);
        },
      }),
      env: clock,
      pageSize: PAGE,
      isLive: () => client.status.state === "live",
      onChange,
      filter: (types ? `&type=${types.map(encodeURIComponent)}` : "") + (archived ? "&archived=true" : ""),
    });
    this.#types = types;
    this.#archived = archived;
    this.#stops = [
      client.on("*", (event) => { if (event.channel.startsWith("user:")) this.event(event); }),
      client.on("bellhop.change", (change) => this.read(change)),
      client.on("bellhop.ready", () => this.suspect()),
      client.on("bellhop.reset", ({ channel }) => { if (channel.startsWith("user:")) this.reset(); }),
      client.on("bellhop.status", (status) => { if (over(status)) this.close(); }),
    ];
    this.refresh().catch(() => {});
  }

  get inbox() { return this.snapshot; }

  async refresh() { await this.load(); }

  event(event) {
    if (!this.#archived && (!this.#types || this.#types.includes(event.type))) super.event(event);
  }

  read(change) {
    if (this.#archived && change.change === "archived") this.suspect(); // it is not known here
    else super.read(change);
  }

  close() {
    this.#ended = true;
    for (const stop of this.#stops) stop();
    super.close();
  }
}

/**
 * view makes another list of a client's inbox. It ends by close(), and with the client,
 * or when somebody else signs in.
 *
 * @param {import("../bellhop.d.ts").Bellhop} client
 * @param {import("../bellhop-tidy.d.ts").BellhopFilter} filter
 * @param {(inbox: import("../bellhop-tidy.d.ts").BellhopPart) => void} onChange
 * @param {object} [clock]  replaces the browser's, for tests
 * @returns {import("../bellhop-tidy.d.ts").BellhopView}
 */
export function view(client, filter, onChange, clock = CLOCK) {
  return new View(client, filter, onChange, clock);
}

// src/bell/tidy.js

// Keeping an inbox tidy by its bell: tabs by type, an archive, what was seen apart from
// what was read, and muted types. A page that has none of it does not load this file.


const BOX = ["M4 8.5v10a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-10", "M3 4.5h18v4H3z"];
const DRAWINGS = {
  archive: [...BOX, "M10 12.5h4"],
  unarchive: [...BOX, "M12 17v-5", "M9.5 14l2.5-2.5 2.5 2.5"],
  mute: [...ICONS.bell, "M4 3.5l16 17"],
};

/** One for all bells. */
let tidySheet;

/**
 * tidy adds what options say to a bell; returns how to take it away.
 *
 * @param {import("../../bellhop-bell.d.ts").BellhopBell} bell
 * @param {import("../../bellhop-tidy.d.ts").BellhopTidyOptions} [options]
 */
export function tidy(bell, options = {}) {
  let it;
  let over = false;
  customElements.whenDefined("bellhop-bell").then(() => { if (!over) it = new Tidy(bell, options); });
  return () => {
    over = true;
    it?.end();
  };
}

class Tidy {
  /** view is what the list shows in place of the inbox. */
  view = null;

  #bell;
  /** @type {any[]} undefined: all */
  #tabs;
  #archive;
  #mute;
  #client = null;
  #counts = null;
  #muted = null;
  #tab; // the one of them that is chosen
  #texts = {};
  #drawn = {}; // for which texts
  #seeing = false;
  #bar = h("div", { class: "tabs", part: "tabs", role: "group" });
  #line = h("div", { class: "muted", part: "muted" });
  #toggled = () => this.#open();

  /**
   * @param {import("../../bellhop-bell.d.ts").BellhopBell} bell
   * @param {import("../../bellhop-tidy.d.ts").BellhopTidyOptions} options
   */
  constructor(bell, { tabs = [], archive = false, mute = {} }) {
    this.#bell = bell;
    this.#mute = mute;
    this.#tabs = [undefined, ...tabs, ...(archive ? [{ archived: true }] : [])];
    this.#archive = archive;
    if (!tidySheet) {
      tidySheet = new CSSStyleSheet();
      tidySheet.replaceSync(tidyStyles);
    }
    bell.shadowRoot.adoptedStyleSheets.push(tidySheet);
    bell.shadowRoot.querySelector(".list").before(this.#bar, this.#line);
    bell.addEventListener("bellhop-toggle", this.#toggled);
    bell.extend(this);
  }

  end() {
    this.#bell.removeEventListener("bellhop-toggle", this.#toggled);
    this.#leave();
    this.#bar.remove();
    this.#line.remove();
    const { shadowRoot } = this.#bell;
    shadowRoot.adoptedStyleSheets = shadowRoot.adoptedStyleSheets.filter((sheet) => sheet !== tidySheet);
    this.#bell.extend(null);
  }

  /** count is what the badge shows, where that is not what is unread. */
  get count() { return this.#countsUnseen ? this.#counts?.unseen ?? 0 : undefined; }

  get #countsUnseen() { return this.#bell.getAttribute("badge") === "unseen"; }

  /** actions are the buttons of an item. */
  actions(item, [toggle, remove]) {
    const shown = this.view ?? this.#client;
    const texts = this.#texts;
    if (this.#tab?.archived) {
      const back = async () => {
        await shown.unarchive([item.seq]);
        this.#client?.refresh().catch(() => {}); // it tells that by itself
      };
      return [[texts.unarchive, DRAWINGS.unarchive, back], remove];
    }
    const all = [toggle];
    if (this.#archive) all.push([texts.archive, DRAWINGS.archive, () => shown.archive([item.seq])]);
    const what = Object.hasOwn(this.#mute, item.type) && this.#muted?.types && this.#mute[item.type];
    if (what) {
      const muted = this.#muted.has(item.type);
      all.push([muted ? texts.unmute(what) : texts.mute(what), muted ? ICONS.bell : DRAWINGS.mute, () => this.#muted.turn(item.type)]);
    }
    return [...all, remove];
  }

  /** draw brings our own parts up to date and returns the bell's texts as they are with us. */
  draw(texts, lang) {
    if (this.#client !== this.#bell.client) this.#follow();
    if (["denied", "closed"].includes(this.#client?.status.state)) this.#choose(undefined);
    if (this.#drawn.of !== texts || this.#drawn.tab !== this.#tab) {
      this.#drawn = { of: texts, tab: this.#tab };
      const all = { ...tidyTexts(lang), ...texts };
      if (this.#countsUnseen) all.button = all.buttonUnseen;
      if (this.#tab?.archived) Object.assign(all, { empty: all.archiveEmpty, emptyHint: all.archiveHint });
      this.#texts = all;
    }
    this.#drawTabs();
    this.#drawMuted();
    this.#see();
    return this.#texts;
  }

  #drawTabs() {
    this.#bar.hidden = this.#tabs.length === 1;
    if (this.#bar.children.length === 0) {
      this.#bar.append(...this.#tabs.map((tab) => h("button", { type: "button", part: "tab", onclick: () => this.#pick(tab) },
        h("span"), " ", h("span", { class: "tab-count", part: "tab-count" }))));
    }
    this.#tabs.forEach((tab, i) => {
      const button = this.#bar.children[i];
      const count = (tab?.types && this.#counts?.of(tab.types)) || "";
      button.children[0].textContent = tab ? tab.label ?? this.#texts.archived : this.#texts.all;
      button.children[1].textContent = count > 99 ? "99+" : String(count);
      button.setAttribute("aria-pressed", String(tab === this.#tab));
    });
  }

  /** #drawMuted names what is muted, for nothing of it arrives any more to unmute it by. */
  #drawMuted() {
    const types = (this.#muted?.types ?? []).filter((type) => Object.hasOwn(this.#mute, type));
    const key = JSON.stringify([types, this.#texts.muted]);
    this.#line.hidden = types.length === 0;
    if (this.#line.dataset.of === key) return;
    this.#line.dataset.of = key;
    const focused = this.#line.contains(this.#bell.shadowRoot.activeElement);
    this.#line.replaceChildren(icon("muted-icon", ...DRAWINGS.mute), `${this.#texts.muted} `, ...types.map((type) => {
      const label = this.#texts.unmute(this.#mute[type]);
      return h("button", { type: "button", part: "unmute", "aria-label": label, title: label, onclick: () => this.#unmute(type) },
        this.#mute[type], icon("unmute-icon", ...ICONS.remove));
    }));
    if (focused) /** @type {HTMLElement} */ (this.#line.querySelector("button") ?? this.#bell.shadowRoot.querySelector(".panel")).focus();
  }

  #unmute(type) {
    this.#muted.turn(type).catch(() => {}); // it stays where it is
  }

  /** #follow begins anew with another client. */
  #follow() {
    this.#leave();
    this.#client = this.#bell.client;
    if (this.#bell.open) this.#begin();
    else if (this.#countsUnseen) this.#count();
  }

  /** #leave ends all that listens. */
  #leave() {
    this.#choose(undefined);
    this.#counts?.end();
    this.#muted?.end();
    this.#counts = this.#muted = null;
  }

  #count() {
    if (this.#client) this.#counts ??= new Counts(this.#client, () => this.#bell.extend(this, false));
  }

  /** #begin asks for what an open list shows. */
  #begin() {
    if (!this.#client) return;
    if (this.#countsUnseen || this.#tabs.some((tab) => tab?.types)) this.#count();
    if (Object.keys(this.#mute).length === 0) return;
    this.#muted?.end();
    this.#muted = new Muted(this.#client, () => this.#bell.extend(this, false), this.#muted?.types);
  }

  /** #open is called when the list was opened or closed; a closed one asks for nothing. */
  #open() {
    if (this.#bell.open) {
      this.#begin();
      this.#seeing = false;
    } else {
      this.#choose(undefined);
      this.#muted?.end();
      if (!this.#countsUnseen) {
        this.#counts?.end();
        this.#counts = null;
      }
    }
    this.#bell.extend(this, false);
  }

  /** #see marks what an open list shows as seen; what fails is tried again when it is opened anew. */
  #see() {
    if (!this.#countsUnseen || !this.#bell.open || this.#seeing || !this.#counts?.unseen) return;
    this.#seeing = true;
    this.#counts.see();
    this.#client.markSeen().then(() => { this.#seeing = false; }, () => {});
  }

  #pick(tab) {
    if (tab === this.#tab) return;
    this.#choose(tab);
    this.#bell.extend(this, false);
  }

  #choose(tab) {
    this.view?.close();
    this.view = null;
    this.#tab = tab;
    if (!tab || !this.#client) return;
    const { types, archived } = tab;
    this.view = view(this.#client, tab, () => this.#bell.extend(this, false));
  }
}
