// Web Locks for pages that have none, as over plain http.

/** Who wants the lock gives its holder so long to object, hidden pages longer, in ms. */
const OBJECT_WITHIN = 300;
const HIDDEN = 500;

/** And a random time more, so that of many the first one shows the others. */
const SPREAD = 200;

/** A holder says so again and again, in ms. */
const REMIND = 2_000;

/**
 * Votes is as much of the Web Locks API as tabs need, by messages: who hears nobody
 * object holds the lock. Two may do so for a moment; of two holders that hear of each
 * other the one of the later term stays, and of one term the one of the smaller id. A
 * thief begins a new term. A holder that dies is found out by who asks it in vain.
 */
export class Votes {
  #env;
  #term = 0; // the latest that was heard of

  constructor(env) {
    this.#env = env;
  }

  request(name, { signal, steal = false }, f) {
    const env = this.#env;
    const id = env.uuid();
    const channel = new env.BroadcastChannel(`${name}:lock`);
    return new Promise((resolve, reject) => {
      let mine = 0; // the term in which we hold it
      let timer;
      const post = (t) => channel.postMessage({ t, id, term: mine });
      const end = (free) => {
        env.clearTimeout(timer);
        if (free && mine > 0) post("free");
        channel.close();
      };
      // Not everybody may have heard: one who was frozen still thinks that it holds it.
      const remind = () => {
        post("held");
        timer = env.setTimeout(remind, REMIND);
      };
      const hold = async () => {
        this.#term += steal || this.#term === 0 ? 1 : 0;
        mine = this.#term;
        remind();
        const value = await f();
        end(true);
        resolve(value);
      };
      const vote = () => {
        env.clearTimeout(timer);
        timer = env.setTimeout(hold, OBJECT_WITHIN + (env.hidden() ? HIDDEN : 0) + SPREAD * env.random());
      };
      channel.onmessage = ({ data }) => {
        this.#term = Math.max(this.#term, data.term);
        if (mine === 0) {
          if (data.t === "held") env.clearTimeout(timer);
          else if (data.t === "free") vote();
        } else if (data.t !== "free") {
          if (data.t === "want" || data.term < mine || (data.term === mine && data.id > id)) {
            post("held");
            return;
          }
          end(false);
          reject(new DOMException("", "AbortError"));
        }
      };
      signal?.addEventListener("abort", () => {
        if (mine > 0) return;
        end(false);
        reject(signal.reason);
      });
      if (steal) {
        hold();
        return;
      }
      post("want");
      vote();
    });
  }
}
