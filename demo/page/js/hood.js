// The panel under the hood: what the stream of this window is doing.
import { bell } from "./bell.js";
import { fill, h } from "./dom.js";
import { clock, t } from "./language.js";

let drawn = () => {};
let open = false;

/** drawHood draws the panel into an element, and keeps it current from then on. */
export function drawHood(element) {
  const state = h("span", { class: "state", id: "state" });
  const facts = {};
  const fact = (name, label) => h("div", {}, h("dt", {}, label), (facts[name] = h("dd", {})));
  const away = h("button", { type: "button", class: "quiet", id: "away", title: t("goAwayHint") });
  away.addEventListener("click", () => {
    if (bell.state === "closed") bell.reopen();
    else bell.away();
    drawn();
  });
  const details = h("details", { id: "under", open },
    h("summary", {}, state, h("span", { class: "hood-word" }, t("hood"))),
    h("div", { class: "hood-body" },
      h("dl", {}, fact("opened", t("opened")), fact("received", t("received")), fact("took", t("lastTook")), fact("cursor", t("position"))),
      h("p", {}, away, h("small", {}, t("goAwayHint")))));
  details.addEventListener("toggle", () => { open = details.open; });
  drawn = () => {
    const { client, facts: f } = bell;
    state.dataset.state = bell.state;
    state.textContent = t("state")[bell.state] + (client?.status.stale ? ` · ${t("stale")}` : "");
    facts.opened.textContent = f.openedAt ? clock(f.openedAt) : t("notYet");
    facts.received.textContent = String(f.received);
    facts.took.textContent = f.took === null ? t("notYet") : `${f.took} ms`;
    facts.cursor.textContent = client?.cursor || t("notYet");
    away.textContent = bell.state === "closed" ? t("comeBack") : t("goAway");
    away.disabled = client === null;
  };
  fill(element, details);
  drawn();
}

bell.addEventListener("status", () => drawn());
