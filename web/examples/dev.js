// What both examples need to run beside a gateway on this machine: the page's requests
// are passed on to it, and a login that believes everybody. Yours is in your backend.
import { createHmac } from "node:crypto";

const gateway = process.env.BELLHOP_URL ?? "http://127.0.0.1:8080";

function token(user) {
  const secret = process.env.BELLHOP_JWT_SECRET;
  if (!secret) throw new Error("export BELLHOP_JWT_SECRET, the one that the gateway has");
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: user, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

function login(server) {
  server.middlewares.use("/token", (request, response) => {
    response.end(token(new URL(request.url, "http://localhost").searchParams.get("user") || "mina"));
  });
}

export const backend = {
  name: "bellhop-backend",
  config: () => ({ server: { proxy: { "/v1": gateway } } }), // the preview's as well
  configureServer: login,
  configurePreviewServer: login,
};
