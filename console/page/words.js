// The language of the page.

import { texts } from "./texts.js";

const kept = "bellhop-console-language";
let language = "en";

/** Takes a language, or finds one; answers which. */
export function choose(wanted) {
  language = [wanted, localStorage.getItem(kept), ...navigator.languages.map((name) => name.slice(0, 2))].find((name) => name in texts) ?? "en";
  if (wanted) localStorage.setItem(kept, language);
  document.documentElement.lang = language;
  return language;
}

/** A text, with values in the places that it has for them. */
export function t(name, ...values) {
  return values.reduce((text, value, i) => text.replace(`{${i}}`, () => value), texts[language][name]);
}

/** A time of day, to the millisecond. */
export function time(at) {
  return new Date(at).toLocaleTimeString(language, { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
}
