// The drawings. They are of simple shapes and take their colours from the style
// sheet, so that they look right by day and by night.
import { drawing } from "./dom.js";

const svg = (box, body) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" class="drawing">${body}</svg>`;

const eyes = (y, dx, r = 3.2) =>
  `<circle class="d-ink" cx="${60 - dx}" cy="${y}" r="${r}"/><circle class="d-ink" cx="${60 + dx}" cy="${y}" r="${r}"/>` +
  `<circle class="d-shine" cx="${61 - dx}" cy="${y - 1}" r="1"/><circle class="d-shine" cx="${61 + dx}" cy="${y - 1}" r="1"/>`;

const pets = {
  dog: svg("0 0 120 100",
    `<path class="d-b" d="M30 108c0-22 12-34 30-34s30 12 30 34z"/>` +
    `<path class="d-a" d="M60 18c20 0 31 13 31 31 0 20-14 33-31 33S29 69 29 49c0-18 11-31 31-31z"/>` +
    `<path class="d-c" d="M35 24c-13-2-19 9-18 22 1 12 7 20 14 19 6-1 5-12 6-21 1-8 4-15-2-20z"/>` +
    `<path class="d-c" d="M85 24c13-2 19 9 18 22-1 12-7 20-14 19-6-1-5-12-6-21-1-8-4-15 2-20z"/>` +
    `<ellipse class="d-d" cx="60" cy="65" rx="16" ry="12.5"/>` + eyes(47, 13) +
    `<path class="d-ink" d="M54 57.5h12c1.5 0 1.5 2 .5 3l-4.5 4.5c-1 1-3 1-4 0l-4.5-4.5c-1-1-1-3 .5-3z"/>` +
    `<path class="d-line" d="M60 65v4c0 4-6 5-8 2m8-2c0 4 6 5 8 2"/>` +
    `<path class="d-e" d="M38 84c14 8 30 8 44 0l2 6c-15 9-33 9-48 0z"/><circle class="d-f" cx="60" cy="93" r="4.5"/>`),
  cat: svg("0 0 120 100",
    `<path class="d-b" d="M32 108c0-20 12-30 28-30s28 10 28 30z"/>` +
    `<path class="d-a" d="M29 50 27 17c0-3 3-4 5-2l16 12c8-2 16-2 24 0l16-12c2-2 5-1 5 2l-2 33c0 20-14 33-31 33S29 70 29 50z"/>` +
    `<path class="d-c" d="M32 23l10 8c-4 3-7 6-9 10zM88 23l-10 8c4 3 7 6 9 10z"/>` +
    `<path class="d-d" d="M60 62c9 0 15 5 15 10 0 6-7 10-15 10s-15-4-15-10c0-5 6-10 15-10z"/>` +
    `<ellipse class="d-ink" cx="46" cy="51" rx="3" ry="4.5"/><ellipse class="d-ink" cx="74" cy="51" rx="3" ry="4.5"/>` +
    `<circle class="d-shine" cx="47" cy="49" r="1.1"/><circle class="d-shine" cx="75" cy="49" r="1.1"/>` +
    `<path class="d-e" d="M56 61h8l-4 4z"/><path class="d-line" d="M60 65v3c0 3-5 4-7 2m7-2c0 3 5 4 7 2"/>` +
    `<path class="d-hair" d="M22 60l17 3M22 70l17-2M98 60l-17 3M98 70l-17-2"/>` +
    `<path class="d-line2" d="M60 26v9M51 27l2 8M69 27l-2 8"/>`),
  rabbit: svg("0 0 120 100",
    `<path class="d-a" d="M44 42C34 30 30 4 40 2s15 22 15 38zM76 42C86 30 90 4 80 2S65 24 65 40z"/>` +
    `<path class="d-e" d="M45 36C39 26 37 10 41 9s8 15 8 27zM75 36c6-10 8-26 4-27s-8 15-8 27z"/>` +
    `<path class="d-b" d="M34 108c0-18 11-26 26-26s26 8 26 26z"/>` +
    `<path class="d-a" d="M60 36c18 0 29 11 29 26S77 88 60 88 31 77 31 62s11-26 29-26z"/>` +
    `<ellipse class="d-d" cx="52" cy="72" rx="9" ry="7"/><ellipse class="d-d" cx="68" cy="72" rx="9" ry="7"/>` + eyes(58, 13) +
    `<path class="d-e" d="M56.5 65h7l-3.5 4z"/><path class="d-line" d="M60 69v4"/>` +
    `<path class="d-shine" d="M56 74h3.6v6H57a1 1 0 0 1-1-1zM60.4 74H64v5a1 1 0 0 1-1 1h-2.6z"/>` +
    `<ellipse class="d-blush" cx="41" cy="68" rx="4.5" ry="2.5"/><ellipse class="d-blush" cx="79" cy="68" rx="4.5" ry="2.5"/>`),
  bird: svg("0 0 120 100",
    `<path class="d-c" d="M86 70c12 2 20 10 24 20-11 2-22-1-29-9z"/>` +
    `<path class="d-a" d="M58 16c24 0 38 18 38 40 0 20-15 33-36 33S22 76 22 55c0-23 14-39 36-39z"/>` +
    `<path class="d-d" d="M52 52c16 0 26 8 26 20 0 9-8 17-20 17-16 0-30-8-34-22 4-9 14-15 28-15z"/>` +
    `<path class="d-b" d="M66 48c16-4 28 4 30 16-8 8-24 8-32 0-4-5-4-14 2-16z"/>` +
    `<path class="d-line2" d="M74 60c6 3 12 3 18 0"/>` +
    `<circle class="d-ink" cx="46" cy="40" r="3.6"/><circle class="d-shine" cx="47.2" cy="38.8" r="1.2"/>` +
    `<path class="d-f" d="M34 44 16 50c-2 1-2 3 0 4l19 3c5-3 5-10-1-13z"/>` +
    `<path class="d-line2" d="M18 51h17"/>` +
    `<path class="d-a" d="M54 18c-1-8 4-12 9-13-2 4 0 6 4 7-3 1-5 4-5 8z"/>` +
    `<path class="d-feet" d="M50 88v9m-5 0h10M66 88v9m-5 0h10"/>`),
};

/** pet draws the animal of a post; nothing for "none". */
export function pet(name) {
  return pets[name] ? drawing(pets[name], { class: `drawing pet pet-${name}` }) : null;
}

const bellMark = svg("0 0 32 32",
  `<circle class="bell-button" cx="16" cy="6.5" r="2.5"/><path class="bell-dome" d="M4 23a12 12 0 0 1 24 0z"/>` +
  `<path class="bell-light" d="M8 21.5a8.5 8.5 0 0 1 5-8"/><rect class="bell-base" x="2" y="24.5" width="28" height="3.5" rx="1.75"/>`);

/** mark is the sign of the house. */
export const mark = () => drawing(bellMark, { class: "mark" });

const lobby = svg("0 0 560 360",
  `<rect class="l-wall" width="560" height="360" rx="28"/>` +
  `<circle class="l-sun" cx="440" cy="84" r="44"/>` +
  `<path class="l-arch" d="M72 262V120a64 64 0 0 1 128 0v142z"/><path class="l-glass" d="M84 262V122a52 52 0 0 1 104 0v140z"/>` +
  `<path class="l-frame" d="M136 70v192M84 166h104"/>` +
  `<path class="l-floor" d="M0 262h560v70a28 28 0 0 1-28 28H28a28 28 0 0 1-28-28z"/>` +
  `<path class="l-desk" d="M196 214h304a10 10 0 0 1 10 10v14H186v-14a10 10 0 0 1 10-10z"/><path class="l-front" d="M202 238h292v92H202z"/>` +
  `<path class="l-panel" d="M222 256h76v56h-76zM310 256h76v56h-76zM398 256h76v56h-76z"/>` +
  `<g class="l-bell"><path class="bell-dome" d="M296 202a52 52 0 0 1 104 0z"/><circle class="bell-button" cx="348" cy="142" r="9"/>` +
  `<path class="bell-light" d="M312 192a38 38 0 0 1 22-30"/><rect class="bell-base" x="286" y="202" width="124" height="12" rx="6"/></g>` +
  `<path class="l-ring l-ring-1" d="M270 146a84 84 0 0 1 22-36M404 110a84 84 0 0 1 22 36"/>` +
  `<path class="l-ring l-ring-2" d="M248 140a108 108 0 0 1 28-52M420 88a108 108 0 0 1 28 52"/>` +
  `<g transform="translate(216 142) scale(.66)"><path class="l-cat" d="M20 108c-6-30 4-52 26-52s34 22 30 52z"/>` +
  `<path class="l-cat" d="M22 38 20 12c0-3 3-4 5-2l11 9c7-2 13-2 20 0l11-9c2-2 5-1 5 2l-2 26c0 16-11 26-24 26S22 54 22 38z"/>` +
  `<path class="l-cat-line" d="M34 40c2 3 6 3 8 0M52 40c2 3 6 3 8 0M47 48v2"/><path class="l-tail" d="M74 104c18 2 24-12 16-24"/></g>` +
  `<g transform="translate(440 170)"><path class="l-pot" d="M8 24h36l-5 20H13z"/><path class="l-leaf" d="M26 24C24 8 12 0 2 2c2 12 10 20 24 22zM26 24C28 4 40-6 52-4c-2 14-12 24-26 28zM26 24c-4-16 0-28 6-34 6 10 4 24-6 34z"/></g>` +
  `<g class="l-letter" transform="translate(58 292) rotate(-8)"><rect width="70" height="46" rx="6"/><path d="M3 6l32 22L67 6"/></g>`);

/** lobbyScene is the picture of the first page. */
export const lobbyScene = () => drawing(lobby, { class: "drawing lobby" });

const table = svg("0 0 160 110",
  `<ellipse class="s-shade" cx="80" cy="100" rx="62" ry="7"/><path class="s-top" d="M16 58h128l8 12H8z"/><path class="s-leg" d="M26 70h8l-4 30h-6zM126 70h8l2 30h-6z"/>` +
  `<path class="s-book" d="M44 44c10-6 22-6 32 0v14c-10-6-22-6-32 0z"/><path class="s-book2" d="M76 44c10-6 22-6 32 0v14c-10-6-22-6-32 0z"/>` +
  `<path class="s-lamp" d="M124 58V30l-14-10"/><path class="s-shadee" d="M96 24l16-12 8 10-18 10z"/><circle class="s-glow" cx="101" cy="30" r="6"/>` +
  `<path class="s-cup" d="M24 44h14v10a4 4 0 0 1-4 4h-6a4 4 0 0 1-4-4z"/><path class="s-steam" d="M28 40c-2-4 2-5 0-9M34 40c-2-4 2-5 0-9"/>`);

const ticket = svg("0 0 160 110",
  `<g transform="rotate(-9 80 55)"><path class="r-ticket2" d="M26 34h112v14a9 9 0 0 0 0 18v14H26V66a9 9 0 0 0 0-18z" transform="rotate(14 80 55)"/>` +
  `<path class="r-ticket" d="M22 30h116v15a10 10 0 0 0 0 20v15H22V65a10 10 0 0 0 0-20z"/><path class="r-cut" d="M102 34v42"/>` +
  `<path class="r-star" d="M62 40l4.5 9.3 10.2 1.4-7.4 7.1 1.8 10.2L62 63.2 52.9 68l1.8-10.2-7.4-7.1 10.2-1.4z"/><path class="r-lines" d="M112 46h16M112 55h16M112 64h10"/></g>` +
  `<circle class="r-dot" cx="20" cy="22" r="3"/><circle class="r-dot2" cx="142" cy="92" r="4"/><path class="r-dot2" d="M138 14l3 6 6 1-4 5 1 6-6-3-6 3 1-6-4-5 6-1z"/>`);

const house = svg("0 0 160 110",
  `<ellipse class="s-shade" cx="80" cy="102" rx="60" ry="6"/><path class="h-wall" d="M36 52 80 18l44 34v50H36z"/><path class="h-roof" d="M26 56 80 12l54 44-7 8-47-38-47 38z"/>` +
  `<path class="h-door" d="M62 102V82a18 18 0 0 1 36 0v20z"/>` +
  `<g class="h-paw" transform="translate(80 58)"><ellipse cx="0" cy="5" rx="7" ry="5.5"/><circle cx="-8" cy="-2" r="3"/><circle cx="-3" cy="-7" r="3"/><circle cx="3" cy="-7" r="3"/><circle cx="8" cy="-2" r="3"/></g>`);

/** scene draws one of the three systems. */
export function scene(name) {
  return drawing({ community: house, study: table, raffle: ticket }[name], { class: `drawing scene scene-${name}` });
}

const icon = (body) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" class="icon">${body}</svg>`;
const icons = {
  heart: icon(`<path d="M12 20.5C5 15.7 2.5 12.2 2.5 8.7A4.9 4.9 0 0 1 12 6.6a4.9 4.9 0 0 1 9.5 2.1c0 3.5-2.5 7-9.5 11.8z"/>`),
  speech: icon(`<path d="M4 5.5h16a1.5 1.5 0 0 1 1.5 1.5v8.5A1.5 1.5 0 0 1 20 17h-8l-5 4v-4H4a1.5 1.5 0 0 1-1.5-1.5V7A1.5 1.5 0 0 1 4 5.5z"/>`),
  letter: icon(`<path d="M3 6.5h18v12H3zM3 7l9 6.5L21 7"/>`),
  back: icon(`<path d="M14.5 5.5 8 12l6.5 6.5"/>`),
  window: icon(`<path d="M3.5 5h11v9h-11zM9.5 14v5h11v-9h-6"/>`),
  close: icon(`<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>`),
  pen: icon(`<path d="M4 20l1-5L16.5 3.5l4 4L9 19z"/>`),
  globe: icon(`<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c3.5 4 3.5 13 0 17M12 3.5c-3.5 4-3.5 13 0 17"/>`),
};

/** glyph is a small sign beside a word. */
export const glyph = (name) => drawing(icons[name], { class: `icon icon-${name}` });
