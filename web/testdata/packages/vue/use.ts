// What an app may write: it has to be right by the declarations.
import "bellhop-client/bell";
import { type BellhopHandle, createBellhop, provideBellhop, useBell, useEvent, useInbox, useView } from "bellhop-client/vue";
import { createApp, defineComponent } from "vue";

const Page = defineComponent({
  setup() {
    const inbox = useInbox();
    const { client, status, markRead, loadMore, archive, markSeen, request }: BellhopHandle = useBell();
    const { inbox: comments, view } = useView({ types: ["comment"] });
    const back = () => [view.value?.archive(comments.value.items.map(({ seq }) => seq)), archive([1]), markSeen(), request("GET", "/v1/inbox/unread").then(({ by_type }) => by_type)];
    useEvent<{ by: string }>("comment", ({ data }, { live }) => console.log(data.by, live));
    useEvent("bellhop.reset", ({ channel }) => console.log(channel));
    // @ts-expect-error: a listener is needed
    useEvent("comment");
    // @ts-expect-error: a snapshot
    inbox.value.items.push(inbox.value.items[0]);
    // @ts-expect-error: it is the client's to set
    status.value = { state: "live" };
    const more: Promise<number> = loadMore();
    return () => [inbox.value.unread, status.value.state, client.value?.cursor, markRead([1]), more, back];
  },
});
createApp(Page).use(createBellhop({ url: "https://bell.example.com", token: async ({ renew }) => (renew ? "another" : undefined) }));
defineComponent({ setup: () => provideBellhop({ channels: ["topic:news"] }) });
// @ts-expect-error: there is no such language
createBellhop({ transport: "websocket" });
