// The connection to Bellhop: one for the inbox of whoever is signed in, and one
// for the channels of the page that is open.
import { Bellhop } from "/bellhop.js";
import { nameOf } from "./people.js";
import { said, t } from "./language.js";
import { session } from "./session.js";

const TYPES = {
  comment: (d) => [t("ringComment", nameOf(d.by), d.count ?? 1), said(d.text) || said(d.title)],
  reply: (d) => [t("ringReply", nameOf(d.by)), said(d.text)],
  popular: (d) => [t("ringPopular", d.count), said(d.title)],
  note: (d) => [t("ringNote", nameOf(d.by)), said(d.text)],
  chat: (d) => [t("ringChat", nameOf(d.by)), said(d.text)],
  application: (d) => [t("ringApplication", nameOf(d.by)), said(d.title)],
  accepted: (d) => [t("ringAccepted", nameOf(d.by)), said(d.title)],
  refused: (d) => [t("ringRefused", nameOf(d.by)), said(d.title)],
  won: (d) => [t("ringWon"), said(d.title)],
};

/** show says what an event looks like in the bell, in the form that <bellhop-bell> wants. */
export function show({ type, data }) {
  const known = Object.hasOwn(TYPES, type);
  const [title, body] = known ? TYPES[type](data) : [t("ringOther"), ""];
  return { title, body, href: data?.link, time: data?.at, image: `/icons/${known ? type : "other"}.svg` };
}

/**
 * Bell holds the connection of the person at this window. Events: "change" (another
 * person, or none), "status", "inbox" (its items), "event" ({event, live}).
 */
class Bell extends EventTarget {
  /** @type {Bellhop | null} */
  client = null;
  /** What the panel under the hood shows. */
  facts = fresh();
  #person = "";
  #wasLive = false;

  /** follow connects for whoever is signed in now. */
  follow() {
    const person = session.person?.id ?? "";
    if (person === this.#person) return;
    this.#person = person;
    this.client?.close();
    this.client = null;
    this.facts = fresh();
    this.#wasLive = false;
    if (person) this.#connect();
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("status"));
  }

  /** reopen goes on from a position on another stream. */
  reopen() {
    const { cursor } = this.client;
    this.client.close();
    this.#connect(cursor);
    this.dispatchEvent(new Event("change"));
  }

  #connect(cursor) {
    const client = new Bellhop({ token: (why) => session.token(why), ...(cursor && { cursor }) });
    this.client = client;
    client.on("bellhop.status", (status) => {
      if (client !== this.client) return;
      if (status.state === "live" && !this.#wasLive) {
        this.facts.streams += 1;
        this.facts.openedAt = Date.now();
      }
      this.#wasLive = status.state === "live";
      this.dispatchEvent(new Event("status"));
    });
    client.on("bellhop.inbox", () => {
      if (client === this.client) this.dispatchEvent(new Event("inbox"));
    });
    client.on("*", (event, { live }) => {
      if (client !== this.client) return;
      this.facts.received += 1;
      if (live) this.facts.took = Math.max(0, Date.now() - Date.parse(event.time));
      this.dispatchEvent(new CustomEvent("event", { detail: { event, live } }));
      this.dispatchEvent(new Event("status"));
    });
  }

  get state() { return this.client?.status.state ?? "visitor"; }

  away() { this.client?.close(); }
}

function fresh() {
  return { received: 0, took: null, streams: 0, openedAt: null };
}

export const bell = new Bell();

/**
 * watch listens to public channels for as long as a page is open, signed in or
 * not. Handlers are called by type; the answer ends it.
 */
export function watch(channels, handlers) {
  const client = new Bellhop({ channels, inbox: false, pageSize: 0 });
  for (const [type, handler] of Object.entries(handlers)) client.on(type, handler);
  return () => client.close();
}
