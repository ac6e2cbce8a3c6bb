// Types of bellhop-toasts.js.

import type { Bellhop } from "./bellhop.js";
import type { BellhopRender } from "./bellhop-bell.js";

/**
 * `<bellhop-toasts>`: shows what arrives in the inbox for a moment, unless a bell's list
 * is open, where it is seen. At most three at a time. It stays while somebody points at
 * one or has the focus in it, and goes when it is read in any tab or device.
 *
 * Attribute: `duration`, seconds (default 8; 0: until dismissed). Styles: the custom
 * properties of `<bellhop-bell>`, and the parts `list` and `toast`.
 */
export class BellhopToasts extends HTMLElement {
  client: Bellhop | null;
  /** By type of event, as the bell's. */
  templates: Record<string, BellhopRender>;
  /** Takes all away. */
  clear(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "bellhop-toasts": BellhopToasts;
  }
}
