// A stream of one person's inbox on a native EventSource.
//
// Events: "state" ({name, text, wanted}), "note" ({event, live, missed}),
// "reset" (its data), "block" ({type, data, id}).

const FIRST_PAUSE = 1_000; // ms
const LONGEST_PAUSE = 30_000;

export class Stream extends EventTarget {
  #source = null;
  #cursor = "0"; // "0" is the beginning; then the newest position in our own inbox
  #live = false; // the replay is over
  #pastFirstReplay = false; // what is replayed now was missed
  #wanted = false; // nobody closed it
  #pause = FIRST_PAUSE;
  #timer = 0;
  #startSession;

  constructor(user, startSession) {
    super();
    this.user = user;
    this.#startSession = startSession;
  }

  get wanted() { return this.#wanted; }

  // open begins the stream, or goes on from where it was closed.
  open() {
    this.#stop();
    this.#wanted = true;
    this.#live = false;
    // A reconnect of the browser's own repeats this URL, and sends the newest
    // id as Last-Event-ID, which wins over the query.
    const source = new EventSource(`/v1/stream?lastEventId=${encodeURIComponent(this.#cursor)}`);
    this.#source = source;
    this.#state("wait", "Connecting");

    source.onerror = () => {
      this.#live = false;
      // EventSource gives up for good on any status but 200: most likely the
      // cookie is gone. Everything else it tries again by itself.
      if (source.readyState === EventSource.CLOSED) this.#signInAgain();
      else this.#state("wait", "Reconnecting");
    };
    source.addEventListener("note", (e) => {
      if (!this.#take(e)) return;
      const event = JSON.parse(e.data);
      this.#emit("note", { event, live: this.#live, missed: !this.#live && this.#pastFirstReplay });
    });
    source.addEventListener("bellhop.ready", (e) => {
      if (!this.#take(e)) return;
      this.#live = this.#pastFirstReplay = true;
      this.#pause = FIRST_PAUSE;
      this.#state("live", "Live");
    });
    source.addEventListener("bellhop.reset", (e) => {
      if (this.#take(e)) this.#emit("reset", JSON.parse(e.data));
    });
    source.addEventListener("bellhop.drain", (e) => {
      if (this.#take(e)) this.#state("wait", "Server is going away");
    });
    source.addEventListener("bellhop.expired", (e) => {
      if (this.#take(e)) this.#signInAgain();
    });
  }

  close() {
    this.#stop();
    this.#wanted = false;
    this.#state("off", "Away");
  }

  // take notes the position, and tells whether the block is for this person.
  //
  // Windows of one browser share the cookie, so that after a reconnect the
  // stream may be that of whoever signed in last, in another window. Its
  // positions show it. Then this window signs in again and goes on from its own.
  #take(e) {
    this.#emit("block", { type: e.type, data: e.data, id: e.lastEventId });
    if (e.lastEventId === "") return true;
    if (!e.lastEventId.split(",").some((position) => position.endsWith(`@user:${this.user}`))) {
      this.#signInAgain();
      return false;
    }
    this.#cursor = e.lastEventId;
    return true;
  }

  #signInAgain() {
    this.#stop();
    this.#state("wait", "Signing in again");
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#timer = setTimeout(async () => {
      const timer = this.#timer;
      let ok = true;
      await this.#startSession(this.user).catch(() => { ok = false; });
      if (timer !== this.#timer) return; // closed or opened meanwhile
      if (ok) this.open();
      else this.#signInAgain();
    }, pause);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#source?.close();
    this.#source = null;
  }

  #state(name, text) { this.#emit("state", { name, text, wanted: this.#wanted }); }
  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}
