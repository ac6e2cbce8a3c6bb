// The stream of this window beside the database connections: how old it is, how
// often it was renewed, and that the pool does not know of it.
import { api } from "../api.js";
import { bell } from "../bell.js";
import { h } from "../dom.js";
import { clock, t } from "../language.js";
import { drawing } from "../dom.js";

const LOOK = 3_000; // ms
const MAX_AGE = 30 * 60_000; // the gateway's default, before its jitter

export function machinery() {
  const values = {};
  const fact = (name, label) => h("div", {}, h("dt", {}, label), (values[name] = h("dd", { id: `fact-${name}` }, "…")));
  const dial = age();
  const renew = h("button", { type: "button", class: "quiet", id: "renew", onclick: () => bell.reopen() }, t("renewNow"));
  const slots = h("p", { class: "slots", "aria-hidden": "true" });

  const drawStream = () => {
    const { openedAt, streams } = bell.facts;
    values.opened.textContent = openedAt ? clock(openedAt) : t("notYet");
    values.renewed.textContent = t("renewedTimes", Math.max(0, streams - 1));
    values.next.textContent = openedAt ? clock(openedAt + MAX_AGE) : t("notYet");
    dial.show(openedAt ? (Date.now() - openedAt) / MAX_AGE : 0);
    renew.disabled = bell.state !== "live";
  };
  const look = async () => {
    drawStream();
    const { streams, pool } = await api.get("vitals");
    values.streams.textContent = streams === null ? t("unknown") : String(streams);
    values.inUse.textContent = String(pool.in_use);
    values.open.textContent = String(pool.open);
    values.max.textContent = String(pool.max);
    values.waits.textContent = String(pool.waits);
    slots.replaceChildren(...Array.from({ length: pool.max }, (_, i) => h("i", { class: i < pool.in_use ? "used" : i < pool.open ? "open" : "" })));
  };
  const timer = setInterval(() => look().catch(() => {}), LOOK); // the next look may do better
  bell.addEventListener("status", drawStream);

  const node = h("aside", { class: "machinery" },
    h("section", { class: "card" },
      h("h2", {}, t("streamTitle")), h("p", {}, t("streamLead")),
      h("div", { class: "dial" }, dial.node, h("dl", {}, fact("opened", t("opened")), fact("next", t("renewsAbout")), fact("renewed", t("renewed")))),
      renew),
    h("section", { class: "card" },
      h("h2", {}, t("poolTitle")), h("p", {}, t("poolLead")),
      slots,
      h("dl", {}, fact("streams", t("streams")), fact("inUse", t("poolInUse")), fact("open", t("poolOpen")), fact("max", t("poolMax")), fact("waits", t("poolWaits")))));
  look().catch(() => {});
  return {
    node,
    leave: () => {
      clearInterval(timer);
      bell.removeEventListener("status", drawStream);
    },
  };
}

/** age is a ring that fills while the stream grows older. */
function age() {
  const length = 2 * Math.PI * 26;
  const node = drawing(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" class="age"><circle class="age-all" cx="32" cy="32" r="26"/><circle class="age-now" cx="32" cy="32" r="26" transform="rotate(-90 32 32)"/></svg>`);
  const now = node.querySelector(".age-now");
  return {
    node,
    show: (share) => now.setAttribute("stroke-dasharray", `${Math.max(0.5, Math.min(1, share) * length)} ${length}`),
  };
}
