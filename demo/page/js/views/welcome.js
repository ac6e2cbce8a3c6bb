// The first page: who somebody is, and what there is to try.
import { h } from "../dom.js";
import { field, form } from "../form.js";
import { said, t } from "../language.js";
import { face, nameOf, people } from "../people.js";
import { glyph, lobbyScene, scene } from "../pictures.js";
import { session } from "../session.js";

export async function welcome() {
  return session.person ? signedIn() : signedOut();
}

function signedOut() {
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const become = (id) => session.signIn(id).catch((problem) => {
    error.textContent = t("failed", problem.message);
    error.hidden = false;
  });
  return {
    title: t("signIn"),
    node: h("section", { class: "welcome" },
      h("div", { class: "hero" },
        h("div", {},
          h("h1", {}, t("welcomeTitle")),
          h("p", { class: "lead" }, t("welcomeLead"))),
        lobbyScene()),
      h("div", { class: "card sign-in" },
        h("h2", {}, t("whoAreYou")),
        h("ul", { class: "personas" }, people().map((p) => h("li", {},
          h("button", { type: "button", class: "persona", "data-person": p.id, onclick: () => become(p.id) },
            face(p.id, "big"), h("strong", {}, said(p.name)), h("span", {}, said(p.about)))))),
        error,
        form({ class: "other", id: "sign-in" }, ({ name }) => session.signIn(name.trim()),
          field(t("otherName"), h("input", {
            id: "name", name: "name", required: true, maxlength: 32, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*",
            autocomplete: "off", autocapitalize: "none", spellcheck: "false", title: t("otherNameHint"),
          })),
          h("button", { class: "primary" }, t("signIn"))),
        h("p", { class: "fine" }, t("fine"))),
      systems()),
  };
}

function signedIn() {
  const { id } = session.person;
  return {
    title: "",
    node: h("section", { class: "welcome" },
      h("div", { class: "hero hello" },
        h("div", {},
          h("h1", {}, t("hello", nameOf(id))),
          h("p", { class: "lead" }, t("helloLead")),
          h("div", { class: "second" },
            h("p", {}, t("openSecond")),
            h("ul", {}, people().filter((p) => p.id !== id).slice(0, 4).map((p) => h("li", {},
              h("button", { type: "button", class: "quiet", "data-open": p.id, onclick: () => openWindow(p.id) },
                face(p.id, "small"), said(p.name), glyph("window"))))))),
        lobbyScene()),
      systems()),
  };
}

/** openWindow opens another window, for somebody else, beside this one. */
function openWindow(person) {
  const width = Math.floor(screen.availWidth / 2);
  const address = new URL(location.href);
  address.searchParams.set("as", person);
  open(address, `bellhop-${person}`, `width=${width},height=${screen.availHeight},left=${width},top=0`);
}

function systems() {
  return h("ul", { class: "systems" }, ["community", "study", "raffle"].map((name) => h("li", {},
    h("a", { class: "card system", href: `#/${name}`, "data-system": name },
      scene(name), h("h2", {}, t(name)), h("p", { class: "system-hint" }, t(`${name}Hint`)),
      h("p", {}, t(`try${name[0].toUpperCase()}${name.slice(1)}`)), h("span", { class: "go" }, t("enter"), " →")))));
}
