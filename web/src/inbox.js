// The inbox as a page shows it: a list that grows at both ends, and how many of it
// are unread.

/** @typedef {{channel: string, seq: number, type: string, time: string, data: any, read: boolean}} Item */

/**
 * The most items that the stream lets the list grow to; older ones are fetched again
 * when somebody scrolls there.
 */
const MOST_ITEMS = 2_000;

/** The most that a gateway lists at once, and the most seqs that it takes at once. */
const MOST_LISTED = 100;
const MOST_SEQS = 1_000;

/** So many empty pages are passed over in one go. */
const MOST_EMPTY = 10;

/** After a loss that all clients see at once they ask again within this time, in ms. */
const REFETCH_SPREAD = 3_000;

/**
 * Inbox keeps the list and the count in step with the stream. Counts from the
 * server are absolute, "so many are unread up to this seq", and events above that
 * seq add one each: a message that is late or comes twice can't spoil them.
 */
export class Inbox {
  #api;
  #env;
  #pageSize;
  #onChange;
  #onLocalChange;

  /** @type {Item[]} newest first */
  #items = [];
  #next = null; // what the next page is before
  #base = { unread: 0, head: 0 };
  #above = new Set(); // seqs of events above base.head
  #pending = new Map(); // changes of ours that no count includes yet, and by how much
  #changing = 0; // changes of ours that are being asked for
  #fresh = null; // seqs since a reset, while the list is of an older life
  #loaded = false;
  #error;
  #request = null; // the list request under way
  #refetch; // timer
  #closed = false;
  #snapshot = null; // made when it is asked for

  /**
   * @param {object} config
   * @param {import("./api.js").API} config.api
   * @param {any} config.env
   * @param {number} config.pageSize
   * @param {(inbox: object) => void} config.onChange
   * @param {(change: object) => void} config.onLocalChange  for the other tabs
   */
  constructor({ api, env, pageSize, onChange, onLocalChange }) {
    this.#api = api;
    this.#env = env;
    this.#pageSize = Math.min(pageSize, MOST_LISTED);
    this.#onChange = onChange;
    this.#onLocalChange = onLocalChange;
  }

  /** snapshot is the inbox as it is now; the same object until something changes. */
  get snapshot() {
    this.#snapshot ??= Object.freeze({
      items: Object.freeze([...this.#items]),
      unread: this.#unread(),
      hasMore: this.#next !== null,
      loading: this.#request !== null,
      loaded: this.#loaded,
      ...(this.#error && { error: this.#error }),
    });
    return this.#snapshot;
  }

  // From the stream.

  /** event adds an event of the stream. */
  event(event) {
    if (event.seq > this.#base.head) this.#above.add(event.seq);
    this.#fresh?.add(event.seq);
    this.#insert({ ...event, read: false });
    this.#changed();
  }

  #insert(item) {
    const at = this.#items.findIndex((other) => other.seq <= item.seq);
    if (at >= 0 && this.#items[at].seq === item.seq) {
      if (this.#fresh) this.#items[at] = item; // that one is of the life that is over
      return;
    }
    if (at < 0) {
      // Older than the list goes: it comes with its page.
      if (this.#next !== null) return;
      this.#items.push(item);
    } else {
      this.#items.splice(at, 0, item);
    }
    if (this.#items.length > MOST_ITEMS) {
      this.#items.length = MOST_ITEMS;
      this.#next = this.#items[MOST_ITEMS - 1].seq;
    }
  }

  /** ready takes the count that a stream begins with. */
  ready({ unread, head }) {
    if (unread === undefined) return;
    this.#count({ unread, head });
    this.#compare();
    this.#changed();
  }

  /** read takes a change that another tab or device made. */
  read(change) {
    const told = this.#apply(change);
    // One of ours does not wait any more. While others are under way the count may be
    // without them; else it has all.
    const key = keyOf(change);
    const ours = [...this.#pending.keys()].filter((other) => !told || this.#changing === 0 || keyOf(other) === key);
    this.#count(change, ours);
    if (!told) this.#compare();
    this.#changed();
  }

  /** reset: the list is of a life that is over, or has holes. */
  reset() {
    this.#fresh = new Set();
    this.#base = { unread: this.#base.unread + this.#above.size, head: 0 };
    this.#above.clear();
    this.#refetchSoon();
  }

  #apply({ change, up_to: upTo, seqs }) {
    const named = new Set(seqs ?? []);
    if (!upTo && named.size === 0) return false;
    switch (change) {
      case "read":
        this.#flag((item) => item.seq <= (upTo ?? 0) || named.has(item.seq), true);
        return true;
      case "unread":
        this.#flag((item) => named.has(item.seq), false);
        return true;
      case "removed":
      case "replaced":
        this.#items = this.#items.filter((item) => !named.has(item.seq));
        return true;
      default:
        return false;
    }
  }

  #flag(which, read) {
    this.#items = this.#items.map((item) => (item.read !== read && which(item) ? { ...item, read } : item));
  }

  /** #count takes a count of the server, which includes these changes of ours. */
  #count({ unread, head }, ours = [...this.#pending.keys()]) {
    if (unread === undefined || head < this.#base.head) return;
    this.#base = { unread, head };
    for (const seq of this.#above) if (seq <= head) this.#above.delete(seq);
    for (const change of ours) this.#pending.delete(change);
  }

  /** #compare fetches the list again if it can't be what the count says. */
  #compare() {
    if (!this.#loaded) return;
    const listed = this.#items.filter((item) => !item.read).length;
    const unread = this.#unread();
    if (this.#next === null ? listed !== unread : listed > unread) this.#refetchSoon();
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
    this.#refetch = undefined;
    while (this.#request) await this.#request.catch(() => {});
    const limit = Math.max(this.#pageSize, Math.min(this.#items.length, MOST_LISTED));
    const fresh = this.#fresh;
    const page = await this.#list(`?limit=${limit}`);
    // What the stream brought since is not on the page; of another life nothing stays.
    const kept = this.#items.filter((item) => item.seq > page.head && (!fresh || fresh.has(item.seq)));
    if (fresh === this.#fresh) this.#fresh = null;
    this.#items = [...kept, ...page.items];
    this.#next = page.next;
    this.#above = new Set(kept.map((item) => item.seq));
    this.#base = { unread: page.unread, head: page.head };
    this.#pending.clear();
    this.#loaded = true;
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
      const page = await this.#list(`?limit=${this.#pageSize}&before=${before}`);
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
    const request = this.#api.request("GET", `/v1/inbox${query}`);
    this.#request = request;
    this.#changed();
    try {
      const page = await request;
      this.#error = undefined;
      return page;
    } catch (error) {
      this.#error = error;
      throw error;
    } finally {
      this.#request = null;
      this.#changed();
    }
  }

  /** @param {number | readonly number[]} [which]  default: all that has arrived */
  async markRead(which = this.#newest()) {
    const change = Array.isArray(which) ? { change: "read", seqs: which } : { change: "read", up_to: which };
    if (change.up_to === 0) return;
    await this.#mutate(change, "/v1/inbox/read");
  }

  /** @param {readonly number[]} seqs */
  async markUnread(seqs) {
    await this.#mutate({ change: "unread", seqs }, "/v1/inbox/unread");
  }

  /** @param {number} seq */
  async remove(seq) {
    await this.#mutate({ change: "removed", seqs: [seq] }, "");
  }

  /**
   * #mutate shows a change at once, asks for it, and takes it back if it is refused.
   */
  async #mutate(change, path) {
    if (change.seqs?.length === 0) return;
    if (change.seqs?.length > MOST_SEQS) throw new RangeError(`at most ${MOST_SEQS} at once`);
    const before = new Map(this.#items.map((item) => [item.seq, item]));
    const was = this.#items.filter((item) => !item.read).length;
    this.#apply(change);
    this.#pending.set(change, this.#items.filter((item) => !item.read).length - was);
    this.#changing++;
    this.#changed();
    try {
      const counts = path === ""
        ? await this.#api.request("DELETE", `/v1/inbox/${change.seqs[0]}`)
        : await this.#api.request("POST", path, change.seqs ? { seqs: change.seqs } : { up_to: change.up_to });
      if (counts) {
        this.#count(counts, [change]);
        this.#onLocalChange({ ...change, ...counts });
      }
    } catch (error) {
      this.#pending.delete(change);
      this.#undo(change, before);
      throw error;
    } finally {
      // Answers may overtake each other; the last one shows whether it mattered.
      if (--this.#changing === 0) this.#compare();
      this.#changed();
    }
  }

  /** #undo gives the items of a refused change back what they were. */
  #undo({ change, up_to: upTo, seqs }, before) {
    const named = new Set(seqs ?? []);
    if (change === "removed") {
      for (const seq of named) if (before.has(seq)) this.#insert(before.get(seq));
      return;
    }
    this.#items = this.#items.map((item) =>
      before.has(item.seq) && (named.has(item.seq) || item.seq <= (upTo ?? 0)) ? before.get(item.seq) : item);
  }

  /** close ends what is planned. */
  close() {
    this.#closed = true;
    this.#env.clearTimeout(this.#refetch);
  }

  #newest() {
    return Math.max(this.#base.head, this.#items[0]?.seq ?? 0);
  }

  #unread() {
    let unread = this.#base.unread + this.#above.size;
    for (const by of this.#pending.values()) unread += by;
    return Math.max(0, unread);
  }

  #refetchSoon(wait = this.#env.random() * REFETCH_SPREAD) {
    if (this.#refetch !== undefined || this.#closed || this.#pageSize === 0) return;
    this.#refetch = this.#env.setTimeout(() => {
      this.#refetch = undefined;
      this.load().catch((error) => {
        // Some other day, but not never: the list is known to be wrong.
        this.#refetchSoon(Math.max(error.retryAfter ?? 0, 10 * REFETCH_SPREAD * (1 + this.#env.random())));
      });
    }, wait);
  }

  /** #changed tells the page, once for all changes that come in one go. */
  #changed() {
    if (this.#snapshot === null || this.#closed) return;
    this.#snapshot = null;
    this.#env.queueMicrotask(() => {
      if (!this.#closed) this.#onChange(this.snapshot);
    });
  }
}

/** keyOf is the same for a change and for what the stream says of it. */
function keyOf({ change, up_to: upTo, seqs }) {
  return JSON.stringify([change, upTo || 0, [...(seqs ?? [])].sort((a, b) => a - b)]);
}
