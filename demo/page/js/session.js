// Who is at this window. Each window has its own person, so that two of them side
// by side can be two people: the token stays in the window and goes into a header,
// and no cookie is shared.

const RENEW_BEFORE = 60_000; // ms

class Session extends EventTarget {
  /** @type {{id: string, name: {text: string, ko?: string}, hue: number} | null} */
  person = null;
  #token = "";
  #until = 0;
  #pending = null;

  /** signIn becomes somebody. It fails if that can't be a name. */
  async signIn(id) {
    await this.#fetch(id);
    sessionStorage.setItem("person", id);
    this.dispatchEvent(new Event("change"));
  }

  signOut() {
    this.person = null;
    this.#token = "";
    sessionStorage.removeItem("person");
    this.dispatchEvent(new Event("change"));
  }

  /** restore signs in whom this window, or its address (?as=mina), remembers. */
  async restore() {
    const address = new URL(location.href);
    const wanted = address.searchParams.get("as");
    if (wanted) {
      address.searchParams.delete("as");
      history.replaceState(null, "", address);
    }
    const id = wanted || sessionStorage.getItem("person");
    if (id) await this.signIn(id).catch(() => sessionStorage.removeItem("person"));
  }

  /** token is for the header of requests, and for Bellhop; undefined for a visitor. */
  async token({ renew = false } = {}) {
    if (!this.person) return undefined;
    if (renew || Date.now() > this.#until - RENEW_BEFORE) {
      this.#pending ??= this.#fetch(this.person.id).finally(() => { this.#pending = null; });
      await this.#pending;
    }
    return this.#token;
  }

  async #fetch(id) {
    const response = await fetch("/demo/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: id }),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.detail || `${response.status}`);
    this.person = answer.person;
    this.#token = answer.token;
    this.#until = 1_000 * JSON.parse(atob(answer.token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).exp;
  }
}

export const session = new Session();
