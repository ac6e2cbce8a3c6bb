// Notes: letters from one person to another.
import { api } from "../api.js";
import { bell } from "../bell.js";
import { fill, h } from "../dom.js";
import { field, form, options } from "../form.js";
import { ago, said, t } from "../language.js";
import { face, isMe, nameOf, people } from "../people.js";
import { glyph } from "../pictures.js";
import { session } from "../session.js";
import { announce } from "../shell.js";
import { visitor } from "./visitor.js";

export async function notes() {
  if (!session.person) return visitor("community", t("notesTitle"));
  const list = h("ol", { class: "notes" });
  const load = async () => {
    const { notes: all } = await api.get("notes");
    fill(list, all.length === 0 ? h("li", { class: "empty" }, t("noNotes")) : all.map(note));
  };
  const arrived = ({ detail }) => { if (detail.event.type === "note") load(); };
  await load();
  bell.addEventListener("event", arrived);
  return {
    system: "community",
    title: t("notesTitle"),
    leave: () => bell.removeEventListener("event", arrived),
    node: h("section", { class: "page narrow" },
      h("p", {}, h("a", { class: "back", href: "#/community" }, glyph("back"), t("community"))),
      h("h1", {}, t("notesTitle")), h("p", { class: "lead" }, t("notesLead")),
      h("div", { class: "card" }, form({ id: "new-note" }, async (values, element) => {
        await api.post("notes", values);
        element.elements.text.value = "";
        announce(t("noteSent"));
        await load();
      },
        field(t("to"), options("to", people().map((p) => p.id).filter((id) => !isMe(id)), nameOf)),
        field(t("message"), h("textarea", { name: "text", required: true, maxlength: 2000, rows: 3 })),
        h("button", { class: "primary" }, t("send")))),
      list),
  };
}

function note(n) {
  const mine = isMe(n.sender);
  return h("li", { class: mine ? "card note mine" : "card note", "data-note": n.id },
    face(mine ? n.receiver : n.sender),
    h("div", {},
      h("p", { class: "meta" }, h("strong", {}, mine ? t("noteTo", nameOf(n.receiver)) : t("noteFrom", nameOf(n.sender))), h("span", {}, ago(n.created_at))),
      h("p", { class: "said" }, said(n.body))));
}
