// A post with its comments, which appear as they are written, wherever it is open.
import { api } from "../api.js";
import { watch } from "../bell.js";
import { fill, h } from "../dom.js";
import { form } from "../form.js";
import { ago, said, t } from "../language.js";
import { face, isMe, nameOf } from "../people.js";
import { glyph, pet } from "../pictures.js";
import { session } from "../session.js";
import { announce } from "../shell.js";

export async function post(id) {
  // Watching begins before reading, so that nothing can fall between the two;
  // what comes both ways is shown once.
  const early = [];
  let take = (comment) => early.push(comment);
  let drop = (gone) => early.push({ gone });
  let likesAre = () => {};
  let again = () => {};
  const leave = watch([`topic:post-${Number(id)}`], {
    "post.comment": (e) => take(e.data),
    "post.uncomment": (e) => drop(e.data.id),
    "post.likes": (e) => likesAre(e.data.likes),
    "bellhop.reset": () => again(),
  });
  try {
    const { post: p, comments } = await api.get(`posts/${encodeURIComponent(id)}`);
    const thread = new Thread(p);
    comments.forEach((c) => thread.add(c));
    early.forEach((c) => (c.gone ? thread.remove(c.gone) : thread.add(c, true)));
    take = (c) => thread.add(c, true);
    drop = (gone) => thread.remove(gone);
    again = async () => thread.are((await api.get(`posts/${p.id}`)).comments);
    const heart = likeButton(p);
    likesAre = heart.show;
    return { system: "community", title: said(p.title), leave, node: draw(p, heart.node, thread) };
  } catch (error) {
    leave();
    throw error;
  }
}

function draw(p, heart, thread) {
  return h("section", { class: "page narrow" },
    h("p", {}, h("a", { class: "back", href: "#/community" }, glyph("back"), t("community"))),
    h("article", { class: "card open-post" },
      h("div", { class: `cover cover-${p.picture}` }, pet(p.picture) ?? h("span", { class: "quote", "aria-hidden": "true" }, "“")),
      h("p", { class: "tags" }, h("span", { class: "tag" }, t(p.board)), p.popular && h("span", { class: "tag tag-popular" }, t("popular"))),
      h("h1", {}, said(p.title)),
      h("p", { class: "meta" }, face(p.author, "small"), h("span", {}, nameOf(p.author)), h("span", {}, ago(p.created_at))),
      h("p", { class: "body" }, said(p.body)),
      heart),
    thread.node);
}

function likeButton(p) {
  const count = h("span", {});
  const button = h("button", { type: "button", class: "quiet like", id: "like", disabled: !session.person }, glyph("heart"), count);
  const show = (likes) => {
    p.likes = likes;
    count.textContent = t("likes", likes);
    button.setAttribute("aria-pressed", String(p.liked));
  };
  button.addEventListener("click", async () => {
    try {
      const answer = await (p.liked ? api.delete(`posts/${p.id}/like`) : api.put(`posts/${p.id}/like`));
      p.liked = answer.liked;
      show(answer.likes);
    } catch (error) {
      announce(t("failed", error.message));
    }
  });
  show(p.likes);
  return { node: button, show };
}

/** Thread is the comments of a post: replies stand under what they reply to. */
class Thread {
  #post;
  #shown = new Map(); // by id: the list of its replies
  #count = h("h2", {});
  #list = h("ol", { class: "comments" });
  #empty = h("p", { class: "empty" }, t("noComments"));

  constructor(p) {
    this.#post = p;
    this.node = h("section", { class: "thread" },
      h("header", { class: "thread-head" }, this.#count, h("p", { class: "live-hint" }, t("watching"))),
      this.#list, this.#empty,
      session.person ? this.#writer(null) : h("p", { class: "hint" }, h("a", { href: "#/" }, t("signInFirst"))));
    this.#counted();
  }

  /** are makes the thread what the server says. */
  are(comments) {
    const ids = new Set(comments.map(({ id }) => id));
    for (const id of this.#shown.keys()) if (!ids.has(id)) this.remove(id);
    comments.forEach((c) => this.add(c));
  }

  /** add shows a comment, unless it is there already. */
  add(comment, fresh = false) {
    if (this.#shown.has(comment.id)) return;
    const replies = h("ol", { class: "replies" });
    this.#shown.set(comment.id, replies);
    const item = h("li", { class: fresh ? "comment fresh" : "comment", "data-comment": comment.id },
      face(comment.author, "small"),
      h("div", { class: "bubble" },
        h("p", { class: "meta" }, h("strong", {}, nameOf(comment.author)), isMe(comment.author) && h("span", { class: "tag" }, t("you")), h("span", {}, ago(comment.created_at))),
        h("p", { class: "said" }, said(comment.body)),
        h("div", { class: "comment-end" },
          session.person && this.#replier(comment, replies),
          isMe(comment.author) && h("button", { type: "button", class: "link uncomment", onclick: () => this.#takeBack(comment.id) }, t("uncomment")))),
      replies);
    (this.#shown.get(comment.parent) ?? this.#list).append(item);
    this.#counted();
  }

  /** remove takes a comment away that is there no more. */
  remove(id) {
    this.#shown.delete(id);
    this.node.querySelector(`[data-comment="${Number(id)}"]`)?.remove();
    this.#counted();
  }

  async #takeBack(id) {
    try {
      await api.delete(`comments/${id}`);
      this.remove(id);
    } catch (error) {
      announce(t("failed", error.message));
    }
  }

  #counted() {
    this.#count.textContent = t("comments", this.#shown.size);
    this.#empty.hidden = this.#shown.size > 0;
  }

  /** #replier is a button that becomes a form. */
  #replier(comment, replies) {
    const place = h("div", { class: "replier" });
    const button = h("button", { type: "button", class: "link", onclick: () => {
      const writer = this.#writer(comment, close);
      fill(place, writer);
      writer.querySelector("textarea").focus();
    } }, t("reply"));
    const close = () => fill(place, button);
    close();
    return place;
  }

  #writer(parent, done = () => {}) {
    const label = parent ? t("replyTo", nameOf(parent.author)) : t("writeComment");
    return form({ class: "comment-form" }, async ({ text }, element) => {
      this.add(await api.post(`posts/${this.#post.id}/comments`, { text, parent: parent?.id ?? null }));
      element.reset();
      done();
    },
      h("textarea", { name: "text", required: true, maxlength: 1000, rows: 2, "aria-label": label, placeholder: label }),
      h("p", { class: "form-end" },
        parent && h("button", { type: "button", class: "quiet", onclick: done }, t("cancel")),
        h("button", { class: "primary" }, parent ? t("reply") : t("comment"))));
  }
}
