// What is read out to those who don't see the bell.

/** News of this long are told together, in ms. */
const SOON = 400;

/** For so long nobody is interrupted again, in ms. */
const PAUSE = 5_000;

/**
 * News collects what comes and tells it, at first soon and then at times: somebody
 * whose inbox is busy still wants to hear the rest of the page.
 */
export class News {
  #tell;
  #first;
  #count = 0;
  #timer;

  /** @param {(count: number, first: any) => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  /** add takes an event. */
  add(event) {
    this.#first ??= event;
    this.#count++;
    if (this.#timer === undefined) this.#wait(SOON);
  }

  /** drop forgets what has not been told. */
  drop() {
    clearTimeout(this.#timer);
    this.#timer = this.#first = undefined;
    this.#count = 0;
  }

  #wait(ms) {
    this.#timer = setTimeout(() => {
      const [count, first] = [this.#count, this.#first];
      this.drop();
      if (count === 0) return;
      this.#wait(PAUSE);
      this.#tell(count, first);
    }, ms);
  }
}
