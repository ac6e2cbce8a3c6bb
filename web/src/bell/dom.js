// Making elements. There is no markup from strings anywhere in the bell: what a
// notification says can't become any, and pages that enforce Trusted Types work.

const SVG = "http://www.w3.org/2000/svg";

/**
 * h makes an element. Properties that begin with "on" are listeners, others are
 * attributes; false, null and undefined leave one out. Children are nodes or text.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** active is what has the keys where an element is: in its shadow root, or on its page. */
export function active(element) {
  return /** @type {any} */ (element.getRootNode()).activeElement;
}

/** icon makes a drawing of 24 by 24 from the data of its paths. */
export function icon(part, ...paths) {
  const svg = document.createElementNS(SVG, "svg");
  fill(svg, { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon", part }, []);
  for (const d of paths) svg.append(fill(document.createElementNS(SVG, "path"), { d }, []));
  return svg;
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export const ICONS = {
  bell: ["M18 9a6 6 0 1 0-12 0c0 6-2.5 7.5-2.5 7.5h17S18 15 18 9", "M13.7 20a2 2 0 0 1-3.4 0"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  dot: ["M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7"],
  remove: ["M6.5 6.5l11 11", "M17.5 6.5l-11 11"],
  all: ["M2.5 12.5l4.5 4.5L16.5 7.5", "M12 16l1 1 9-9.5"],
};

/**
 * safeLink returns an address to which a notification may lead, "" if it is none:
 * javascript: and its like run as the page.
 *
 * @param {unknown} href
 */
export function safeLink(href) {
  if (typeof href !== "string" || href === "") return "";
  try {
    const url = new URL(href, document.baseURI);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}
