// People: their names and pictures.
import { api } from "./api.js";
import { h } from "./dom.js";
import { said } from "./language.js";
import { session } from "./session.js";

let known = new Map();

/** meet learns who there is. */
export async function meet() {
  const { people } = await api.get("people");
  known = new Map(people.map((p) => [p.id, p]));
}

/** people are those that the sign-in offers. */
export const people = () => [...known.values()];

/** nameOf is how somebody is called in this language. */
export function nameOf(id) {
  return known.has(id) ? said(known.get(id).name) : id;
}

/** hueOf is the same for a name everywhere and always. */
function hueOf(id) {
  if (known.has(id)) return known.get(id).hue;
  let hue = 0;
  for (const c of id) hue = (hue * 31 + c.codePointAt(0)) % 360;
  return hue;
}

/** face is somebody's picture: the first letter, in a colour of their own. */
export function face(id, size = "") {
  return h("span", { class: `face ${size}`, vars: { hue: hueOf(id) }, "aria-hidden": "true" }, [...nameOf(id)][0] ?? "?");
}

/** isMe tells whether it is who sits at this window. */
export const isMe = (id) => session.person?.id === id;
