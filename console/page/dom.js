// Elements, made of text alone: nothing that a stranger sent is ever markup.

export const $ = (id) => document.getElementById(id);

/** Makes an element; properties go onto it, children are elements and texts. */
export function h(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** A table in a frame that scrolls by itself, by keys too. */
export function table(label, head, rows) {
  return h("div", { className: "wide", role: "group", tabIndex: 0, ariaLabel: label }, h("table", {}, tableParts(head, rows)));
}

export function tableParts(head, rows) {
  return [
    h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : h("td", {}, cell)))))),
  ];
}
