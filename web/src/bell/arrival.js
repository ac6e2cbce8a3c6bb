// Events of the inbox, as they happen.

/**
 * onArrival calls act for each event that arrives in the inbox as it happens; returns how to stop that.
 *
 * @param {import("../../bellhop.d.ts").Bellhop} client
 * @param {(event: any) => void} act
 */
export function onArrival(client, act) {
  return client.on("*", (event, { live }) => { if (live && event.channel.startsWith("user:")) act(event); });
}

/** goneBy returns which events an inbox no longer has as unread: they were read or removed, in any tab. */
export function goneBy({ items, unread: count }) {
  const unread = new Set(items.filter(({ read }) => !read).map(({ seq }) => seq));
  const newest = count === 0 ? Infinity : items[0]?.seq ?? 0; // the list may not have what has just come
  return (seq) => seq <= newest && !unread.has(seq);
}
