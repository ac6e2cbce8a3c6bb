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
export function changed(items, { change, up_to: upTo, seqs }) {
  const named = new Set(seqs);
  const read = change === "read";
  if (read || change === "unread") {
    return items.map((item) => (item.read !== read && (named.has(item.seq) || (read && item.seq <= (upTo || 0))) ? { ...item, read } : item));
  }
  return ["removed", "replaced", "archived"].includes(change) ? items.filter((item) => !named.has(item.seq)) : items;
}

/** unreadOf counts what is unread of a list. */
export function unreadOf(/** @type {readonly Item[]} */ items) {
  return items.filter((item) => !item.read).length;
}

/**
 * keyOf is the same for a change of ours and for what the stream says of it.
 *
 * @param {Change} change
 */
export function keyOf({ change, up_to: upTo, seqs }) {
  return JSON.stringify([change, upTo || 0, [...(seqs ?? [])].sort((a, b) => a - b)]);
}
