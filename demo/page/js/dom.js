// Making elements. All that comes from people is set as text, never as markup.

/**
 * h makes an element. Props are attributes, but for `class`, `on…` (a listener),
 * `vars` (custom properties of CSS) and what is true or false. Children are nodes,
 * texts, or nothing.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(`--${key}`, v);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false || child === "") continue;
    parent.append(child);
  }
}

/** fill replaces what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

const parser = new DOMParser();

/** drawing makes an element of an SVG of this program's own; nobody's input may be in it. */
export function drawing(markup, props = {}) {
  const svg = document.importNode(parser.parseFromString(markup, "image/svg+xml").documentElement, true);
  for (const [name, value] of Object.entries(props)) svg.setAttribute(name, value);
  if (!svg.hasAttribute("role")) svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** later calls f once nothing has happened for a while. */
export function later(f, ms) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(f, ms);
  };
}
