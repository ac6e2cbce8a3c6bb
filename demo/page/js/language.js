// The two languages of the page.
import { texts } from "./texts.js";

const languages = ["en", "ko"];

class Language extends EventTarget {
  #now;

  constructor() {
    super();
    const kept = localStorage.getItem("language");
    this.#now = languages.includes(kept) ? kept : navigator.language.startsWith("ko") ? "ko" : "en";
    document.documentElement.lang = this.#now;
  }

  get now() { return this.#now; }
  get other() { return this.#now === "en" ? "ko" : "en"; }

  switch(to) {
    this.#now = to;
    localStorage.setItem("language", to);
    document.documentElement.lang = to;
    this.dispatchEvent(new Event("change"));
  }
}

export const language = new Language();

/** t is a text of the page; one with blanks is a function of them. */
export function t(key, ...blanks) {
  const text = texts[language.now][key] ?? texts.en[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  return typeof text === "function" ? text(...blanks) : text;
}

/** said is what somebody wrote, in this language if there is a translation. */
export function said(text) {
  if (!text) return "";
  return language.now === "ko" && text.ko ? text.ko : text.text;
}

/** ago is how long something is past, in words; it rounds down, as the bell does. */
export function ago(ms, now = Date.now()) {
  const seconds = (now - ms) / 1_000;
  if (seconds < 60) return t("justNow");
  const [length, unit] = seconds < 3_600 ? [60, "minute"] : seconds < 86_400 ? [3_600, "hour"] : [86_400, "day"];
  return new Intl.RelativeTimeFormat(language.now, { numeric: "auto", style: "short" }).format(-Math.floor(seconds / length), unit);
}

/** clock is a time of day. */
export function clock(ms) {
  return new Intl.DateTimeFormat(language.now, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
}

/** percent writes a chance. */
export function percent(p) {
  return new Intl.NumberFormat(language.now, { style: "percent", maximumFractionDigits: p < 0.1 ? 1 : 0 }).format(p);
}
