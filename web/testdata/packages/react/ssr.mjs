import { renderToString } from "react-dom/server";
import { app, orphan, seen } from "./views.js";

console.log(renderToString(app({ token: () => "never asked for" })));
let fault = "";
try { renderToString(orphan); } catch (error) { fault = error.message; }
if (!fault.includes("no BellhopProvider")) throw new Error(`without a provider: ${fault}`);
if (seen.clients.size > 0) throw new Error("a client on a server");
