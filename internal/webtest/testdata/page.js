// A page for tests: it connects as the query says and keeps what it is told.
import { Bellhop } from "/bellhop.js";
import "/bellhop-bell.js";

const query = new URLSearchParams(location.search);
const user = query.get("user");

const seen = { events: [], states: [], resets: 0, renewals: 0, clicked: [], kept: 0 };

async function token({ renew }) {
  if (renew) seen.renewals++;
  const response = await fetch(`/token?${new URLSearchParams({ user, life: query.get("life") ?? "" })}`);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.text();
}

if (query.has("cookie")) {
  const headers = { Authorization: `Bearer ${await token({ renew: false })}` };
  await fetch("/v1/session", { method: "POST", headers });
}

const client = new Bellhop({
  token: query.has("cookie") ? undefined : token,
  channels: query.getAll("channel"),
  transport: query.get("transport") ?? "auto",
  pageSize: Number(query.get("page") ?? 20),
  heartbeat: 1000,
});
client.on("*", ({ seq }, { live }) => seen.events.push({ seq, live }));
client.on("bellhop.status", ({ state, reason }) => seen.states.push(reason ? `${state}: ${reason}` : state));
client.on("bellhop.reset", () => seen.resets++);

const bell = document.querySelector("bellhop-bell");
bell.client = client;
bell.addEventListener("bellhop-item", (event) => {
  seen.clicked.push(event.detail.seq);
  event.preventDefault();
});

Object.assign(window, { client, seen, bell });

addEventListener("pageshow", ({ persisted }) => { if (persisted) seen.kept++; });

// Whatever a page asks for as it begins, it has asked for by now.
if (document.prerendering) setTimeout(() => fetch("/token?user=ahead"), 500);
