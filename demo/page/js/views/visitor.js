// What a visitor sees of a page that is only for people with a name.
import { h } from "../dom.js";
import { t } from "../language.js";

export function visitor(system, title) {
  return {
    system, title,
    node: h("section", { class: "empty-page" }, h("h1", {}, title), h("a", { class: "button", href: "#/" }, t("signInFirst"))),
  };
}
