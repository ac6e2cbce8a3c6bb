// What React Native has of a browser: no streams, no EventSource, no document, no tabs.
export const streaming = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const response = await streaming(url, options);
  const { status, ok, headers } = response;
  const text = () => response.text();
  return { status, ok, headers, text, json: async () => JSON.parse(await text()) };
};
for (const name of ["window", "document", "EventSource", "BroadcastChannel"]) delete globalThis[name];
export const AppState = { addEventListener: () => ({ remove() {} }) };
