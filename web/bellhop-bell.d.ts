// Types of bellhop-bell.js.

import type { Bellhop, BellhopItem, BellhopOptions } from "./bellhop.js";
import type { BellhopTidyTexts } from "./bellhop-tidy.js";

/** What a notification shows. All of it is shown as text. */
export interface BellhopView {
  title: string;
  body?: string;
  /** Where a click leads; only http and https. */
  href?: string;
  /** A picture's address; only http and https. */
  image?: string;
  /** The time to show, in ms since 1970 or as `Date` parses it. Default: when it was published. */
  time?: number | string;
  /** A letter or an emoji, shown if there is no picture. */
  icon?: string;
}

export interface BellhopBellContext {
  readonly lang: string;
  readonly texts: BellhopBellTexts;
}

export type BellhopRender = (item: BellhopItem<any>, context: BellhopBellContext) => BellhopView | Node | null | undefined;

export interface BellhopBellTexts extends Partial<BellhopTidyTexts> {
  title: string;
  /** The button's name; `unread` is what the badge shows: "", "3", "99+". */
  button: (unread: string) => string;
  markAll: string;
  markRead: string;
  markUnread: string;
  remove: string;
  unread: string;
  empty: string;
  emptyHint: string;
  loading: string;
  failed: string;
  actionFailed: string;
  retry: string;
  retrying: string;
  offline: string;
  waiting: string;
  denied: string;
  arrived: (count: number, title: string) => string;
}

/**
 * `<bellhop-bell>`: a button with the number of unread notifications, and their list.
 *
 * Attributes: `url`, the gateway's address, makes the element connect by itself
 * (empty: the page's own); `lang` (default: the nearest; `en` and `ko` are there, `ja`, `zh-Hans`, `zh-Hant`,
 * `de`, `fr`, `es`, `pt` and `ar` are fetched from the folder `texts` beside this file);
 * `theme`: `auto` follows the system, `light`, `dark` (default: the page's
 * color-scheme); with bellhop-tidy.js `badge="unseen"`, which counts what came since the
 * list was last open.
 *
 * Styles: `--bellhop-accent`, `-badge`, `-on-badge`, `-surface`, `-raised`, `-text`, `-muted`,
 * `-border`, `-radius`, `-width`, `-font`, `-icon`, `-page` (what the bell stands on), and the
 * parts `button`, `icon`, `badge`, `panel`, `header`, `title`, `mark-all`, `list`, `item`, `item-main`,
 * `item-avatar`, `item-title`, `item-body`, `item-time`, `item-dot`, `item-actions`, `empty`, `error`, `state`; with
 * bellhop-tidy.js `tabs`, `tab`, `tab-count`, `muted`, `unmute`.
 */
export class BellhopBell extends HTMLElement {
  /** The client whose inbox is shown. The page closes it. */
  client: Bellhop | null;
  /** The token of the client that `url` makes; set it before the element is in the page. */
  token: BellhopOptions["token"];
  /** Returns how a notification looks; `null`: `templates` decides. */
  renderItem: BellhopRender | undefined;
  /** The same by type of event. Default: title, body, url, image and from of the data. */
  templates: Record<string, BellhopRender>;
  /** Replaces some of the texts. */
  texts: Partial<BellhopBellTexts> | undefined;

  readonly open: boolean;
  /** Does nothing before the element is in the page. */
  show(): void;
  close(): void;
  toggle(): void;
  /** For bellhop-tidy.js. */
  extend(addition: object | null, anew?: boolean): void;

  /** `bellhop-item`: one was clicked; `preventDefault()` keeps its link from being followed. Not sent for a link that is opened in another tab. */
  addEventListener(type: "bellhop-item", listener: (event: CustomEvent<BellhopItem>) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: "bellhop-toggle", listener: (event: CustomEvent<{ open: boolean }>) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "bellhop-bell": BellhopBell;
  }
}
