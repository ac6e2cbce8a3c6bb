// What an app may write: it has to be right by the declarations.
import "bellhop-client/bell";
import { type BellhopHandle, BellhopProvider, useBell, useEvent, useInbox } from "bellhop-client/react";

function Page() {
  const { items, unread } = useInbox();
  const { client, status, markRead, loadMore }: BellhopHandle = useBell();
  useEvent<{ by: string }>("comment", ({ data }, { live }) => console.log(data.by, live));
  useEvent("bellhop.reset", ({ channel }) => console.log(channel));
  // @ts-expect-error: a listener is needed
  useEvent("comment");
  // @ts-expect-error: a snapshot
  items.push(items[0]);
  const more: Promise<number> = loadMore();
  return (
    <button onClick={() => markRead([1])}>
      {unread} {status.state} {status.retryAt} {String(more)}
      <bellhop-bell client={client} theme="dark" templates={{ comment: ({ data }) => ({ title: data.by }) }} />
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
