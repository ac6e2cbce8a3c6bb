// The types that somebody has muted.

const PREFERENCES = "/v1/inbox/preferences";

export class Muted {
  /** types are null while nothing is known, as at a gateway that can't mute. */
  /** @type {readonly string[] | null} */
  types = null;
  #client;
  #take;
  #stop;

  /**
   * @param {import("../../bellhop.d.ts").Bellhop} client
   * @param {() => void} onChange
   */
  constructor(client, onChange) {
    this.#client = client;
    this.#take = (types) => {
      if (!this.#stop) return;
      this.types = types;
      onChange();
    };
    let heard = false;
    this.#stop = client.on("bellhop.change", ({ change, muted }) => {
      if (change !== "muted" || !muted) return;
      heard = true;
      this.#take(muted);
    });
    client.request("GET", PREFERENCES).then(({ muted }) => { if (!heard) this.#take(muted); }, () => {});
  }

  has(type) { return this.types?.includes(type); }

  /** turn mutes a type, or does so no more. */
  async turn(type) {
    const rest = this.types.filter((other) => other !== type);
    const types = this.has(type) ? rest : [...rest, type];
    await this.#client.request("PUT", PREFERENCES, { muted: types });
    this.#take(types); // the stream may be away
  }

  end() {
    this.#stop();
    this.#stop = null;
  }
}
