// The types that somebody has muted.

const PREFERENCES = "/v1/inbox/preferences";

/** Muted knows them for as long as a list is open. */
export class Muted {
  /** types are null while nothing is known, as at a gateway that can't mute. */
  /** @type {readonly string[] | null} */
  types;
  #client;
  #onChange;
  #heard = 0;
  #turning = Promise.resolve(); // the last turn: the whole list is sent, so one comes after the other
  #stops;

  /**
   * @param {import("../../bellhop.d.ts").Bellhop} client
   * @param {() => void} onChange
   * @param {readonly string[] | null} [types]  what was known before
   */
  constructor(client, onChange, types = null) {
    this.types = types;
    this.#client = client;
    this.#onChange = onChange;
    this.#stops = [
      client.on("bellhop.change", ({ change, muted }) => {
        if (change === "muted" && muted) this.#take(muted);
        else if (change === "other") this.#ask(); // it may have been one of these
      }),
      client.on("bellhop.ready", () => this.#ask()),
    ];
    this.#ask();
  }

  has(type) { return this.types?.includes(type); }

  /** turn mutes a type, or does so no more. */
  turn(type) {
    const turned = this.#turning.then(() => this.#turn(type));
    this.#turning = turned.catch(() => {});
    return turned;
  }

  async #turn(type) {
    const rest = this.types.filter((other) => other !== type);
    const types = this.has(type) ? rest : [...rest, type];
    await this.#client.request("PUT", PREFERENCES, { muted: types });
    this.#take(types); // the stream may be away
  }

  end() {
    for (const stop of this.#stops) stop();
    this.#onChange = () => {};
  }

  async #ask() {
    const heard = this.#heard;
    const answer = await this.#client.request("GET", PREFERENCES).catch(() => null);
    if (answer && heard === this.#heard) this.#take(answer.muted);
  }

  #take(types) {
    this.#heard++;
    this.types = types;
    this.#onChange();
  }
}
