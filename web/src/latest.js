// The newest values of channels that begin with one.

/** The most types of one channel whose newest event is kept. */
const MOST_TYPES = 32;

/**
 * Latest keeps the newest events of channels whose streams begin with the newest
 * value, for tabs that come later and share the stream. The client learns which
 * channels those are from the server: an event of a channel that we brought no
 * position for, before the stream is live, is such a value.
 */
export class Latest {
  /** @type {Map<string, Map<string, import("./parser.js").Block>>} by channel and type */
  #blocks = new Map();

  /**
   * take looks at a block of the stream, before it is read.
   *
   * @param {import("./parser.js").Block} block
   * @param {boolean} live
   * @param {import("./cursor.js").Positions} positions  before the block
   */
  take(block, live, positions) {
    if (block.type.startsWith("bellhop.")) return;
    const { channel, type } = JSON.parse(block.data);
    let kept = this.#blocks.get(channel);
    if (!kept) {
      if (live || positions.has(channel)) return;
      kept = new Map();
      this.#blocks.set(channel, kept);
    }
    // In the order of the channel, which their reader relies on.
    kept.delete(type);
    kept.set(type, block);
    if (kept.size > MOST_TYPES) kept.delete(kept.keys().next().value);
  }

  /**
   * missing returns what a tab needs that has these positions.
   *
   * @param {import("./cursor.js").Positions} positions
   */
  missing(positions) {
    return [...this.#blocks].flatMap(([channel, kept]) => (positions.has(channel) ? [] : [...kept.values()]));
  }
}
