// What stands around every view: the bar, the panel under the hood, and toasts.
import "/bellhop-bell.js";
import { tidy } from "/bellhop-tidy.js";
import { bell, show } from "./bell.js";
import { fill, h } from "./dom.js";
import { drawHood } from "./hood.js";
import { language, t } from "./language.js";
import { face, nameOf } from "./people.js";
import { mark, glyph } from "./pictures.js";
import { session } from "./session.js";

const TOAST = 6_000; // ms
const MOST_TOASTS = 3;

const $ = (id) => document.getElementById(id);
const systems = ["community", "study", "raffle"];

class Shell {
  #bell = document.createElement("bellhop-bell");
  #system;
  #untidy = () => {};

  constructor() {
    this.#bell.renderItem = show;
    this.#bell.addEventListener("bellhop-item", () => this.#bell.close());
    bell.addEventListener("change", () => { this.#bell.client = bell.client; });
    bell.addEventListener("event", ({ detail }) => { if (detail.live) this.#toast(detail.event); });
    bell.addEventListener("inbox", () => this.#settle());
    bell.addEventListener("change", () => fill($("toasts"))); // they are somebody else's
    $("skip").addEventListener("click", (e) => {
      e.preventDefault();
      $("main").focus({ preventScroll: true });
      $("main").scrollIntoView(); // also where a part of it can be seen already
    });
  }

  /** draw draws everything anew, for another language or person. */
  draw() {
    $("skip").textContent = t("skip");
    this.#bell.lang = language.now;
    this.#untidy();
    this.#untidy = tidy(this.#bell, {
      tabs: [
        { label: t("tabComments"), types: ["comment", "reply", "popular"] },
        { label: t("tabLetters"), types: ["note", "chat"] },
      ],
      archive: true,
      mute: { comment: t("tabComments"), chat: t("chats") },
    });
    this.#bell.client = bell.client;
    fill($("bar"),
      h("a", { class: "brand", href: "#/", "aria-label": "Bellhop" }, mark(), h("span", {}, "Bellhop")),
      h("nav", { class: "tabs", "aria-label": t("navigation") },
        systems.map((name) => h("a", { href: `#/${name}`, "data-tab": name }, t(name)))),
      h("div", { class: "tools" },
        h("button", {
          type: "button", class: "quiet lang", lang: language.other, title: t("languageLabel"), id: "language",
          onclick: () => language.switch(language.other),
        }, glyph("globe"), t("languageSwitch")),
        session.person ? this.#person() : h("a", { class: "button small", href: "#/" }, t("signIn"))));
    this.current(this.#system);
    drawHood($("hood"));
  }

  #person() {
    const { id } = session.person;
    return [
      this.#bell,
      h("span", { class: "who", id: "who", title: t("signedInAs", nameOf(id)) }, face(id), h("strong", {}, nameOf(id))),
      h("button", { type: "button", class: "quiet", id: "sign-out", onclick: () => { location.hash = "#/"; session.signOut(); } }, t("signOut")),
    ];
  }

  /** current marks the system that is shown. */
  current(system) {
    this.#system = system;
    for (const tab of document.querySelectorAll("[data-tab]")) {
      if (tab.dataset.tab === system) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }

  /**
   * #toast shows what has just arrived, unless the page that it leads to is open.
   * The bell says it aloud, so that this does not.
   */
  #toast(event) {
    const { title, body, href, image } = show(event);
    if (document.hidden || location.hash === href) return;
    const gone = () => toast.remove();
    const toast = h("div", { class: "toast", "data-seq": event.seq },
      h("a", { href, onclick: gone },
        h("img", { src: image, alt: "" }), h("span", {}, h("strong", {}, title), body && h("span", { class: "toast-text" }, body))),
      h("button", { type: "button", "aria-label": t("dismiss"), onclick: gone }, glyph("close")));
    setTimeout(gone, TOAST);
    $("toasts").append(toast);
    while ($("toasts").children.length > MOST_TOASTS) $("toasts").firstElementChild.remove();
  }

  /** #settle takes away what has been read, here or elsewhere. */
  #settle() {
    const read = new Set(bell.client.items.filter((item) => item.read).map(({ seq }) => String(seq)));
    for (const toast of $("toasts").querySelectorAll("[data-seq]")) if (read.has(toast.dataset.seq)) toast.remove();
  }
}

export const shell = new Shell();

/** announce says something to people who do not see the page. */
export function announce(text) {
  $("said").textContent = text;
}
