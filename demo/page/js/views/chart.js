// The chart of a raffle: the chance of one ticket, and one's own, after each ticket
// that was drawn. Plain SVG; a step for each ticket.
import { drawing } from "../dom.js";
import { percent, t } from "../language.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 62;
const RIGHT = 20;
const TOP = 18;
const BOTTOM = 36;
const NEWEST = 24; // points that the scale follows
const MOST = 240; // tickets that are shown; older ones leave on the left

export class Chart {
  #points = [];
  #svg = drawing(`<svg xmlns="${NS}" viewBox="0 0 ${WIDTH} ${HEIGHT}" class="chart" role="img"><defs><linearGradient id="fade" gradientUnits="userSpaceOnUse" x1="0" y1="${TOP}" x2="0" y2="${HEIGHT - BOTTOM}"><stop class="fade-top" offset="0"/><stop class="fade-end" offset="1"/></linearGradient><clipPath id="plot"><rect x="${LEFT - 2}" y="${TOP - 2}" width="${WIDTH - LEFT - RIGHT + 4}" height="${HEIGHT - TOP - BOTTOM + 4}"/></clipPath></defs><g class="grid"/><g clip-path="url(#plot)"><path class="area"/><path class="own-line"/><path class="chance-line"/></g><circle class="now" r="5"/><text class="now-text"/><text class="empty-text" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT / 2}"/></svg>`);

  get node() { return this.#svg; }

  /** begin shows what was before. */
  begin(points) {
    this.#points = points.slice(-MOST);
    this.#draw();
  }

  /** add shows one more ticket. */
  add(point) {
    this.#points.push(point);
    if (this.#points.length > MOST) this.#points.shift();
    this.#draw();
  }

  /** own corrects how many of the last point's tickets are one's own. */
  own(tickets) {
    if (this.#points.length === 0) return;
    this.#points.at(-1).own = tickets;
    this.#draw();
  }

  #draw() {
    this.#svg.classList.toggle("none", this.#points.length === 0);
    this.#svg.querySelector(".empty-text").textContent = this.#points.length === 0 ? t("chartEmpty") : "";
    // The scale follows the newest points and ends on a round number. The chart begins
    // with the first point that is not above it.
    const chance = (p) => 1 / Math.max(1, p.tickets);
    const share = (p) => (p.own ?? 0) / Math.max(1, p.tickets);
    const top = niceTop(Math.max(...this.#points.slice(-NEWEST).flatMap((p) => [chance(p), share(p)])));
    const above = this.#points.findLastIndex((p) => chance(p) > top || share(p) > top);
    const points = this.#points.length > 0 ? this.#points.slice(above + 1) : [{ tickets: 0, own: 0 }];
    const first = Math.max(0, points[0].tickets - 1); // each ticket has a step of its own
    const last = Math.max(points.at(-1).tickets, first + 5);
    const chances = points.map(chance);
    const own = points.map(share);
    const x = (tickets) => LEFT + (WIDTH - LEFT - RIGHT) * (tickets - first) / (last - first);
    const y = (p) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - p / top);

    const step = (values) => points.map((p, i) =>
      `${i === 0 ? `M${x(first)} ` : "V"}${y(values[i]).toFixed(1)}H${x(p.tickets).toFixed(1)}`).join("");
    const path = step(chances);
    this.#set(".chance-line", { d: path });
    this.#set(".area", { d: `${path}V${y(0)}H${x(first)}Z` });
    this.#set(".own-line", { d: own.some((p) => p > 0) ? step(own) : "" });
    const now = { x: x(points.at(-1).tickets), y: y(chances.at(-1)) };
    this.#set(".now", { cx: now.x, cy: now.y });
    const label = this.#set(".now-text", { x: Math.min(now.x, WIDTH - RIGHT - 4), y: Math.max(now.y - 12, TOP + 10), "text-anchor": now.x > WIDTH / 2 ? "end" : "start" });
    label.textContent = percent(chances.at(-1));
    this.#grid(top, first, last, x, y);
    this.#svg.setAttribute("aria-label", t("chartLabel", points.at(-1).tickets, percent(chances.at(-1))));
  }

  #grid(top, first, last, x, y) {
    const lines = [];
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const at = y(top * share);
      lines.push(`<path d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${percent(top * share)}</text>`);
    }
    const every = niceStep((last - first) / 6);
    for (let n = Math.ceil(first / every) * every; n <= last; n += every) {
      lines.push(`<text x="${x(n)}" y="${HEIGHT - 14}" text-anchor="middle">${n}</text>`);
    }
    lines.push(`<text class="axis" x="${WIDTH - RIGHT}" y="${HEIGHT - 1}" text-anchor="end">${t("chartHint")}</text>`);
    const grid = drawing(`<svg xmlns="${NS}"><g class="grid">${lines.join("")}</g></svg>`).firstElementChild;
    this.#svg.querySelector(".grid").replaceWith(grid);
  }

  #set(selector, attributes) {
    const element = this.#svg.querySelector(selector);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }
}

function niceTop(p) {
  return [0.01, 0.02, 0.04, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8, 1].find((top) => top >= p) ?? 1;
}

function niceStep(n) {
  return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => step >= n) ?? 1000;
}
