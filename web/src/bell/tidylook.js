// What keeping tidy says and looks like.

/** @typedef {import("../../bellhop-tidy.d.ts").BellhopTidyTexts} TidyTexts */

/**
 * Those that the bell has from the start too; the other ones stand with its own in the
 * folder texts.
 *
 * @type {Record<string, TidyTexts>}
 */
export const tidyLanguages = {
  en: {
    all: "All",
    archive: "Archive",
    unarchive: "Move back to the inbox",
    archived: "Archive",
    archiveEmpty: "Nothing is archived",
    archiveHint: "What you archive is kept here.",
    mute: (what) => `Mute: ${what}`,
    unmute: (what) => `Unmute: ${what}`,
    muted: "Muted:",
    buttonUnseen: (unseen) => (unseen === "" ? "Notifications" : `Notifications, ${unseen} new`),
  },
  ko: {
    all: "전체",
    archive: "보관",
    unarchive: "알림 목록으로 되돌리기",
    archived: "보관함",
    archiveEmpty: "보관한 알림이 없어요",
    archiveHint: "보관한 알림은 여기에 있습니다.",
    mute: (what) => `알림 끄기: ${what}`,
    unmute: (what) => `알림 켜기: ${what}`,
    muted: "꺼 둔 알림:",
    buttonUnseen: (unseen) => (unseen === "" ? "알림" : `알림, 새 알림: ${unseen}`),
  },
};

/** tidyTexts are those of a language, English where there are none. */
export function tidyTexts(/** @type {string} */ lang) {
  return tidyLanguages[lang.split("-")[0].toLowerCase()] ?? tidyLanguages.en;
}

export const tidyStyles = `
.tabs { flex: none; display: flex; gap: 4px; padding: 8px 12px; overflow-x: auto; scrollbar-width: none; border-block-end: 1px solid var(--_border); }
.tabs[hidden], .muted[hidden] { display: none; }
.tabs button { flex: none; display: inline-flex; align-items: center; gap: 6px; padding: 4px 12px; border-radius: 99px; font-size: 13px; color: var(--_muted); transition: background-color 150ms, color 150ms; }
.tabs button:hover { color: var(--_text); background: var(--_raised); }
.tabs button:focus-visible { outline-offset: -2px; }
.tabs [aria-pressed="true"] { font-weight: 550; color: var(--_accent); background: color-mix(in srgb, var(--_accent) 12%, transparent); }
.tabs [aria-pressed="true"]:hover { color: var(--_accent); background: color-mix(in srgb, var(--_accent) 12%, transparent); }
.tab-count { font-size: 11px; font-weight: 650; font-variant-numeric: tabular-nums; }
.tab-count:empty { display: none; }
.muted { flex: none; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 6px; padding: 7px 18px; border-block-end: 1px solid var(--_border); color: var(--_muted); font-size: 12.5px; line-height: 18px; }
.muted > .icon { width: 14px; height: 14px; }
.muted button { display: inline-flex; align-items: center; gap: 4px; padding: 2px 6px 2px 8px; border-radius: 99px; color: var(--_text); background: var(--_raised); }
.muted button .icon { width: 12px; height: 12px; color: var(--_muted); }
@media (hover: none) {
  .actions:has(> :nth-child(3)) { display: grid; grid-template-columns: auto auto; }
  .actions > :nth-child(3):last-child { grid-column: 2; }
  .open-item:has(~ .actions > :nth-child(3)) { padding-inline-end: 76px; }
}
@media (forced-colors: active) {
  .tabs [aria-pressed="true"] { border: 1px solid Highlight; }
}
`;
