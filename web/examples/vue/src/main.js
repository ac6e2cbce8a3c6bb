import { createApp } from "vue";
import { createBellhop } from "bellhop-client/vue";
import App from "./App.vue";

const user = new URLSearchParams(location.search).get("user") ?? "mina";

createApp(App)
  // `url` is left out: the gateway is at the page's own address.
  .use(createBellhop({ token: async () => (await fetch(`/token?user=${user}`)).text() }))
  .mount("#app");
