// The boards of the community, and writing a post.
import { api } from "../api.js";
import { h } from "../dom.js";
import { field, form, options } from "../form.js";
import { ago, said, t } from "../language.js";
import { face, nameOf } from "../people.js";
import { glyph, pet } from "../pictures.js";
import { session } from "../session.js";

const BOARDS = ["adopt", "found", "stories", "talk"];
const PICTURES = ["dog", "cat", "rabbit", "bird", "none"];

export async function community(board = "") {
  const { posts } = await api.get(`posts${board && `?board=${encodeURIComponent(board)}`}`);
  return {
    system: "community",
    title: t("community"),
    node: h("section", { class: "page" },
      h("header", { class: "page-head" },
        h("div", {}, h("h1", {}, t("community")), h("p", { class: "lead" }, t("communityHint"))),
        session.person && letters()),
      h("nav", { class: "chips", "aria-label": t("board") },
        h("a", { href: "#/community", "aria-current": board === "" && "page" }, t("all")),
        BOARDS.map((name) => h("a", { href: `#/community/${name}`, "aria-current": board === name && "page" }, t(name)))),
      session.person ? writer(board) : h("p", { class: "hint" }, h("a", { href: "#/" }, t("signInFirst"))),
      posts.length === 0 && h("p", { class: "empty" }, t("noPosts")),
      h("ul", { class: "posts" }, posts.map(card))),
  };
}

function letters() {
  return h("p", { class: "letters" },
    h("a", { class: "button", href: "#/notes" }, glyph("letter"), t("notes")),
    h("a", { class: "button", href: "#/chat" }, glyph("speech"), t("chats")));
}

function card(post) {
  return h("li", {}, h("article", { class: `card post board-${post.board}`, "data-post": post.id },
    h("div", { class: `cover cover-${post.picture}` }, pet(post.picture) ?? h("span", { class: "quote", "aria-hidden": "true" }, "“")),
    h("div", { class: "post-body" },
      h("p", { class: "tags" }, h("span", { class: "tag" }, t(post.board)), post.popular && h("span", { class: "tag tag-popular" }, t("popular"))),
      h("h2", {}, h("a", { href: `#/posts/${post.id}` }, said(post.title))),
      h("p", { class: "excerpt" }, said(post.body)),
      h("p", { class: "meta" },
        face(post.author, "small"), h("span", {}, nameOf(post.author)), h("span", {}, ago(post.created_at)),
        h("span", { class: "counts" },
          h("span", { title: t("likes", post.likes) }, glyph("heart"), String(post.likes)),
          h("span", { title: t("comments", post.comments) }, glyph("speech"), String(post.comments)))))));
}

function writer(board) {
  const choice = options("board", BOARDS, t);
  if (board) choice.value = board;
  return h("details", { class: "card writer" },
    h("summary", {}, glyph("pen"), t("newPost")),
    form({ id: "new-post" }, async (values) => {
      const { id } = await api.post("posts", values);
      location.hash = `#/posts/${id}`;
    },
      h("div", { class: "row" }, field(t("board"), choice), field(t("picture"), options("picture", PICTURES, t))),
      field(t("title"), h("input", { name: "title", required: true, maxlength: 120, autocomplete: "off" })),
      field(t("text"), h("textarea", { name: "text", required: true, maxlength: 2000, rows: 4 })),
      h("button", { class: "primary" }, t("publish"))));
}
