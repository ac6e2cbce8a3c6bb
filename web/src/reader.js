// What a tab makes of a stream's blocks, whichever tab's connection they came by.

import { covers, formatCursor, parseCursor } from "./cursor.js";

/** @typedef {import("./parser.js").Block} Block */

/**
 * Reader keeps this tab's position in every channel and hands on each event once,
 * in order. The stream of several tabs goes back to where the last of them is, so
 * that the others see blocks again.
 */
export class Reader {
  /** @type {import("./cursor.js").Positions} */
  positions = new Map();

  #handlers;
  #parse;

  /**
   * @param {object} handlers
   * @param {(event: any) => void} handlers.event     each event once
   * @param {(reset: {channel: string, from: number | null, to: number | null}) => void} handlers.reset
   * @param {(ready: any, gap: number) => void} handlers.ready  gap: how long nothing was heard before, in ms
   * @param {(change: any) => void} handlers.read     a change of the inbox
   * @param {(type: string, data: any) => void} handlers.other  notices that are not known here
   * @param {(text: string) => any} [parse]  reads events
   */
  constructor(handlers, parse = JSON.parse) {
    this.#handlers = handlers;
    this.#parse = parse;
  }

  get cursor() {
    return formatCursor(this.positions);
  }

  /**
   * begin takes over positions of channels that this tab has none of.
   *
   * @param {import("./cursor.js").Positions} positions
   */
  begin(positions) {
    for (const [channel, position] of positions) {
      if (!this.positions.has(channel)) this.positions.set(channel, position);
    }
  }

  /**
   * take reads a block.
   *
   * @param {Block} block
   * @param {boolean} old  the stream went back for another tab: what was announced
   *   to this one before is no news
   */
  take(block, old) {
    const at = parseCursor(block.id);
    const data = block.type.startsWith("bellhop.") ? JSON.parse(block.data) : this.#parse(block.data);
    switch (block.type) {
      case "bellhop.reset":
        this.#reset(data, at.get(data.channel), old);
        break;
      case "bellhop.ready":
        this.#adopt(at);
        this.#handlers.ready(data, block.gap);
        break;
      case "bellhop.read":
        this.#adopt(at);
        this.#handlers.read(data);
        break;
      case "bellhop.drain":
      case "bellhop.expired":
      case "bellhop.refused":
        break;
      default:
        if (block.type.startsWith("bellhop.")) this.#handlers.other(block.type, data);
        else this.#event(data, at);
    }
  }

  #event(event, at) {
    const epoch = at.get(event.channel)?.epoch ?? "";
    const mine = this.positions.get(event.channel);
    const position = { seq: event.seq, epoch };
    if (covers(mine, position)) return;
    this.#newLife(event.channel, mine, position);
    this.positions.set(event.channel, position);
    // Of this channel it was handed over, so the position may be beyond its seq
    // only where events are left out; of the others it is what went before.
    this.#adopt(at);
    this.#handlers.event(event);
  }

  #reset(reset, position, old) {
    if (position) {
      if (old && covers(this.positions.get(reset.channel), position)) return;
      this.positions.set(reset.channel, position);
    }
    this.#handlers.reset(reset);
  }

  /** #adopt moves on to positions that were reached without an event for us. */
  #adopt(at) {
    for (const [channel, position] of at) {
      const mine = this.positions.get(channel);
      // One without an epoch is no position yet.
      if (covers(mine, position) || (mine && position.seq === 0 && !/[0-9a-z]/.test(position.epoch))) continue;
      this.#newLife(channel, mine, position);
      this.positions.set(channel, position);
    }
  }

  /**
   * #newLife announces a change of epoch for which no reset came: it went to another
   * tab, while this one was frozen.
   */
  #newLife(channel, mine, position) {
    if (mine === undefined || mine.epoch === "" || position.epoch === mine.epoch) return;
    this.#handlers.reset({ channel, from: null, to: null });
  }
}
