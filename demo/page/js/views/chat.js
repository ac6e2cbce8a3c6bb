// Chats: who with, and what was said. A message comes through the inbox of whom it
// is for, whole, so that an open chat shows it without asking for it.
import { api } from "../api.js";
import { bell } from "../bell.js";
import { fill, h } from "../dom.js";
import { form } from "../form.js";
import { ago, said, t } from "../language.js";
import { face, isMe, nameOf, people } from "../people.js";
import { glyph } from "../pictures.js";
import { session } from "../session.js";
import { visitor } from "./visitor.js";

export async function chat(other = "") {
  if (!session.person) return visitor("community", t("chatsTitle"));
  const side = h("ul", { class: "talks" });
  const load = async () => fill(side, (await talks()).map((entry) => talkLink(entry, other)));
  const talk = other ? new Talk(other, load) : null;
  await Promise.all([load(), talk?.load()]);
  const arrived = ({ detail: { event } }) => {
    if (event.type !== "chat") return;
    if (event.data.by === other) talk?.add(event.data.message);
    load();
  };
  const read = reader(other);
  bell.addEventListener("event", arrived);
  bell.addEventListener("inbox", read);
  document.addEventListener("visibilitychange", read);
  read();
  return {
    system: "community",
    title: other ? t("chatWith", nameOf(other)) : t("chatsTitle"),
    leave: () => {
      bell.removeEventListener("event", arrived);
      bell.removeEventListener("inbox", read);
      document.removeEventListener("visibilitychange", read);
    },
    node: h("section", { class: "page" },
      h("p", {}, h("a", { class: "back", href: "#/community" }, glyph("back"), t("community"))),
      h("h1", {}, other ? t("chatWith", nameOf(other)) : t("chatsTitle")),
      h("div", { class: talk ? "chat" : "chat alone" }, h("nav", { class: "card", "aria-label": t("chatsTitle") }, side), talk?.node)),
  };
}

/**
 * reader marks as read what somebody said in the chat that is open and seen. Each is
 * tried once, or a server that refuses would be asked without end.
 */
function reader(other) {
  const tried = new Set();
  return () => {
    if (document.hidden) return;
    const seqs = (bell.client?.items ?? [])
      .filter(({ seq, read, type, data }) => !read && type === "chat" && data.by === other && !tried.has(seq))
      .map(({ seq }) => seq);
    if (seqs.length === 0) return;
    seqs.forEach((seq) => tried.add(seq));
    bell.client.markRead(seqs).catch(() => {}); // they stay unread, and the bell shows it
  };
}

/** talks are all people to talk to, those talked to last first. */
async function talks() {
  const { chats } = await api.get("chats");
  const entries = chats.map((m) => ({ who: isMe(m.sender) ? m.receiver : m.sender, last: m }));
  const rest = people().map((p) => p.id).filter((id) => !isMe(id) && !entries.some((e) => e.who === id));
  return [...entries, ...rest.map((who) => ({ who, last: null }))];
}

function talkLink({ who, last }, current) {
  return h("li", {}, h("a", { href: `#/chat/${who}`, "aria-current": who === current && "page", "data-talk": who },
    face(who), h("span", {}, h("strong", {}, nameOf(who)), last && h("span", { class: "last" }, said(last.body)))));
}

class Talk {
  #other;
  #shown = new Set();
  #list = h("ol", { class: "messages", "aria-live": "polite" });
  #empty = h("p", { class: "empty" }, t("noChat"));

  constructor(other, changed) {
    this.#other = other;
    const box = h("input", { name: "text", required: true, maxlength: 1000, autocomplete: "off", "aria-label": t("saySomething"), placeholder: t("saySomething"), id: "say" });
    this.node = h("div", { class: "card talk" }, this.#empty, this.#list,
      form({ class: "say" }, async ({ text }, element) => {
        element.reset();
        this.add(await api.post(`chats/${encodeURIComponent(other)}`, { text }));
        changed().catch(() => {}); // the list is as old as the last one that came
        box.focus();
      }, box, h("button", { class: "primary" }, t("send"))));
  }

  async load() {
    const { messages } = await api.get(`chats/${encodeURIComponent(this.#other)}`);
    messages.forEach((m) => this.add(m));
  }

  add(message) {
    if (this.#shown.has(message.id)) return;
    this.#shown.add(message.id);
    this.#empty.hidden = true;
    this.#list.append(h("li", { class: isMe(message.sender) ? "line mine" : "line", "data-message": message.id },
      h("p", {}, said(message.body)), h("small", {}, ago(message.created_at))));
    requestAnimationFrame(() => { this.#list.scrollTop = this.#list.scrollHeight; });
  }
}
