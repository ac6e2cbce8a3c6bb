// What was looked up: a person, a channel, or an event's way.

import { call } from "./api.js";
import { $, h, table } from "./dom.js";
import { t, time } from "./words.js";

const channelPath = (name) => `/v1/admin/channels/${encodeURIComponent(name)}`;
let asked = 0;

/** Shows one of them; only the last that was asked for. Answers an event's outcome. */
export async function show(kind, name, seq, said = "") {
  const turn = ++asked;
  let outcome = "";
  try {
    const parts = await {
      user: async () => person(name, await call("GET", `/v1/admin/users/${encodeURIComponent(name)}`)),
      channel: async () => channel(await call("GET", channelPath(name))),
      event: async () => {
        const answer = await call("GET", `${channelPath(name)}/events/${encodeURIComponent(seq)}`);
        outcome = answer.outcome;
        return story(answer);
      },
    }[kind]();
    if (turn !== asked) return "";
    $("found").replaceChildren(...parts);
    $("said").className = "";
    $("said").textContent = said;
    if (!said) $("found").focus();
    return outcome;
  } catch (error) {
    if (turn === asked) complain(error);
    return "";
  }
}

/** Publishes, and follows what was published. */
export async function test(name, type, data) {
  try {
    const { events } = await call("POST", "/v1/events", `{"channels":[${JSON.stringify(name)}],"type":${JSON.stringify(type)},"data":${JSON.stringify(JSON.parse(data))}}`);
    for (const wait of [300, 700, 1500, 3000]) { // it is on its way
      const turn = asked;
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      const open = turn === asked && ["no_stream", "behind", "unknown"].includes(await show("event", name, events[0].seq));
      if (!open) return;
    }
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  $("found").replaceChildren();
  $("said").className = "bad";
  $("said").textContent = error.message;
}

const facts = (...pairs) => h("dl", {}, pairs.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
const silence = (silent) => silent.map((name) => h("p", { className: "bad" }, t("noAnswerFrom", name)));

function streams(all) {
  if (!all.length) return h("p", {}, t("noStreams"));
  const place = (p) => `${p.channel} ${p.seq}${p.lag ? ` (${t("behind", p.lag)})` : ""}`;
  return table(t("streams"), ["state", "gateway", "since", "address", "position", "agent"].map((word) => t(word)), all.map((s) => [
    s.ended ? t("ended", time(s.ended), s.reason) : t("isOpen"), s.gateway, time(s.since), `${s.address ?? ""}${s.transport === "poll" ? " (poll)" : ""}`,
    s.places?.map(place).join(", ") ?? (s.ended ? "" : t("noBytes")), h("td", { className: "agent" }, s.agent ?? ""),
  ]));
}

function person(name, p) {
  const act = async (method, path, body) => {
    try {
      await call(method, path, body);
      await show("user", name, "", t("done"));
    } catch (error) {
      complain(error);
    }
  };
  const disconnect = h("button", { type: "button", id: "disconnect" }, t("disconnect"));
  disconnect.onclick = () => confirm(t("sure", name)) && act("POST", "/v1/admin/disconnect", JSON.stringify({ user: name }));
  const letIn = h("button", { type: "button", id: "let-in", className: "plain" }, t("letIn"));
  letIn.onclick = () => act("DELETE", `/v1/admin/users/${encodeURIComponent(name)}/revocation`);
  return [
    h("h3", {}, `${t("person")} ${p.subject}`),
    facts(
      [t("inbox"), p.channel], [t("unread"), t("ofHead", p.unread, p.head, p.read_up_to)],
      p.revocation && [t("lockedOut"), t("until", new Date(p.revocation.until).toLocaleString(document.documentElement.lang))],
    ),
    ...silence(p.silent),
    h("h3", {}, t("streams")), streams([...p.streams, ...p.ended]),
    h("div", { className: "actions" }, disconnect, p.revocation && letIn),
  ];
}

function channel(c) {
  const follow = (e) => {
    const button = h("button", { type: "button", className: "link" }, t("follow", e.seq));
    button.onclick = () => show("event", c.channel, e.seq);
    return button;
  };
  const policy = c.policy && Object.entries(c.policy).filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`).join(", ");
  return [
    h("h3", {}, `${t("channel")} ${c.channel}`),
    facts(
      [t("events"), t("range", c.floor + 1, c.head)], [t("epoch"), c.epoch], policy && [t("policy"), policy],
      [t("listeners"), c.held.map((held) => t("at", held.listeners, held.gateway)).join(", ") || "0"],
    ),
    ...silence(c.silent),
    h("h3", {}, t("events")),
    table(t("events"), ["event", "time", "type"].map((word) => t(word)), c.events.toReversed().map((e) => [follow(e), time(e.time), e.type])),
  ];
}

/** The picture: what happened one after the other, and what is missing. */
function story(s) {
  const box = (title, when, more, missing) => h("li", { className: missing ? "missing" : "" }, h("b", {}, `${missing ? "○" : "✓"} ${title}`), when && time(when), h("small", {}, more));
  const accepted = s.accepted.find((a) => a.epoch === s.epoch) ?? s.accepted[0];
  const handed = s.handed.filter((one) => one.epoch === s.epoch);
  const total = handed.reduce((sum, one) => sum + one.streams, 0);
  const first = handed.map((one) => one.first).filter(Boolean).sort()[0];
  const way = [
    accepted ? box(t("posted"), accepted.accepted, `${t("by", accepted.service)}, ${accepted.notifier}`) : box(t("posted"), null, t("notRemembered"), true),
    s.event ? box(t("committed"), accepted?.committed ?? s.event.time, `${s.channel} ${s.seq}`) : box(t("committed"), null, t("notWritten"), true),
    accepted?.announced ? box(t("announced"), accepted.announced, accepted.receivers != null ? t("toGateways", accepted.receivers) : "") : box(t("announced"), null, t("notAnnounced"), true),
    ...handed.map((one) => box(t("came", one.gateway), one.came, `${t("via", one.via)}, ${t("count", one.streams)}`)),
    total ? box(t("sockets"), first, t("count", total)) : box(t("sockets"), null, t("none"), true),
    s.read != null && (s.read ? box(t("read"), s.reads[0]?.at, s.reads[0]?.gateway ?? "") : box(t("read"), null, t("unreadYet"), true)),
  ];
  return [
    h("h3", {}, `${t("event")} ${s.channel} ${s.seq}`),
    h("p", { className: "why", lang: "en" }, s.why),
    h("ol", { className: "way" }, way),
    ...silence(s.silent),
    h("h3", {}, t("streams")), streams([...s.streams, ...s.ended]),
  ];
}
