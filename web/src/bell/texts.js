// What the bell says, by language.

/** @typedef {import("../../bellhop-bell.d.ts").BellhopBellTexts} Texts */

/**
 * Those that are here from the start. The others are files of their own, which
 * languageOf fetches.
 *
 * @type {Record<string, Texts>}
 */
export const languages = {
  en: {
    title: "Notifications",
    button: (unread) => (unread === "" ? "Notifications" : `Notifications, ${unread} unread`),
    markAll: "Mark all as read",
    markRead: "Mark as read",
    markUnread: "Mark as unread",
    remove: "Remove",
    unread: "Unread",
    empty: "You’re all caught up",
    emptyHint: "New notifications appear here as they happen.",
    loading: "Loading notifications",
    failed: "Your notifications could not be loaded.",
    actionFailed: "That did not work. Please try again.",
    retry: "Try again",
    retrying: "Reconnecting…",
    offline: "You’re offline. We’ll catch up when you’re back.",
    waiting: "The server is busy. We’ll be back in a moment.",
    denied: "You’re signed out.",
    arrived: (count, title) => (count === 1 ? `New notification: ${title}` : `${count} new notifications`),
  },
  ko: {
    title: "알림",
    button: (unread) => (unread === "" ? "알림" : `알림, 읽지 않음: ${unread}`),
    markAll: "모두 읽음",
    markRead: "읽음으로 표시",
    markUnread: "읽지 않음으로 표시",
    remove: "삭제",
    unread: "읽지 않음",
    empty: "새로운 알림이 없어요",
    emptyHint: "새 소식이 생기면 바로 여기에 표시됩니다.",
    loading: "알림을 불러오는 중",
    failed: "알림을 불러오지 못했습니다.",
    actionFailed: "처리하지 못했습니다. 다시 시도해 주세요.",
    retry: "다시 시도",
    retrying: "다시 연결하는 중…",
    offline: "오프라인입니다. 다시 연결되면 놓친 알림을 보여 드릴게요.",
    waiting: "서버가 혼잡합니다. 잠시 후 다시 연결합니다.",
    denied: "로그아웃되었습니다.",
    arrived: (count, title) => (count === 1 ? `새 알림: ${title}` : `새 알림 ${count}개`),
  },
};

/**
 * textsFor returns the texts of a language, English where there are none, with some
 * of the page's own.
 *
 * @param {string} lang  BCP 47
 * @param {Partial<Texts>} [own]
 * @returns {Texts}
 */
export function textsFor(lang, own) {
  return { ...(languages[fileOf(lang)] ?? languages.en), ...own };
}

/** Those of the folder texts. */
const FILES = ["ja", "zh-Hans", "zh-Hant", "de", "fr", "es", "pt", "ar"];

/** fileOf is the name of a language's texts: what is written in Hong Kong is not what is in Beijing. */
function fileOf(lang) {
  const [language] = lang.toLowerCase().split("-");
  return language === "zh" ? (/-(hant|(?<!hans-)(tw|hk|mo))\b/i.test(lang) ? "zh-Hant" : "zh-Hans") : language;
}

/**
 * fetchTexts gets the texts of a language that is not here yet. False: they are here
 * already, or there are none; English is right then.
 *
 * @param {string} lang
 * @param {(file: string) => Promise<{ default: Texts }>} [load]
 */
export async function fetchTexts(lang, load = (file) => import(`./texts/${file}.js`)) {
  const file = fileOf(lang);
  if (languages[file] || !FILES.includes(file)) return false;
  try {
    languages[file] = (await load(file)).default;
    return true;
  } catch {
    return false; // the page has the bell's own file only
  }
}

/**
 * localeOf returns a language in which times can be written, for what a page or a
 * browser says: "en_US" and "de-DE@euro" occur, and Intl throws at them.
 *
 * @param {string} lang
 */
export function localeOf(lang) {
  try {
    return Intl.getCanonicalLocales(lang.replaceAll("_", "-").replace(/[^A-Za-z0-9-].*/, ""))[0];
  } catch {
    return "en";
  }
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} in seconds */
const UNITS = [
  ["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60],
];

/** What writes times, for the language of the last one: to make it takes far longer than to use it. */
let writers = { lang: "", relative: undefined, exact: undefined };

function writersOf(lang) {
  if (writers.lang !== lang) {
    writers = {
      lang,
      relative: new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" }),
      exact: new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }),
    };
  }
  return writers;
}

/**
 * exactly says when something was.
 *
 * @param {number} at   ms since 1970
 * @param {string} lang
 */
export function exactly(at, lang) {
  return writersOf(lang).exact.format(at);
}

/**
 * ago says how long ago something was, as people of a language do.
 *
 * @param {number} at   ms since 1970
 * @param {number} now
 * @param {string} lang
 */
export function ago(at, now, lang) {
  const format = writersOf(lang).relative;
  const seconds = Math.max(0, (now - at) / 1000); // the clocks of a server and a phone differ
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
  }
  return format.format(0, "second");
}
