// The page: which view is shown, and what stands around it.
import { bell } from "./bell.js";
import { fill, h } from "./dom.js";
import { language, t } from "./language.js";
import { meet } from "./people.js";
import { session } from "./session.js";
import { shell } from "./shell.js";
import { chat } from "./views/chat.js";
import { community } from "./views/community.js";
import { notes } from "./views/notes.js";
import { post } from "./views/post.js";
import { raffle } from "./views/raffle.js";
import { study } from "./views/study.js";
import { welcome } from "./views/welcome.js";

const main = document.getElementById("main");

/** Views by the first part of the address; each gets the rest. */
const views = { "": welcome, community, posts: post, notes, chat, study, raffle };

/** What the view that is shown wants to have ended. */
let leave = () => {};
let shown = 0;

/**
 * route shows the view of the address. A view is an async function that gets the
 * parts of the address, and returns its node, title, and how to leave it.
 */
async function route({ focus = false } = {}) {
  const turn = ++shown;
  let page;
  try {
    const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    page = await (Object.hasOwn(views, name) ? views[name] : missing)(...rest);
  } catch (error) {
    page = error.status === 404 || error instanceof URIError ? missing() : failure(error);
  }
  if (turn !== shown) { // somebody was faster
    page.leave?.();
    return;
  }
  leave();
  leave = page.leave ?? (() => {});
  main.dataset.system = page.system ?? "house";
  fill(main, page.node);
  document.title = page.title ? `${page.title} · Bellhop` : "Bellhop";
  shell.current(page.system);
  if (focus) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  main.dispatchEvent(new Event("shown"));
}

function missing() {
  return {
    title: t("notFound"),
    node: h("section", { class: "empty-page" }, h("h1", {}, t("notFound")), h("p", {}, t("notFoundText")), h("a", { class: "button", href: "#/" }, t("toStart"))),
  };
}

function failure(error) {
  return {
    title: t("failed", ""),
    node: h("section", { class: "empty-page" }, h("h1", {}, t("failed", error.message)), h("a", { class: "button", href: "#/" }, t("toStart"))),
  };
}

function everything(options) {
  shell.draw();
  return route(options);
}

await Promise.all([meet(), session.restore()]).catch(() => {}); // the views say what is wrong
bell.follow();
await everything();
addEventListener("hashchange", () => route({ focus: true }));
language.addEventListener("change", () => everything());
session.addEventListener("change", () => {
  bell.follow();
  everything({ focus: true }); // it is another page, although its address is the same
});
document.body.dataset.ready = "";
