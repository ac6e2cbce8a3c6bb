// The project board, with the stream and the database beside it.
import { api } from "../api.js";
import { bell, watch } from "../bell.js";
import { fill, h, later } from "../dom.js";
import { field, form } from "../form.js";
import { ago, said, t } from "../language.js";
import { face, isMe, nameOf } from "../people.js";
import { glyph } from "../pictures.js";
import { session } from "../session.js";
import { machinery } from "./machinery.js";

export async function study() {
  const list = h("ul", { class: "projects" });
  const forms = new Map(); // by project: what somebody writes outlives a new list
  const load = async () => {
    const [{ projects }, { applications }] = await Promise.all([
      api.get("projects"), session.person ? api.get("applications") : { applications: [] },
    ]);
    const writing = document.activeElement;
    fill(list, projects.map((p) => project(p, applications.filter((a) => a.project === p.id), load, forms)));
    if (list.contains(writing)) writing.focus();
  };
  await load();
  const soon = later(load, 150);
  const ofStudy = new Set(["application", "accepted", "refused"]);
  const arrived = ({ detail }) => { if (ofStudy.has(detail.event.type)) soon(); };
  bell.addEventListener("event", arrived);
  const unwatch = watch(["topic:study"], { "study.seats": soon, "bellhop.reset": soon });
  const side = machinery();
  return {
    system: "study",
    title: t("study"),
    leave: () => {
      bell.removeEventListener("event", arrived);
      unwatch();
      side.leave();
    },
    node: h("section", { class: "page" },
      h("header", { class: "page-head" }, h("div", {}, h("h1", {}, t("studyTitle")), h("p", { class: "lead" }, t("studyLead")))),
      h("div", { class: "study" },
        h("div", {}, session.person ? proposer(load) : h("p", { class: "hint" }, h("a", { href: "#/" }, t("signInFirst"))), list),
        side.node)),
  };
}

function proposer(load) {
  const box = h("details", { class: "card writer" },
    h("summary", {}, glyph("pen"), t("newProject")),
    form({ id: "new-project" }, async ({ title, text, seats }, element) => {
      await api.post("projects", { title, text, seats: Number(seats) });
      element.reset();
      box.open = false;
      await load();
    },
      field(t("title"), h("input", { name: "title", required: true, maxlength: 120, autocomplete: "off" })),
      field(t("text"), h("textarea", { name: "text", required: true, maxlength: 1000, rows: 3 })),
      field(t("seats"), h("input", { name: "seats", type: "number", min: 1, max: 20, value: 3, required: true })),
      h("button", { class: "primary" }, t("propose"))));
  return box;
}

function project(p, applications, load, forms) {
  return h("li", { class: "card project", "data-project": p.id },
    h("header", {},
      h("h2", {}, said(p.title)),
      h("p", { class: "meta" }, face(p.owner, "small"), h("span", {}, nameOf(p.owner)), h("span", {}, ago(p.created_at)))),
    h("p", { class: "said" }, said(p.body)),
    seats(p),
    isMe(p.owner) ? owned(applications, load) : session.person && applicant(p, applications[0], load, forms));
}

function seats({ seats: all, taken }) {
  return h("p", { class: "seats" },
    h("span", { class: "chairs", "aria-hidden": "true" }, Array.from({ length: all }, (_, i) => h("i", { class: i < taken ? "taken" : "" }))),
    h("span", {}, t("seatsTaken", taken, all)), taken >= all && h("span", { class: "tag" }, t("full")));
}

function owned(applications, load) {
  const decide = (a, accept) => async (e) => {
    e.target.disabled = true;
    await api.post(`applications/${a.id}/decision`, { accept }).catch(() => {}); // the list says how it stands
    await load();
  };
  return h("section", { class: "applications" },
    h("h3", {}, t("applications"), h("span", { class: "tag" }, String(applications.length))),
    h("ul", {}, applications.map((a) => h("li", { "data-application": a.id },
      face(a.applicant, "small"), h("div", {}, h("strong", {}, nameOf(a.applicant)), h("p", {}, said(a.message))),
      a.state === "waiting"
        ? h("p", { class: "decide" },
          h("button", { type: "button", class: "primary small accept", onclick: decide(a, true) }, t("accept")),
          h("button", { type: "button", class: "quiet refuse", onclick: decide(a, false) }, t("refuse")))
        : h("span", { class: `tag tag-${a.state}` }, t(a.state === "accepted" ? "stateAccepted" : "stateRefused"))))));
}

function applicant(p, application, load, forms) {
  if (application) {
    forms.delete(p.id);
    const text = { waiting: "applied", accepted: "accepted", refused: "refused" }[application.state];
    return h("p", { class: `answer answer-${application.state}`, role: "status" }, t(text));
  }
  if (p.taken >= p.seats) return null;
  if (!forms.has(p.id)) forms.set(p.id, applying(p, load));
  return forms.get(p.id);
}

function applying(p, load) {
  return form({ class: "apply" }, async ({ text }) => {
    await api.post(`projects/${p.id}/applications`, { text });
    await load();
  },
    h("input", { name: "text", required: true, maxlength: 500, autocomplete: "off", "aria-label": t("whyYou"), placeholder: t("whyYou") }),
    h("button", { class: "primary" }, t("apply")));
}
