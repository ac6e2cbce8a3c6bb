// The console: asks the API of operators, and shows what it says.

import { $, h, tableParts } from "./dom.js";
import { show, test } from "./found.js";
import { call, signIn } from "./api.js";
import { choose, t, time } from "./words.js";

const every = 2000;
let before; // what was delivered at the last look, by process

async function look() {
  try {
    showFleet(await call("GET", "/v1/admin/fleet"));
    $("sign-in").hidden = true;
  } catch (error) {
    $("sign-in").hidden = error.status !== 401 && error.status !== 403;
    $("health").className = "bad";
    $("health").textContent = t("lost", error.message);
  }
}

/** Looks at the fleet again and again, while somebody sees it. */
async function watch() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((resolve) => { setTimeout(resolve, every); });
  }
}

function showFleet({ processes, silent }) {
  const now = new Map(processes.map((p) => [p.id, { at: performance.now(), events: p.load.handed + p.load.accepted }]));
  const rate = (id) => {
    const last = before?.get(id), current = now.get(id);
    return last ? Math.max(0, (current.events - last.events) / (current.at - last.at) * 1000).toFixed(1) : "";
  };
  const state = ({ load }) => {
    const word = load.draining ? "drains" : load.bus_in_doubt ? "doubt" : "good";
    return h("td", { className: word === "good" ? "good" : "bad" }, t(word));
  };
  $("fleet").replaceChildren(...tableParts(
    ["process", "role", "version", "up", "streams", "rate", "late", "queue", "heap", "state"].map((word) => t(word)),
    processes.map((p) => [
      p.name, p.role, p.version, duration(p.uptime_seconds), String(p.load.streams), rate(p.id), p.load.late ? `${p.load.late.p50_ms.toFixed(1)} / ${p.load.late.p99_ms.toFixed(1)} ms` : "", String(p.load.queue),
      `${Math.round(p.load.heap_bytes / 2 ** 20)} MiB`, state(p),
    ]),
  ));
  before = now;
  $("silent").replaceChildren(...silent.map((name) => h("span", {}, t("noAnswerFrom", name), h("br"))));
  $("health").className = silent.length ? "bad" : "good";
  const said = `● ${t("live")}`;
  if ($("health").textContent !== said) $("health").textContent = said; // said once, not every two seconds
}

function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  return parts.slice(first < 0 ? 3 : first, (first < 0 ? 3 : first) + 2)
    .map(([size, unit], i) => Math.floor(i ? seconds % parts[first][0] / size : seconds / size) + unit).join(" ");
}

function speak(language) {
  choose(language);
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
}

$("language").value = choose();
$("language").addEventListener("change", (event) => speak(event.target.value));
speak($("language").value);
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(event.target.elements.key.value);
  event.target.reset();
  look();
});
const search = $("search").elements;
search.kind.addEventListener("change", () => {
  const event = search.kind.value === "event";
  $("seq").hidden = !event;
  search.seq.disabled = !event;
});
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  show(search.kind.value, search.name.value.trim(), search.seq.value);
});
$("test").addEventListener("submit", (event) => {
  event.preventDefault();
  const { channel, type, data } = event.target.elements;
  test(channel.value.trim(), type.value.trim(), data.value);
});
document.body.dataset.ready = time(new Date());
watch();
