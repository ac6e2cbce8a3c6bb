// Reading text/event-stream as bytes, as WHATWG HTML prescribes ("Parsing an
// event stream", "Interpreting an event stream").

/**
 * The most characters of one unfinished block. A server that never ends a line
 * must not fill the tab's memory; the largest event a gateway sends is far below.
 */
const MAX_BLOCK = 16 * 1024 * 1024;

/**
 * One block of a stream.
 *
 * @typedef {object} Block
 * @property {string} type   the event's type; "message" where the block names none
 * @property {string} data   its data lines, joined by LF
 * @property {string} id     the last id that the stream gave, this block's included
 * @property {number} [gap]
 */

/**
 * Parser turns bytes into blocks. Feed it every chunk as it comes: lines, line
 * ends, characters and blocks may be cut anywhere. A block counts when its empty
 * line is there, so one that the connection's end cuts off is never seen.
 *
 * A parser lives as long as one connection.
 */
export class Parser {
  #decoder; // drops one leading BOM, keeps cut characters
  #handlers;
  #line = "";
  #skipLF = false; // the last chunk ended in CR
  #size = 0;
  #type = "";
  /** @type {string[]} */
  #data = []; // its lines
  #id;

  /**
   * @param {object} handlers
   * @param {(block: Block) => void} handlers.block  each block that has data
   * @param {(id: string) => void} [handlers.id]     each block's end, with the id that holds now
   * @param {(ms: number) => void} [handlers.retry]  each valid retry line
   * @param {string} [id]  the id that the connection resumed from
   */
  constructor(handlers, id = "") {
    this.#handlers = handlers;
    this.#id = id;
  }

  /**
   * push reads a chunk and calls the handlers for what it completes. It throws a
   * RangeError once a block is larger than any that a server of ours sends.
   *
   * @param {Uint8Array} bytes
   */
  push(bytes) {
    this.#decoder ??= new TextDecoder();
    this.read(this.#decoder.decode(bytes, { stream: true }));
  }

  /** read is push for what has been decoded already. */
  read(/** @type {string} */ text) {
    if (this.#skipLF && text !== "") {
      this.#skipLF = false;
      if (text[0] === "\n") text = text.slice(1);
    }
    let from = 0;
    for (const { 0: end, index } of text.matchAll(/\r\n|\r|\n/g)) {
      const line = this.#line + text.slice(from, index);
      this.#line = "";
      from = index + end.length;
      // A CR at the very end may be half of a CRLF.
      if (end === "\r" && from === text.length) this.#skipLF = true;
      this.#take(line);
    }
    this.#line += text.slice(from);
    if (this.#line.length + this.#size > MAX_BLOCK) throw new RangeError("a block is too large");
  }

  /** @param {string} line */
  #take(line) {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const [, field, value] = /** @type {RegExpExecArray} */ (/([^:]*):? ?(.*)/s.exec(line));
    switch (field) {
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#data.push(value);
        this.#size += value.length + 1;
        break;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        break;
      case "retry":
        if (/^[0-9]+$/.test(value)) this.#handlers.retry?.(Number(value));
        break;
      default: // other fields mean nothing, and a comment's is ""
    }
  }

  #dispatch() {
    const [type, data, id] = [this.#type, this.#data, this.#id];
    this.#type = "";
    this.#data = [];
    this.#size = 0;
    // The data first: an id must not be kept for a block that nobody was given.
    if (data.length > 0) this.#handlers.block({ type: type || "message", data: data.join("\n"), id });
    this.#handlers.id?.(id);
  }
}
