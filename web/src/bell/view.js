// What a notification says, where its page does not say it.

/** @typedef {import("../../bellhop-bell.d.ts").BellhopView} View */

/** What of common data is a title, a text, and so on; the first that is there counts. */
const FIELDS = {
  title: ["title", "subject", "text", "message"],
  body: ["body", "description", "excerpt"],
  href: ["url", "href", "link"],
  image: ["image", "avatar"],
  from: ["from", "by", "actor", "author"],
};

/**
 * defaultView reads a notification of no particular shape.
 *
 * @param {import("../../bellhop.d.ts").BellhopItem} item
 * @returns {View}
 */
export function defaultView({ type, data }) {
  const fields = data !== null && typeof data === "object" ? data : { title: data };
  const find = (name) => {
    const value = FIELDS[name].map((field) => fields[field]).find((v) => typeof v === "string" || typeof v === "number");
    return value === undefined ? "" : String(value);
  };
  const from = find("from");
  return {
    // "comment.reply" reads as "Comment reply"
    title: find("title") || type.replace(/[._-]+/g, " ").replace(/^./, (c) => c.toUpperCase()),
    body: [from, find("body")].filter(Boolean).join(" · "),
    href: find("href"),
    image: find("image"),
    icon: [...from][0]?.toUpperCase() ?? "",
  };
}

/**
 * pagesView is what a function of the page makes of a notification; null if nothing, or
 * if it throws: that is the page's fault, which must not cost it the other ones.
 *
 * @param {() => any} make
 */
export function pagesView(make) {
  try {
    return make() ?? null;
  } catch (error) {
    reportError(error);
    return null;
  }
}

/** templateOf is a page's function for a type of event, not an object's own toString. */
export function templateOf(templates, type) {
  return Object.hasOwn(templates, type) ? templates[type] : undefined;
}
