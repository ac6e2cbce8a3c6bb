// The list of notifications: rows that stay what they are while others come and go,
// and moving among them by keys.

import { active, h } from "./dom.js";
import { Row } from "./item.js";
import { defaultView } from "./view.js";

/** How near its end the list fetches more, in pixels. */
const AHEAD = 240;

/** A page's own parse may make numbers that JSON has no word for. */
const words = (item) => JSON.stringify(item, (_, value) => (typeof value === "bigint" ? `${value}n` : value));

const same = (a, b) => a === b || words(a) === words(b);

export class List {
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
