// What an app may write: it has to be right by the declarations.
import "bellhop-client/bell";
import { type BellhopHandle, BellhopProvider, useBell, useEvent, useInbox, useView } from "bellhop-client/react";

function Page() {
  const { items, unread } = useInbox();
  const { client, status, markRead, loadMore, archive, markSeen, request }: BellhopHandle = useBell();
  const archived = useView({ archived: true });
  const back = () => [archived.view?.unarchive(archived.inbox.items.map(({ seq }) => seq)), archive([1]), markSeen(), request("GET", "/v1/inbox/unread").then(({ by_type }) => by_type)];
  useEvent<{ by: string }>("comment", ({ data }, { live }) => console.log(data.by, live));
  useEvent("bellhop.reset", ({ channel }) => console.log(channel));
  // @ts-expect-error: a listener is needed
  useEvent("comment");
  // @ts-expect-error: a snapshot
  items.push(items[0]);
  const more: Promise<number> = loadMore();
  return (
    <button onClick={() => markRead([1])} onBlur={back}>
      {unread} {status.state} {status.retryAt} {String(more)}
      <bellhop-bell client={client} theme="dark" badge="unseen" templates={{ comment: ({ data }) => ({ title: data.by }) }} />
      {/* @ts-expect-error: there is no such theme */}
      <bellhop-bell theme="pink" />
    </button>
  );
}

export const app = (
  <BellhopProvider url="https://bell.example.com" token={async ({ renew }) => (renew ? "another" : undefined)} channels={["topic:news"]}>
    <Page />
  </BellhopProvider>
);
// @ts-expect-error: there is no such language
export const wrong = <BellhopProvider transport="websocket" />;
