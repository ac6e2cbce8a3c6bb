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
export class Counts {
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
