import { createSSRApp, h, ref } from "vue";
import { createBellhop, provideBellhop, useBell, useEvent, useInbox, useView } from "bellhop-client/vue";
import "bellhop-client/bell";

export const seen = { clients: new Set(), events: [] };

const Page = {
  setup() {
    const inbox = useInbox();
    const { client, status } = useBell();
    const shown = ref(0);
    const { inbox: notes } = useView({ types: ["note"] });
    useEvent("note", ({ seq }) => {
      seen.events.push([seq, shown.value]);
      shown.value = seq;
    });
    return () => {
      if (client.value) seen.clients.add(client.value);
      seen.notes = notes.value.items.map(({ seq }) => seq);
      return h("p", [`${inbox.value.unread} ${inbox.value.loading} ${status.value.state} ${shown.value}`, h("bellhop-bell", { client: client.value })]);
    };
  },
};

export const orphan = Page;

/** app has a client by the plugin, and one by a component that is there while inner.value says so. */
export function app(options, inner = ref(false)) {
  const Inner = { setup() { provideBellhop({ ...options, pageSize: 5 }); return () => h(Page); } };
  return createSSRApp({ setup: () => () => h("div", [h(Page), inner.value && h(Inner)]) }).use(createBellhop(options));
}
