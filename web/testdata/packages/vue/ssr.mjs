import { createSSRApp } from "vue";
import { renderToString } from "vue/server-renderer";
import { app, orphan, seen } from "./views.js";

console.log(await renderToString(app({ token: () => "never asked for" })));
console.warn = () => {};
const fault = await renderToString(createSSRApp(orphan)).then(() => "", (error) => error.message);
if (!fault.includes("createBellhop(options)")) throw new Error(`without a plugin: ${fault}`);
if (seen.clients.size > 0) throw new Error("a client on a server");
