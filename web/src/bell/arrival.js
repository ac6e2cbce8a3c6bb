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
