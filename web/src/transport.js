// The ways to get a stream. All report to the same handlers, call `end` exactly once
// unless they are closed, and call nothing after close.

import { Parser } from "./parser.js";
import { bodies, problem, uncached } from "./api.js";

/**
 * How a stream ended.
 *
 * @typedef {object} End
 * @property {"end" | "broken" | "status"} how  end: in order; broken: the network, or a
 *   server that died; status: there was no stream
 * @property {number} [status]      of the response, where there was one
 * @property {string} [reason]
 * @property {number} [retryAfter]  ms
 * @property {boolean} [final]      another try would be answered the same
 * @property {string} [code]        the gateway's word for the rule that was broken
 * @property {boolean} [silent]     nothing came, or no more
 * @property {boolean} [never]      this way can't work here
 * @property {boolean} [more]       that was a poll, and the next one goes on from it
 */

/**
 * @typedef {object} Handlers
 * @property {() => void} activity  bytes came
 * @property {(block: import("./parser.js").Block) => void} block
 * @property {(id: string) => void} id
 * @property {(ms: number) => void} retry
 * @property {(end: End) => void} end
 */

/**
 * @typedef {object} Target
 * @property {string} url     of the stream, without a cursor
 * @property {string} cursor  "" for none
 * @property {string} token   "" for none
 * @property {RequestCredentials} credentials  whether cookies go along
 * @property {number} [wait]  a poll, which ends after so long or when it has said something, in s
 * @property {number} [heartbeat]  another one than the gateway's, in s
 */

/**
 * streams tells whether this environment's fetch can read a response as it comes. Of
 * one that the page has brought we see.
 */
export function streams(/** @type {any} */ env) {
  return Boolean(env.fetch && env.TextDecoder && (env.ownFetch || (env.ReadableStream && bodies(env))));
}

/**
 * openFetch opens a stream by fetch, which sends headers, sees statuses and shows
 * comments as activity; or polls, whose answers are read when they have ended.
 *
 * @param {Target} target
 * @param {Handlers} handlers
 * @param {{fetch: typeof fetch, now: () => number}} env
 * @returns {() => void} close
 */
export function openFetch({ url, cursor, token, credentials, wait, heartbeat }, handlers, env) {
  const abort = new AbortController();
  let closed = false;
  const headers = { Accept: "text/event-stream" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (cursor) headers["Last-Event-ID"] = cursor;

  const run = async () => {
    const response = await env.fetch(`${url}${wait ? `&wait=${wait}` : ""}${heartbeat ? `&heartbeat=${heartbeat}` : ""}`, {
      headers, signal: abort.signal, ...uncached(env), credentials,
    });
    if (response.status !== 200) return refusal(response, env);
    if (!/^text\/event-stream(;|$)/i.test(response.headers.get("Content-Type") ?? "")) {
      // A captive portal, say. Whatever it is, it is not the gateway.
      return { how: "broken", status: 200, reason: "the answer is no stream" };
    }
    if (!wait && !response.body?.getReader) return { how: "broken", never: true, reason: "fetch does not stream" };
    const open = (name) => (said) => { if (!closed) handlers[name](said); };
    const parser = new Parser({ block: open("block"), id: open("id"), retry: open("retry") }, cursor);
    if (wait) {
      const text = await response.text();
      if (!closed) parser.read(text);
      return { how: "end", more: true };
    }
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || closed) return { how: "end" };
      handlers.activity();
      parser.push(value);
    }
  };
  run()
    .catch((error) => ({ how: "broken", reason: error?.message ?? String(error) }))
    .then((end) => {
      if (closed) return;
      closed = true;
      abort.abort(); // a response that is not read to its end holds its connection
      handlers.end(/** @type {End} */ (end));
    });
  return () => {
    closed = true;
    abort.abort();
  };
}

async function refusal(response, env) {
  const error = await problem(response, env);
  return { how: "status", reason: error.message, ...error };
}

/** What the gateway says of itself; EventSource has to be told each name. */
const NOTICES = ["ready", "reset", "read", "refused", "expired", "drain", "ping"].map((name) => `bellhop.${name}`);

/** Where a refusal does not say when to come back: what gateways mean then, in ms. */
const REFUSED_LEAST = 30_000;
const REFUSED_SPAN = 60_000;

/**
 * openEventSource opens a stream by the browser's own EventSource, with cookies. It
 * is closed at its first error: by itself it would reconnect without a limit or
 * chance, or not at all, and never say why. If it never opened, fetch is told why.
 *
 * @param {Target} target
 * @param {Handlers} handlers
 * @param {{EventSource: typeof EventSource, random: () => number, fetch: typeof fetch, now: () => number}} env
 * @returns {() => void} close
 */
export function openEventSource({ url, cursor, token, credentials }, handlers, env) {
  // Published events without their names, so that one listener gets them all, and
  // heartbeats that a script can see.
  const address = `${url}&events=message&heartbeat=event${cursor && `&lastEventId=${encodeURIComponent(cursor)}`}`;
  if (token) credentials = "include"; // which is in a cookie by now
  const source = new env.EventSource(address, { withCredentials: credentials === "include" });
  const abort = new AbortController();
  let opened;
  source.onopen = () => { opened = true; };
  const take = (event) => {
    handlers.activity();
    // EventSource keeps retry lines to itself.
    if (event.type === "bellhop.refused") handlers.retry(JSON.parse(event.data).retry ?? REFUSED_LEAST + env.random() * REFUSED_SPAN);
    handlers.block({ type: event.type, data: event.data, id: event.lastEventId || cursor });
    if (event.lastEventId) handlers.id(event.lastEventId);
  };
  source.onmessage = take;
  for (const name of NOTICES) source.addEventListener(name, take);
  source.onerror = async () => {
    source.close();
    /** @type {any} */
    let end = opened ? { how: "end" } : { how: "broken", reason: "EventSource failed" };
    if (!opened) {
      const response = await env.fetch?.(address, { signal: abort.signal, ...uncached(env), credentials }).catch(() => {});
      if (response && response.status !== 200) end = await refusal(response, env);
    }
    if (abort.signal.aborted) return;
    abort.abort();
    handlers.end(end);
  };
  return () => {
    source.close();
    abort.abort();
  };
}
