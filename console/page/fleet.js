// The fleet as it is now: in sum, its replicas, and each process.

import { $, h, tableParts } from "./dom.js";
import { t } from "./words.js";

let before; // what each process had done at the last look

export function showFleet({ processes, silent }) {
  const now = new Map(processes.map((p) => [p.id, { at: performance.now(), in: p.load.accepted, out: p.load.handed }]));
  const rate = (id, way) => {
    const was = before?.get(id), is = now.get(id);
    return was && is.at > was.at ? Math.max(0, (is[way] - was[way]) / (is.at - was.at) * 1000) : 0;
  };
  const sum = (value) => processes.reduce((all, p) => all + value(p), 0);
  const words = (...names) => names.map((name) => t(name));

  const late = processes.map((p) => p.load.late).filter(Boolean);
  const worst = (name) => Math.max(...late.map((one) => one[name])).toFixed(1);
  const doubts = processes.filter((p) => p.load.bus_in_doubt).length;
  const redis = [...new Set(processes.map((p) => p.load.redis).filter(Boolean))];
  const wrong = redis.filter((said) => said !== "good");
  const tile = (name, value, bad, whole) => h("div", { className: whole ? "whole" : "" }, h("dt", {}, t(name)), h("dd", { className: bad == null ? "" : bad ? "bad" : "good" }, value));
  $("sum").replaceChildren(
    tile("streams", String(sum((p) => p.load.streams))),
    tile("rate", t("inOut", sum((p) => rate(p.id, "in")).toFixed(1), sum((p) => rate(p.id, "out")).toFixed(1))),
    tile("late", late.length ? `${worst("p50_ms")} / ${worst("p99_ms")} ms` : "–"),
    tile("doubts", t("of", doubts, processes.length), doubts > 0),
    tile("redis", wrong.join("; ") || t(redis.length ? "good" : "unused"), redis.length ? wrong.length > 0 : null, wrong.length > 0),
  );

  const replicas = Map.groupBy(processes.flatMap((p) => (p.load.replicas ?? []).map((r) => ({ ...r, by: p.name }))), (r) => r.server);
  $("replicas").hidden = !replicas.size;
  $("replicas").firstElementChild.replaceChildren(...tableParts(words("replica", "lag", "state", "why"), [...replicas].map(([server, seen]) => {
    const lags = seen.map((r) => r.lag_seconds).filter((lag) => lag != null), over = seen.filter((r) => r.passed_over);
    return [
      server, lags.length ? `${Math.max(...lags).toFixed(1)} s` : t("notKnown"),
      h("td", { className: over.length ? "bad" : "good" }, over.length ? t("passedOver", over.map((r) => r.by).join(", ")) : t("good")),
      h("td", { className: "agent" }, seen.find((r) => r.why)?.why ?? ""),
    ];
  })));

  const state = ({ load }) => {
    const word = load.draining ? "drains" : load.bus_in_doubt ? "doubt" : "good";
    return h("td", { className: word === "good" ? "good" : "bad" }, t(word));
  };
  $("fleet").replaceChildren(...tableParts(
    words("process", "role", "version", "up", "streams", "rate", "late", "queue", "heap", "state"),
    processes.map((p) => [
      p.name, p.role, p.version, duration(p.uptime_seconds), String(p.load.streams), (rate(p.id, "in") + rate(p.id, "out")).toFixed(1),
      p.load.late ? `${p.load.late.p50_ms.toFixed(1)} / ${p.load.late.p99_ms.toFixed(1)} ms` : "", String(p.load.queue),
      `${Math.round(p.load.heap_bytes / 2 ** 20)} MiB`, state(p),
    ]),
  ));
  before = now;
  $("silent").replaceChildren(...silent.map((name) => h("span", {}, t("noAnswerFrom", name), h("br"))));
}

function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  return parts.slice(first < 0 ? 3 : first, (first < 0 ? 3 : first) + 2)
    .map(([size, unit], i) => Math.floor(i ? seconds % parts[first][0] / size : seconds / size) + unit).join(" ");
}
