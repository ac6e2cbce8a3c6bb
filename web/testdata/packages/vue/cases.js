import { ref } from "vue";
import { app, seen } from "./views.js";

const requests = [];
const { fetch } = window;
window.fetch = (address, options) => {
  requests.push(new URL(address, location.href).pathname);
  return fetch(address, options);
};
const faults = [];
for (const level of ["warn", "error"]) console[level] = (...args) => faults.push(args.join(" "));
const inner = ref(false);
const vue = app({ token: async () => (await fetch("/token?user=cases")).text(), share: false }, inner);

Object.assign(window, {
  seen, requests, faults, inner,
  hydrate() { vue.mount("#app"); },
  unmount() { vue.unmount(); },
});
