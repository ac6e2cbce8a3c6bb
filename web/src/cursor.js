// Positions: how far somebody has got in each channel. A cursor, the id of a
// stream's blocks, is their text, "17.k3f9@user:42,205.9xq2@raffle:1".

/**
 * @typedef {object} Position
 * @property {number} seq
 * @property {string} epoch  the life of the log that the seq belongs to; "" for the beginning
 */

/** @typedef {Map<string, Position>} Positions by channel */

/**
 * parseCursor reads a cursor. Parts that it can't read are left out: the server,
 * which is asked with what is left, says what follows from that.
 *
 * @param {string} text
 * @returns {Positions}
 */
export function parseCursor(text) {
  const positions = new Map();
  for (const part of text.split(",")) {
    const match = /^([0-9]+)(?:\.([^@]+))?@(.+)$/.exec(part);
    if (match) positions.set(match[3], { seq: Number(match[1]), epoch: match[2] ?? "" });
  }
  return positions;
}

/**
 * formatCursor is the other way round.
 *
 * @param {Positions} positions
 * @returns {string}
 */
export function formatCursor(positions) {
  return [...positions]
    .map(([channel, { seq, epoch }]) => `${seq}${epoch && `.${epoch}`}@${channel}`)
    .join(",");
}

/**
 * covers tells whether everything up to the other position is known here too.
 *
 * @param {Position | undefined} mine
 * @param {Position | undefined} other
 */
export function covers(mine, other) {
  return mine !== undefined && mine.epoch === other?.epoch && mine.seq >= other.seq;
}

/**
 * rewind returns the positions from which neither of two misses anything: the
 * lower seq of each channel. Of positions in different epochs the other one is
 * taken, for which the server announces what can't be replayed. It returns null if
 * `mine` is that already.
 *
 * @param {Positions} mine
 * @param {Positions} others
 * @returns {Positions | null}
 */
export function rewind(mine, others) {
  let changed = false;
  const result = new Map(mine);
  for (const [channel, other] of others) {
    const own = mine.get(channel);
    if (own && (own.epoch === "" || covers(other, own))) continue;
    result.set(channel, other);
    changed = true;
  }
  return changed ? result : null;
}
