import { StrictMode, createElement as h } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { app, seen } from "./views.js";

const requests = [];
const { fetch } = window;
window.fetch = (address, options) => {
  requests.push(new URL(address, location.href).pathname);
  return fetch(address, options);
};
const faults = [];
console.error = (...args) => faults.push(args.join(" "));
const options = (more) => ({ token: async () => (await fetch("/token?user=cases")).text(), share: false, ...more });
const strict = (more) => h(StrictMode, null, app(options(more)));
let root;

Object.assign(window, {
  seen, requests, faults,
  hydrate() {
    root = hydrateRoot(document.querySelector("#app"), strict(), { onRecoverableError: (error) => faults.push(error.message) });
  },
  render(more) { root.render(strict(more)); },
  unmount() { root.unmount(); },
  mount() {
    root = createRoot(document.querySelector("#app"));
    root.render(strict());
  },
});
