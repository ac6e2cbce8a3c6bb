// The console: follows the fleet by its stream, asks the API of operators, and shows what
// they say.

import { Bellhop } from "./bellhop.js";
import { showFleet } from "./fleet.js";
import { $ } from "./dom.js";
import { show, test } from "./found.js";
import { signIn, token } from "./api.js";
import { choose, t, time } from "./words.js";

let live; // the stream, while somebody sees the page
let last; // what it said

function watch() {
  live?.close();
  live = document.hidden ? null : new Bellhop({ url: new URL("live", location).href, channels: ["fleet:live"], inbox: false, share: false, transport: "fetch", token });
  live?.on("fleet", ({ data }) => showFleet(last = data));
  live?.on("bellhop.status", ({ state, httpStatus, reason }) => {
    const refused = httpStatus === 401 || httpStatus === 403;
    if (state === "live" || refused) $("sign-in").hidden = !refused;
    if (refused) live.close(); // until there is another key
    if (state === "closed" || state === "connecting") return;
    $("health").className = state === "live" ? "good" : "bad";
    const said = state === "live" ? `● ${t("live")}` : t("lost", reason ?? state);
    if ($("health").textContent !== said) $("health").textContent = said; // said once
  });
}

function speak(language) {
  choose(language);
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  if (last) showFleet(last);
}

$("language").value = choose();
$("language").addEventListener("change", (event) => speak(event.target.value));
speak($("language").value);
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(event.target.elements.key.value);
  event.target.reset();
  watch();
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
document.addEventListener("visibilitychange", watch);
document.body.dataset.ready = time(new Date());
watch();
