// The inbox as a page shows it: a list that grows at both ends, and how many of it
// are unread.

import { changed, keyOf, unreadOf } from "./change.js";

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
export class Inbox {
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
