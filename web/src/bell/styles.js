// How the bell looks. Colours follow the page's color-scheme; what a page may change
// are the custom properties at the top, and the parts.

export const styles = `
:host {
  --_accent: var(--bellhop-accent, light-dark(#3451c7, #93a8ff));
  --_badge: var(--bellhop-badge, #d12a2a);
  --_on-badge: var(--bellhop-on-badge, #fff);
  --_surface: var(--bellhop-surface, light-dark(#fff, #191b21));
  --_raised: var(--bellhop-raised, light-dark(#f3f4f8, #252831));
  --_text: var(--bellhop-text, light-dark(#171a21, #f0f2f6));
  --_muted: var(--bellhop-muted, light-dark(#5a6270, #a7aebb));
  --_border: var(--bellhop-border, light-dark(#e3e6ec, #31353f));
  --_radius: var(--bellhop-radius, 14px);
  --_width: var(--bellhop-width, 384px);
  --_ease: cubic-bezier(.2, .7, .3, 1);
  display: inline-block;
  position: relative;
  font: 400 14px/20px var(--_fonts);
  -webkit-font-smoothing: antialiased;
}
:host([hidden]) { display: none; }
:host([theme="auto"]) { color-scheme: light dark; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }

*, ::before, ::after { box-sizing: border-box; }
button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 0; cursor: pointer; text-align: inherit; }
.icon { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; display: block; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.panel:focus-visible { outline: none; } /* it takes the focus for others, and is nothing to be pressed */
.hidden-text { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.bell {
  position: relative; display: grid; place-items: center;
  width: 40px; height: 40px; border-radius: 50%;
  color: var(--bellhop-icon, var(--_text));
  transition: background-color 150ms;
}
.bell:hover, .bell[aria-expanded="true"] { background: var(--_raised); }
.bell .icon { width: 22px; height: 22px; transform-origin: 50% 15%; }
.bell.ringing .icon { animation: ring 600ms var(--_ease); }
@keyframes ring { 20% { rotate: 14deg; } 40% { rotate: -11deg; } 60% { rotate: 7deg; } 80% { rotate: -4deg; } }
.badge {
  position: absolute; inset-block-start: 2px; inset-inline-start: 20px; /* it grows away from the bell */
  min-width: 18px; height: 18px; padding: 0 4.5px; border-radius: 9px;
  font-size: 11px; line-height: 18px; font-weight: 650; text-align: center; font-variant-numeric: tabular-nums;
  color: var(--_on-badge); background: var(--_badge); box-shadow: 0 0 0 2px var(--bellhop-page, var(--_surface));
  transition: scale 180ms var(--_ease), opacity 180ms;
}
.badge.none { scale: .4; opacity: 0; }

.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; z-index: 1000;
  width: min(var(--_width), var(--_space, calc(100vw - 16px))); max-height: min(600px, var(--_room, 80vh));
  flex-direction: column; overflow: hidden;
  color: var(--_text); background: var(--_surface);
  border: 1px solid var(--_border); border-radius: var(--_radius);
  box-shadow: 0 1px 2px rgb(0 0 0 / .06), 0 12px 40px -8px light-dark(rgb(23 26 33 / .22), rgb(0 0 0 / .7));
  text-align: start;
}
.panel:not(.open) { display: none; }
.panel.open { display: flex; animation: appear 170ms var(--_ease); }
@keyframes appear { from { opacity: 0; translate: 0 -6px; } }

.head { display: flex; align-items: center; gap: 8px; padding-block: 14px 12px; padding-inline: 18px 12px; border-block-end: 1px solid var(--_border); }
h2 { flex: 1; margin: 0; font-size: 15px; line-height: 24px; font-weight: 650; letter-spacing: -.005em; }
.text-button {
  display: inline-flex; align-items: center; gap: 6px; padding: 4px 10px; border-radius: 8px;
  font-size: 13px; font-weight: 550; color: var(--_accent); transition: background-color 150ms, opacity 150ms;
}
.text-button:hover { background: var(--_raised); }
.text-button .icon { width: 16px; height: 16px; flex: none; }
.text-button[disabled] { opacity: 0; pointer-events: none; }

.list { min-height: 0; margin: 0; padding: 6px; overflow-y: auto; overscroll-behavior: contain; list-style: none; scrollbar-width: thin; scrollbar-color: var(--_border) transparent; }
.item { position: relative; border-radius: 10px; transition: background-color 150ms; }
.item:hover, .item:has(:focus-visible) { background: var(--_raised); }
.item.arrived { animation: arrive 200ms var(--_ease); }
@keyframes arrive { from { opacity: 0; translate: 0 -8px; } }
.open-item { display: flex; align-items: flex-start; gap: 12px; width: 100%; padding-block: 10px; padding-inline: 12px 30px; border-radius: 10px; color: inherit; text-decoration: none; }
.open-item:focus-visible { outline-offset: -2px; }
.avatar {
  flex: none; display: grid; place-items: center; width: 36px; height: 36px; margin-block-start: 1px; border-radius: 50%; overflow: hidden;
  font-weight: 650; font-size: 15px; color: var(--_accent); background: color-mix(in srgb, var(--_accent) 13%, transparent);
}
.avatar img { width: 100%; height: 100%; object-fit: cover; }
.avatar .icon { width: 18px; height: 18px; }
.words { flex: 1; min-width: 0; display: grid; }
.item-title, .item-body { overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow-wrap: anywhere; }
.item-title { font-weight: 450; }
.unread .item-title { font-weight: 650; }
.item-body { color: var(--_muted); font-size: 13px; line-height: 19px; }
time { color: var(--_muted); font-size: 12px; line-height: 18px; }
.unread-dot { position: absolute; inset-inline-end: 14px; inset-block-start: 17px; width: 8px; height: 8px; border-radius: 50%; background: var(--_accent); transition: scale 180ms var(--_ease), opacity 150ms; }
.item:not(.unread) .unread-dot { scale: 0; }
.actions { position: absolute; inset-inline-end: 6px; inset-block-start: 6px; display: flex; gap: 2px; padding: 2px; border-radius: 9px; background: var(--_surface); box-shadow: 0 0 0 1px var(--_border); opacity: 0; transition: opacity 150ms; }
.item:hover .actions, .item:has(:focus-visible) .actions { opacity: 1; }
.item:hover .unread-dot, .item:has(:focus-visible) .unread-dot { opacity: 0; }
.actions button { display: grid; place-items: center; width: 28px; height: 28px; border-radius: 7px; color: var(--_muted); transition: background-color 150ms, color 150ms; }
.actions button:hover { color: var(--_text); background: var(--_raised); }
.actions button:focus-visible { outline-offset: -2px; }
.actions .icon { width: 16px; height: 16px; }
@media (hover: none) {
  .actions { flex-direction: column; opacity: 1; background: none; box-shadow: none; }
  .item .unread-dot { inset-inline-end: auto; inset-inline-start: 2px; inset-block-start: 24px; opacity: 1 !important; }
  .open-item { padding-inline-end: 46px; min-height: 74px; }
}

.message { display: grid; justify-items: center; gap: 4px; padding: 44px 32px 52px; text-align: center; color: var(--_muted); text-wrap: balance; }
.message .icon { width: 40px; height: 40px; stroke-width: 1.25; margin-block-end: 10px; color: var(--_accent); opacity: .75; }
.message strong { color: var(--_text); font-weight: 600; }
.message .text-button { margin-block-start: 10px; background: var(--_raised); }

.skeleton { display: grid; grid-template-columns: 36px 1fr; gap: 8px 12px; padding: 12px; }
.skeleton i { display: block; height: 10px; border-radius: 5px; background: var(--_raised); animation: breathe 1.4s ease-in-out infinite; }
.skeleton i:first-child { grid-row: 1 / span 2; height: 36px; border-radius: 50%; }
.skeleton i:nth-child(2) { width: 78%; margin-block-start: 5px; }
.skeleton i:nth-child(3) { width: 46%; }
@keyframes breathe { 50% { opacity: .45; } }

.state { display: flex; align-items: center; gap: 8px; padding: 9px 18px; border-block-start: 1px solid var(--_border); color: var(--_muted); font-size: 12.5px; line-height: 18px; }
.state[hidden] { display: none; }
.state::before { content: ""; flex: none; width: 7px; height: 7px; border-radius: 50%; background: light-dark(#b9770e, #e0a63a); }
.state.bad::before { background: light-dark(#d12a2a, #ff7b7b); }

@media (max-width: 480px) {
  .panel { width: var(--_space, calc(100vw - 16px)); }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .panel, .badge, .bell { border: 1px solid; }
  .unread-dot { background: Highlight; }
}
`;
