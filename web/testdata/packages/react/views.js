import { createElement as h, useEffect, useState } from "react";
import { BellhopProvider, useBell, useEvent, useInbox, useView } from "bellhop-client/react";
import "bellhop-client/bell";

export const seen = { clients: new Set(), events: [], faults: [] };

function Page() {
  const { unread, loading } = useInbox();
  const { client, status, refresh } = useBell();
  const [shown, show] = useState(0);
  if (client) seen.clients.add(client);
  seen.notes = useView({ types: ["note"] }).inbox.items.map(({ seq }) => seq);
  useEvent("note", ({ seq }) => { // another function at each render
    seen.events.push([seq, shown]);
    show(seq);
  });
  useEffect(() => { // of the first render, before which no client was there
    try { refresh().catch(() => {}); } catch (error) { seen.faults.push(error.message); }
  }, [refresh]);
  return h("p", null, `${unread} ${loading} ${status.state} ${shown}`, h("bellhop-bell", { client }));
}

export const app = (options) => h(BellhopProvider, options, h(Page));
export const orphan = h(Page);
