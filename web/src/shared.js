// The stream of a tab: its own connection, or that of another tab.

import { Connection } from "./connection.js";
import { formatCursor, parseCursor, rewind } from "./cursor.js";
import { Latest } from "./latest.js";
import { Reader } from "./reader.js";
import { Tabs } from "./tabs.js";

/** A leader whose time to try again has passed for so long is reminded, in ms. */
const LATE_BY = 1_000;

/**
 * SharedStream reads one logical stream. Where tabs can find each other, one of
 * them holds the connection and passes on every block as it came; each tab reads
 * them by its own position. So when the connection changes hands nothing is lost or
 * doubled: the new leader goes on from where it is, and goes back for a tab that is
 * behind.
 */
export class SharedStream {
  #env;
  #connection;
  #reader;
  #latest = new Latest();
  /** @type {Tabs | null} */
  #tabs = null;
  #handlers;
  #access;
  #status = { state: "connecting" };
  #leader = ""; // whom we follow, once it has taken us in
  #passing = false; // another tab may do better
  #new = true; // we came after the leader's last word, and have not tried ourselves
  #late; // timer: the leader should have tried again by then
  #rewound = false; // gone back for another tab, and not caught up yet

  /**
   * @param {object} config
   * @param {any} config.env
   * @param {import("./access.js").Access} config.access
   * @param {() => Promise<string>} config.token
   * @param {ConstructorParameters<typeof Connection>[0]["connect"]} config.connect
   * @param {number} config.heartbeat  ms
   * @param {import("./choice.js").Choice} config.choice
   * @param {(status: object) => void} config.onStatus
   * @param {() => object} config.counts  the newest count of the inbox, for other tabs
   * @param {(counts: object) => void} config.onCounts  and what another tab knows
   * @param {ConstructorParameters<typeof Reader>[0]} config.reader
   */
  constructor({ env, access, token, connect, heartbeat, choice, onStatus, counts, onCounts, reader }) {
    this.#env = env;
    this.#access = access;
    this.#handlers = { onStatus, counts, onCounts };
    this.#reader = new Reader(reader, env.parse);
    this.#connection = new Connection({
      env, access, connect, heartbeat, choice,
      token: () => this.#token(token),
      onBlock: (block) => this.#received(block),
      onStatus: (status) => this.#report(status),
    });
  }

  get cursor() {
    return this.#reader.cursor;
  }

  /** leader tells whether the connection is ours. */
  get leader() {
    return this.#tabs === null || this.#tabs.leading;
  }

  /** begin fills in positions of channels that have none. */
  begin(/** @type {import("./cursor.js").Positions} */ positions) {
    this.#reader.begin(positions);
  }

  /**
   * start opens the stream, or joins the tabs that share it.
   *
   * @param {string | null} name  what those tabs have in common; null: share nothing
   */
  start(name) {
    if (name !== null && Tabs.available(this.#env)) {
      this.#tabs = new Tabs({
        name,
        env: this.#env,
        onLead: () => {
          this.#rewound = this.#passing = false;
          this.#connection.open(this.cursor);
        },
        onFollow: () => {
          this.#connection.stop();
          this.#introduce();
        },
        onAlone: () => {
          this.#tabs = null;
          this.#connection.open(this.cursor);
        },
        onMessage: (message) => (this.#tabs.leading ? this.#asLeader(message) : this.#asFollower(message)),
      });
    }
    this.resume();
  }

  /** resume goes on after pause. */
  resume() {
    this.#new = true;
    if (this.#tabs) this.#tabs.join();
    else this.#connection.open(this.cursor);
  }

  /** pause lets go of the connection; another tab takes over. */
  pause() {
    this.#connection.stop();
    this.#env.clearTimeout(this.#late);
    this.#tabs?.leave();
  }

  /** check is for moments at which a broken connection may show, or a lost one come back. */
  check(suspect = false) {
    if (this.leader) this.#connection.check(suspect);
    else this.#tabs.probe();
  }

  /** reconnect tries at once, whatever was planned. */
  reconnect() {
    if (this.leader) this.#connection.open();
    else if (this.#status.state === "denied") this.#tabs.steal(); // we may be let in with what we have
    else this.#tabs.post({ t: "reconnect" });
  }

  /**
   * #token asks for a token. If the last one could not be had, another tab's page may
   * have one.
   */
  async #token(ask) {
    if (this.#passing && this.#tabs) {
      this.#passing = false;
      this.#tabs.pass();
      return ""; // nobody waits for it any more
    }
    try {
      return await ask();
    } catch (error) {
      this.#passing = true;
      throw error;
    }
  }

  /** #received is what our own connection brings. */
  #received(block) {
    // Another window has signed in as somebody else, and the cookie is theirs now.
    if (!this.#access.ours(block.id)) {
      if (!this.#connection.refuse("the session is somebody else's")) this.#access.lose();
      return;
    }
    this.#latest.take(block, this.#status.state === "live", this.#reader.positions);
    this.#tabs?.post({ t: "block", block, old: this.#rewound });
    this.#reader.take(block, this.#rewound);
    if (block.type === "bellhop.ready") this.#rewound = false;
  }

  /**
   * #introduce tells the leader how far we are. What is heard before it has looked at
   * that may come after something that we have missed.
   */
  #introduce() {
    this.#leader = "";
    this.#tabs.post({ t: "hello", cursor: this.cursor });
  }

  /** @param {import("./tabs.js").Message} message */
  #asLeader(message) {
    // There are others, of a leader that does not know yet that it is none any more.
    if (message.t === "hello") this.#welcome(message);
    else if (message.t === "reconnect") this.#connection.open();
    else if (message.t === "ping") this.#connection.check();
  }

  /** @param {import("./tabs.js").Message} message */
  #asFollower(message) {
    const { t, from, status } = message;
    if (t === "lead") {
      this.#introduce();
    } else if (t === "welcome") {
      this.#leader = from;
      this.#access.ours(message.cursor);
      for (const block of message.blocks) this.#reader.take(block, true);
      this.#reader.begin(parseCursor(message.cursor));
      this.#handlers.onCounts(message.counts);
      this.#set(status);
      // A leader that was refused before we came may have been somebody whose session
      // was over: we try once ourselves.
      if (this.#new && status.state === "denied") this.#tabs.steal();
      this.#new = false;
    } else if (from === this.#leader) {
      if (t === "block") this.#reader.take(message.block, message.old);
      else if (t === "status") this.#set(status);
    }
  }

  /**
   * #welcome takes in another tab. If it has missed something, the stream goes back to
   * where it is: the log has everything, so no tab need keep anything for others.
   *
   * @param {import("./tabs.js").Message} message
   */
  #welcome({ from, cursor }) {
    const theirs = parseCursor(cursor);
    this.#tabs.post({
      t: "welcome", to: from, status: this.#status, cursor: this.cursor,
      blocks: this.#latest.missing(theirs), counts: this.#status.state === "live" ? this.#handlers.counts() : undefined,
    });
    const back = rewind(parseCursor(this.#connection.cursor), theirs);
    if (back === null) return;
    this.#rewound = true;
    this.#connection.open(formatCursor(back));
  }

  #report(status) {
    const offline = status.state === "retrying" && this.#env.offline();
    this.#set(offline ? { ...status, state: "offline" } : status);
    this.#tabs?.post({ t: "status", status: this.#status });
  }

  #set(status) {
    this.#status = status;
    this.#env.clearTimeout(this.#late);
    // Timers of a hidden leader ring up to a minute late. Messages wake it.
    if (!this.leader && status.retryAt && !this.#env.hidden()) {
      this.#late = this.#env.setTimeout(() => this.#tabs?.probe(), Math.max(0, status.retryAt - this.#env.now()) + LATE_BY);
    }
    this.#handlers.onStatus(status);
  }
}
