import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BellhopProvider } from "bellhop-client/react";
import { App } from "./App.jsx";

const user = new URLSearchParams(location.search).get("user") ?? "mina";

createRoot(document.querySelector("#app")).render(
  <StrictMode>
    {/* Another user is another client. `url` is left out: the gateway is at the page's own address. */}
    <BellhopProvider user={user} token={async () => (await fetch(`/token?user=${user}`)).text()}>
      <App />
    </BellhopProvider>
  </StrictMode>,
);
