// The fonts of all languages that there are texts for.

/**
 * fonts sets --_fonts of an element. What writes Korean, Japanese and Chinese is named:
 * each system has its own, and some browsers choose none. The one of the element's
 * language comes first, since the three write the same characters differently.
 */
export const fonts = `
:host {
  --_ko: "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", "Noto Sans KR", NanumGothic, "Nanum Gothic";
  --_ja: "Hiragino Sans", "Yu Gothic UI", Meiryo, "Noto Sans CJK JP", "Noto Sans JP";
  --_zh: "PingFang SC", "Microsoft YaHei UI", "Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Zen Hei";
  --_hant: "PingFang TC", "Microsoft JhengHei UI", "Noto Sans CJK TC", "Noto Sans TC";
  --_east: var(--_ko), var(--_ja), var(--_zh), var(--_hant);
  --_fonts: var(--bellhop-font, system-ui, -apple-system, "Segoe UI", Roboto, var(--_east), sans-serif);
}
:host(:lang(ja)) { --_east: var(--_ja), var(--_zh), var(--_hant), var(--_ko); }
:host(:lang(zh)) { --_east: var(--_zh), var(--_hant), var(--_ja), var(--_ko); }
:host(:lang(zh-Hant)), :host(:lang(zh-TW)), :host(:lang(zh-HK)) { --_east: var(--_hant), var(--_zh), var(--_ja), var(--_ko); }
`;
