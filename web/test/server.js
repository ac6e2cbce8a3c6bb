// A gateway's side of one inbox.
import { json } from "./fakes.js";

export const item = (seq, read = false, channel = "user:42") => ({ channel, seq, type: "note", time: "2026-11-21T20:15:28.123Z", data: { n: seq }, read });

/**
 * Server keeps an inbox as a gateway does.
 */
export class Server {
  items = [];
  archived = [];
  head = 0;
  user = "user:42";
  epoch = "e1";
  page = { status: 200 };
  calls = [];

  constructor(gateway) {
    gateway.answers.set("GET /v1/inbox", ({ query }) => this.list(query));
    gateway.answers.set("POST /v1/inbox/read", ({ body }) => this.mark(JSON.parse(body), true));
    gateway.answers.set("POST /v1/inbox/unread", ({ body }) => this.mark(JSON.parse(body), false));
    gateway.answers.set("DELETE /v1/inbox/*", ({ path }) => this.remove(Number(path.split("/").at(-1))));
    this.gateway = gateway;
  }

  add(n, read = false, type = "note") {
    for (let i = 0; i < n; i++) this.items.unshift({ ...item(++this.head, read, this.user), type });
  }

  get unread() { return this.items.filter(({ read }) => !read).length; }
  get cursor() { return `${this.head}.${this.epoch}@${this.user}`; }

  answer(f) {
    if (this.page.status !== 200) return json({ detail: "not now" }, this.page.status, this.page.headers);
    return f();
  }

  remove(seq) {
    return this.answer(() => {
      this.items = this.items.filter((i) => i.seq !== seq);
      return new Response(null, { status: 204 });
    });
  }

  list(query) {
    this.calls.push(query.toString());
    return this.answer(() => {
      const before = Number(query.get("before")) || Infinity;
      const types = query.get("type")?.split(",");
      const from = query.get("archived") === "true" ? this.archived : this.items;
      const all = from.filter(({ seq, type }) => seq < before && (!types || types.includes(type)));
      const items = all.slice(0, Number(query.get("limit")));
      const next = all.length > items.length ? items.at(-1).seq : null;
      return json({ items, next, unread: this.unread, head: this.head, cursor: this.cursor });
    });
  }

  mark({ up_to: upTo = 0, seqs = [] }, read) {
    this.calls.push({ upTo, seqs, read });
    return this.answer(() => {
      this.items = this.items.map((i) => (i.seq <= upTo || seqs.includes(i.seq) ? { ...i, read } : i));
      return json({ unread: this.unread, head: this.head });
    });
  }
}
