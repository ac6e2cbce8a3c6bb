// A raffle: its chart moves with every ticket, wherever it is open and whoever
// looks. The channel keeps its newest event for those who come later.
import { api } from "../api.js";
import { watch } from "../bell.js";
import { fill, h, later } from "../dom.js";
import { field, form } from "../form.js";
import { percent, said, t } from "../language.js";
import { face, isMe, nameOf } from "../people.js";
import { glyph, scene } from "../pictures.js";
import { session } from "../session.js";
import { announce } from "../shell.js";
import { Chart } from "./chart.js";

export async function raffle(id = "") {
  const { raffles } = await api.get("raffles");
  const wanted = id ? Number(id) : (raffles.find((r) => !r.winner) ?? raffles[0])?.id;
  const table = wanted && await open(wanted);
  const list = h("ul");
  const show = (listed) => fill(list, listed.map((r) => entry(r, wanted)));
  show(raffles);
  const again = async () => show((await api.get("raffles")).raffles);
  const unwatch = watch(["topic:raffles"], { "raffles.changed": later(again, 150), "bellhop.reset": again });
  return {
    system: "raffle",
    title: t("raffle"),
    leave: () => {
      table?.leave();
      unwatch();
    },
    node: h("section", { class: "page" },
      h("header", { class: "page-head" }, h("div", {}, h("h1", {}, t("raffleTitle")), h("p", { class: "lead" }, t("raffleHint")))),
      table?.node,
      h("div", { class: "raffle-end" },
        h("nav", { class: "card all-raffles", "aria-label": t("otherRaffles") }, h("h2", {}, t("otherRaffles")), list),
        session.person && offer())),
  };
}

async function open(id) {
  let game;
  const early = [];
  const leave = watch([`raffle:${id}`], {
    probability: (e) => (game ? game.moved(e.data) : early.push(e.data)),
    winner: (e) => game?.ended(e.data.winner),
    "bellhop.reset": () => game?.load(),
  });
  try {
    game = new Game(id);
    await game.load();
    early.forEach((p) => game.moved(p));
    return { node: game.node, leave };
  } catch (error) {
    leave();
    throw error;
  }
}

class Game {
  #id;
  #own = 0;
  #limit = 0;
  #tickets = 0;
  #chart = new Chart();
  #chance = h("strong", { id: "chance" });
  #yours = h("strong", { id: "your-chance" });
  #counts = h("p", { class: "counts-line", id: "counts" });
  #ownCount = h("span", { class: "own" });
  #result = h("div", { class: "result", hidden: true, role: "status", id: "winner" });
  #buttons;
  #prize = h("div", { class: "prize" });

  constructor(id) {
    this.#id = id;
    this.#buttons = h("p", { class: "raffle-buttons" },
      this.#button("draw-ticket", "primary big", t("drawTicket"), () => this.#draw()),
      session.person && this.#button("crowd", "quiet", t("inviteGuests"), async () => {
        await api.post(`raffles/${id}/crowd`);
        announce(t("guestsComing"));
      }),
      session.person && this.#button("draw", "quiet", t("draw"), async () => {
        const { winner } = await api.post(`raffles/${id}/draw`);
        this.ended(winner);
      }));
    this.node = h("div", { class: "raffle", "data-raffle": id },
      h("section", { class: "card stage" },
        this.#prize, this.#result,
        h("div", { class: "numbers" },
          h("p", {}, h("span", { class: "key key-chance" }, t("chance")), this.#chance),
          h("p", {}, h("span", { class: "key key-own" }, t("yourChance")), this.#yours, this.#ownCount)),
        this.#buttons,
        this.#error = h("p", { class: "error", role: "alert", hidden: true })),
      h("section", { class: "card board" }, this.#chart.node, this.#counts,
        h("p", { class: "visitors" }, t("visitors"), h("code", {}, `curl -N ${location.origin}/api/v1/raffle/${id}/subscribe`))));
  }
  #error;

  #button(id, kind, label, act) {
    return h("button", { type: "button", class: kind, id, onclick: async (e) => {
      const button = e.currentTarget;
      button.disabled = true;
      this.#error.hidden = true;
      try {
        await act();
      } catch (error) {
        this.#error.textContent = t("failed", error.message);
        this.#error.hidden = false;
      } finally {
        button.disabled = false;
      }
    } }, label);
  }

  async load() {
    const { raffle: r, history, own, limit } = await api.get(`raffles/${this.#id}`);
    this.#own = own;
    this.#limit = limit;
    fill(this.#prize, scene("raffle"),
      h("div", {}, h("p", { class: "hint" }, t("prize")), h("h2", {}, said(r.prize)),
        h("p", { class: "meta" }, face(r.host, "small"), h("span", {}, t("hostedBy", nameOf(r.host))))));
    this.#chart.begin(history);
    this.#show(r.tickets, r.people);
    if (r.winner) this.ended(r.winner);
  }

  /** moved takes a ticket that was drawn somewhere. One that is known already changes nothing. */
  moved({ tickets, people, at }) {
    if (tickets <= this.#tickets) return;
    this.#chart.add({ tickets, own: this.#own, at });
    this.#show(tickets, people);
  }

  async #draw() {
    const answer = await api.post(`raffles/${this.#id}/participate`);
    if (session.person) this.#own = answer.own;
    else announce(t("drawnAsGuest", answer.person));
    this.moved(answer);
    this.#chart.own(this.#own); // the stream may have been faster than the answer
    this.#show(Math.max(this.#tickets, answer.tickets), answer.people);
  }

  #show(tickets, people) {
    this.#tickets = tickets;
    this.#chance.textContent = percent(1 / Math.max(1, tickets));
    this.#yours.textContent = percent(this.#own / Math.max(1, tickets));
    this.#ownCount.textContent = session.person ? t("yourTickets", this.#own, this.#limit) : "";
    this.#counts.textContent = `${t("tickets")} ${tickets} · ${t("people")} ${people}`;
  }

  ended(winner) {
    if (!this.#result.hidden) return;
    this.#buttons.hidden = true;
    this.#result.hidden = false;
    fill(this.#result,
      h("span", { class: "burst", "aria-hidden": "true" }, Array.from({ length: 12 }, (_, i) => h("i", { vars: { n: i } }))),
      face(winner, "huge"), h("p", {}, isMe(winner) ? t("youWon") : t("winner")), h("h2", {}, nameOf(winner)));
  }
}

function entry(r, current) {
  return h("li", {}, h("a", { href: `#/raffle/${r.id}`, "aria-current": r.id === current && "page" },
    h("span", {}, said(r.prize)), r.winner ? h("span", { class: "tag" }, t("over"), " · ", nameOf(r.winner)) : h("span", { class: "tag tag-popular" }, t("running"))));
}

function offer() {
  return h("details", { class: "card writer" },
    h("summary", {}, glyph("pen"), t("nextRaffle")),
    form({ id: "new-raffle" }, async ({ prize }) => {
      const { id } = await api.post("raffles", { prize });
      location.hash = `#/raffle/${id}`;
    },
      field(t("prize"), h("input", { name: "prize", required: true, maxlength: 120, autocomplete: "off", placeholder: t("prizeHint") })),
      h("button", { class: "primary" }, t("offer"))));
}
