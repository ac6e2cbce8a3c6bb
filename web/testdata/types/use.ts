// What a page may write: it has to be right by the declarations.
import { Bellhop, BellhopError, type BellhopInbox, type BellhopItem, type BellhopStatus } from "../../bellhop";
import { type BellhopView, tidy, view } from "../../bellhop-tidy";
import "../../bellhop-bell";

const bellhop = new Bellhop({
  url: "https://bell.example.com",
  token: async ({ renew }) => (renew ? "another" : undefined),
  channels: ["topic:news"],
});
const off: () => void = bellhop.on<{ by: string }>("comment", (event, meta) => {
  const by: string = event.data.by;
  const live: boolean = meta.live;
  console.log(by, live, event.seq + 1);
});
off();
bellhop.on("*", (event) => {
  // @ts-expect-error: nobody knows what an event of any type has
  console.log(event.data.by);
});
bellhop.on("bellhop.status", (status: BellhopStatus) => console.log(status.state, status.retryAt));
bellhop.on("bellhop.inbox", (inbox: BellhopInbox) => console.log(inbox.unread, inbox.hasMore));
bellhop.markRead().catch((error: BellhopError) => console.log(error.retryAfter, error.final));
void [bellhop.markRead(3), bellhop.markRead([1, 2]), bellhop.markUnread([1]), bellhop.remove(1), bellhop.archive([1]), bellhop.unarchive([1]), bellhop.markSeen(), bellhop.markSeen(3), bellhop.loadMore()];
void bellhop.request("PUT", "/v1/inbox/preferences", { muted: ["like"] }).then(({ muted }) => muted);
const part: BellhopView = view(bellhop, { types: ["comment"], archived: true }, ({ items }) => console.log(items.length));
void [part.archive([1]), part.unarchive([1]), part.markRead([1]), part.loadMore(), part.inbox.hasMore];
// @ts-expect-error: of a part only single ones
void part.markRead();
bellhop.on("bellhop.change", ({ change, muted }) => console.log(change, muted?.length));
part.close();
const items: readonly BellhopItem[] = bellhop.items;
// @ts-expect-error: a snapshot
items.push(items[0]);

const bell = document.querySelector("bellhop-bell")!;
bell.client = bellhop;
bell.templates = { comment: ({ data }) => ({ title: data.by, href: "/" }), other: () => document.createElement("p") };
bell.texts = { title: "Post", archive: "File away" };
const untidy: () => void = tidy(bell, { tabs: [{ label: "Comments", types: ["comment"] }], archive: true, mute: { comment: "Comments" } });
untidy();
bell.addEventListener("bellhop-item", (event) => console.log(event.detail.seq));
bell.addEventListener("click", () => bell.toggle());
// @ts-expect-error: there is no such language
new Bellhop({ transport: "websocket" });
