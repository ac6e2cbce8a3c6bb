// The fonts of Korean, Japanese and Chinese.

/**
 * fonts sets --_fonts of an element. What writes its language is named, since each
 * system has its own, and the three write the same characters differently.
 */
export const fonts = `
:host { --_fonts: var(--bellhop-font, system-ui, "Segoe UI", Roboto, var(--_own, sans-serif), sans-serif); }
:host(:lang(ko)) { --_own: "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", NanumGothic; }
:host(:lang(ja)) { --_own: "Hiragino Sans", "Yu Gothic UI", "Noto Sans CJK JP"; }
:host(:lang(zh)) { --_own: "PingFang SC", "Microsoft YaHei UI", "Noto Sans CJK SC"; }
:host(:lang(zh-Hant)) { --_own: "PingFang TC", "Microsoft JhengHei UI", "Noto Sans CJK TC"; }
`;
