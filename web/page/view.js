// What the page shows. Nothing here talks to the server, and all that comes
// from there is set as text, never as markup.
const $ = (id) => document.getElementById(id);

const MOST_EVENTS = 100;
const MOST_BLOCKS = 30;

let unread = 0;
let received = 0;
let blocks = [];

export function signInError(text) {
  $("sign-in-error").textContent = text;
  $("sign-in-error").hidden = text === "";
}

export function signedIn(user) {
  unread = received = 0;
  blocks = [];
  $("events").replaceChildren();
  $("wire").textContent = "";
  $("received").textContent = "0";
  $("latency").textContent = "not measured";
  $("user").textContent = user;
  $("avatar").textContent = user[0];
  $("to").value = user;
  document.title = `${user} · Bellhop`;
  document.body.dataset.view = "signed-in";
  showCount();
  $("text").focus();
}

export function signedOut() {
  document.body.dataset.view = "signed-out";
  document.title = "Bellhop";
  state({ name: "off", text: "Not connected", wanted: false });
  $("name").focus();
}

export function state({ name, text, wanted }) {
  $("state").dataset.state = name;
  $("state").textContent = text;
  $("away").textContent = wanted ? "Step away" : "Come back";
  if (name === "live") $("opened").textContent = new Date().toLocaleTimeString();
}

// note shows an event. One that is live has just been sent; any other one was
// waiting in the log.
export function note({ event, live, missed }) {
  const item = $("event").content.firstElementChild.cloneNode(true);
  const from = String(event.data.from ?? "somebody");
  item.querySelector(".avatar").textContent = from[0] ?? "?";
  item.querySelector(".text").textContent = String(event.data.text ?? JSON.stringify(event.data));
  item.querySelector(".from").textContent = from;
  item.querySelector(".seq").textContent = `#${event.seq}`;
  const time = item.querySelector("time");
  time.dateTime = event.time;
  time.textContent = new Date(event.time).toLocaleTimeString();
  received += 1;
  $("received").textContent = String(received);
  if (live) {
    const took = Date.now() - Date.parse(event.time);
    $("latency").textContent = `${Math.max(0, took)} ms`;
    item.classList.add("fresh");
    ring();
  }
  item.classList.toggle("missed", missed);
  add(item);
}

// reset shows that events can't be replayed any more.
export function reset({ from, to }) {
  const item = $("event").content.firstElementChild.cloneNode(true);
  const which = from === null || to === null ? "Some events" : `Events ${from} to ${to}`;
  item.classList.add("notice");
  item.querySelector(".avatar").textContent = "!";
  item.querySelector(".text").textContent = `${which} can no longer be replayed.`;
  item.querySelector(".meta").remove();
  add(item);
}

// block shows a block of the stream as it stood on the wire.
export function block({ type, data, id }) {
  if (id) $("cursor").textContent = id;
  blocks.unshift(`event: ${type}\ndata: ${data}\nid: ${id}\n`);
  blocks = blocks.slice(0, MOST_BLOCKS);
  $("wire").textContent = blocks.join("\n");
}

export function sent(to, seq, took) {
  $("send-result").textContent = `Kept as #${seq} of ${to}’s inbox after ${Math.round(took)} ms.`;
  $("send-result").classList.remove("error");
}

export function notSent(reason) {
  $("send-result").textContent = `Not sent: ${reason}`;
  $("send-result").classList.add("error");
}

function add(item) {
  const list = $("events");
  list.prepend(item);
  while (list.children.length > MOST_EVENTS) list.lastElementChild.remove();
}

function ring() {
  const bell = $("bell");
  bell.classList.remove("ringing");
  void bell.getBoundingClientRect(); // so that the animation starts anew
  bell.classList.add("ringing");
  if (document.hidden) {
    unread += 1;
    showCount();
  }
}

function showCount() {
  $("count").textContent = String(unread);
  $("count").hidden = unread === 0;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  showCount();
});
