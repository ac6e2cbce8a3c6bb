// Keeping an inbox tidy by its bell: tabs by type, an archive, what was seen apart from
// what was read, and muted types. A page that has none of it does not load this file.

import { Counts } from "./counts.js";
import { h, icon, ICONS } from "./dom.js";
import { Muted } from "./muted.js";
import { tidyStyles, tidyTexts } from "./tidylook.js";
import { view } from "../view.js";

const BOX = ["M4 8.5v10a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-10", "M3 4.5h18v4H3z"];
const DRAWINGS = {
  archive: [...BOX, "M10 12.5h4"],
  unarchive: [...BOX, "M12 17v-5", "M9.5 14l2.5-2.5 2.5 2.5"],
  mute: [...ICONS.bell, "M4 3.5l16 17"],
};

/** One for all bells. */
let tidySheet;

/**
 * tidy adds what options say to a bell; returns how to take it away.
 *
 * @param {import("../../bellhop-bell.d.ts").BellhopBell} bell
 * @param {import("../../bellhop-tidy.d.ts").BellhopTidyOptions} [options]
 */
export function tidy(bell, options = {}) {
  let it;
  let over = false;
  customElements.whenDefined("bellhop-bell").then(() => { if (!over) it = new Tidy(bell, options); });
  return () => {
    over = true;
    it?.end();
  };
}

class Tidy {
  /** view is what the list shows in place of the inbox. */
  view = null;

  #bell;
  /** @type {any[]} undefined: all */
  #tabs;
  #archive;
  #mute;
  #client = null;
  #counts = null;
  #muted = null;
  #tab; // the one of them that is chosen
  #texts = {};
  #drawn = {}; // for which texts
  #seeing = false;
  #bar = h("div", { class: "tabs", part: "tabs", role: "group" });
  #line = h("div", { class: "muted", part: "muted" });
  #toggled = () => this.#open();

  /**
   * @param {import("../../bellhop-bell.d.ts").BellhopBell} bell
   * @param {import("../../bellhop-tidy.d.ts").BellhopTidyOptions} options
   */
  constructor(bell, { tabs = [], archive = false, mute = {} }) {
    this.#bell = bell;
    this.#mute = mute;
    this.#tabs = [undefined, ...tabs, ...(archive ? [{ archived: true }] : [])];
    this.#archive = archive;
    if (!tidySheet) {
      tidySheet = new CSSStyleSheet();
      tidySheet.replaceSync(tidyStyles);
    }
    bell.shadowRoot.adoptedStyleSheets.push(tidySheet);
    bell.shadowRoot.querySelector(".list").before(this.#bar, this.#line);
    bell.addEventListener("bellhop-toggle", this.#toggled);
    bell.extend(this);
  }

  end() {
    this.#bell.removeEventListener("bellhop-toggle", this.#toggled);
    this.#leave();
    this.#bar.remove();
    this.#line.remove();
    const { shadowRoot } = this.#bell;
    shadowRoot.adoptedStyleSheets = shadowRoot.adoptedStyleSheets.filter((sheet) => sheet !== tidySheet);
    this.#bell.extend(null);
  }

  /** count is what the badge shows, where that is not what is unread. */
  get count() { return this.#countsUnseen ? this.#counts?.unseen ?? 0 : undefined; }

  get #countsUnseen() { return this.#bell.getAttribute("badge") === "unseen"; }

  /** actions are the buttons of an item. */
  actions(item, [toggle, remove]) {
    const shown = this.view ?? this.#client;
    const texts = this.#texts;
    if (this.#tab?.archived) {
      const back = async () => {
        await shown.unarchive([item.seq]);
        this.#client?.refresh().catch(() => {}); // it tells that by itself
      };
      return [[texts.unarchive, DRAWINGS.unarchive, back], remove];
    }
    const all = [toggle];
    if (this.#archive) all.push([texts.archive, DRAWINGS.archive, () => shown.archive([item.seq])]);
    const what = Object.hasOwn(this.#mute, item.type) && this.#muted?.types && this.#mute[item.type];
    if (what) {
      const muted = this.#muted.has(item.type);
      all.push([muted ? texts.unmute(what) : texts.mute(what), muted ? ICONS.bell : DRAWINGS.mute, () => this.#muted.turn(item.type)]);
    }
    return [...all, remove];
  }

  /** draw brings our own parts up to date and returns the bell's texts as they are with us. */
  draw(texts, lang) {
    if (this.#client !== this.#bell.client) this.#follow();
    if (["denied", "closed"].includes(this.#client?.status.state)) this.#choose(undefined);
    if (this.#drawn.of !== texts || this.#drawn.tab !== this.#tab) {
      this.#drawn = { of: texts, tab: this.#tab };
      const all = { ...tidyTexts(lang), ...texts };
      if (this.#countsUnseen) all.button = all.buttonUnseen;
      if (this.#tab?.archived) Object.assign(all, { empty: all.archiveEmpty, emptyHint: all.archiveHint });
      this.#texts = all;
    }
    this.#drawTabs();
    this.#drawMuted();
    this.#see();
    return this.#texts;
  }

  #drawTabs() {
    this.#bar.hidden = this.#tabs.length === 1;
    if (this.#bar.children.length === 0) {
      this.#bar.append(...this.#tabs.map((tab) => h("button", { type: "button", part: "tab", onclick: () => this.#pick(tab) },
        h("span"), " ", h("span", { class: "tab-count", part: "tab-count" }))));
    }
    this.#tabs.forEach((tab, i) => {
      const button = this.#bar.children[i];
      const count = (tab?.types && this.#counts?.of(tab.types)) || "";
      button.children[0].textContent = tab ? tab.label ?? this.#texts.archived : this.#texts.all;
      button.children[1].textContent = count > 99 ? "99+" : String(count);
      button.setAttribute("aria-pressed", String(tab === this.#tab));
    });
  }

  /** #drawMuted names what is muted, for nothing of it arrives any more to unmute it by. */
  #drawMuted() {
    const types = (this.#muted?.types ?? []).filter((type) => Object.hasOwn(this.#mute, type));
    const key = JSON.stringify([types, this.#texts.muted]);
    this.#line.hidden = types.length === 0;
    if (this.#line.dataset.of === key) return;
    this.#line.dataset.of = key;
    const focused = this.#line.contains(this.#bell.shadowRoot.activeElement);
    this.#line.replaceChildren(icon("muted-icon", ...DRAWINGS.mute), `${this.#texts.muted} `, ...types.map((type) => {
      const label = this.#texts.unmute(this.#mute[type]);
      return h("button", { type: "button", part: "unmute", "aria-label": label, title: label, onclick: () => this.#unmute(type) },
        this.#mute[type], icon("unmute-icon", ...ICONS.remove));
    }));
    if (focused) /** @type {HTMLElement} */ (this.#line.querySelector("button") ?? this.#bell.shadowRoot.querySelector(".panel")).focus();
  }

  #unmute(type) {
    this.#muted.turn(type).catch(() => {}); // it stays where it is
  }

  /** #follow begins anew with another client. */
  #follow() {
    this.#leave();
    this.#client = this.#bell.client;
    if (this.#bell.open) this.#begin();
    else if (this.#countsUnseen) this.#count();
  }

  /** #leave ends all that listens. */
  #leave() {
    this.#choose(undefined);
    this.#counts?.end();
    this.#muted?.end();
    this.#counts = this.#muted = null;
  }

  #count() {
    if (this.#client) this.#counts ??= new Counts(this.#client, () => this.#bell.extend(this, false));
  }

  /** #begin asks for what an open list shows. */
  #begin() {
    if (!this.#client) return;
    if (this.#countsUnseen || this.#tabs.some((tab) => tab?.types)) this.#count();
    if (Object.keys(this.#mute).length === 0) return;
    this.#muted?.end();
    this.#muted = new Muted(this.#client, () => this.#bell.extend(this, false), this.#muted?.types);
  }

  /** #open is called when the list was opened or closed; a closed one asks for nothing. */
  #open() {
    if (this.#bell.open) {
      this.#begin();
      this.#seeing = false;
    } else {
      this.#choose(undefined);
      this.#muted?.end();
      if (!this.#countsUnseen) {
        this.#counts?.end();
        this.#counts = null;
      }
    }
    this.#bell.extend(this, false);
  }

  /** #see marks what an open list shows as seen; what fails is tried again when it is opened anew. */
  #see() {
    if (!this.#countsUnseen || !this.#bell.open || this.#seeing || !this.#counts?.unseen) return;
    this.#seeing = true;
    this.#counts.see();
    this.#client.markSeen().then(() => { this.#seeing = false; }, () => {});
  }

  #pick(tab) {
    if (tab === this.#tab) return;
    this.#choose(tab);
    this.#bell.extend(this, false);
  }

  #choose(tab) {
    this.view?.close();
    this.view = null;
    this.#tab = tab;
    if (!tab || !this.#client) return;
    const { types, archived } = tab;
    this.view = view(this.#client, tab, () => this.#bell.extend(this, false));
  }
}
