// Forms: what all of them do.
import { h } from "./dom.js";
import { t } from "./language.js";

/**
 * form makes a form whose parts are named controls. While what it sends is under
 * way it can't be sent again; what went wrong is said below it.
 *
 * @param {object} props      attributes of the form
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<void>} submit
 * @param {...(Node | null | false)} parts
 */
export function form(props, submit, ...parts) {
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const element = h("form", props, ...parts, error);
  element.addEventListener("submit", async (e) => {
    e.preventDefault();
    if (element.dataset.busy) return;
    element.dataset.busy = "true";
    error.hidden = true;
    try {
      await submit(Object.fromEntries(new FormData(element)), element);
    } catch (problem) {
      error.textContent = t("failed", problem.message);
      error.hidden = false;
    } finally {
      delete element.dataset.busy;
    }
  });
  return element;
}

let fields = 0;

/** field is a control with its label. */
export function field(label, control, props = {}) {
  const id = control.id || `field-${++fields}`;
  control.id = id;
  return h("p", { class: "field", ...props }, h("label", { for: id }, label), control);
}

/** options is a choice of one of several. */
export function options(name, values, label) {
  return h("select", { name }, values.map((value) => h("option", { value }, label(value))));
}
