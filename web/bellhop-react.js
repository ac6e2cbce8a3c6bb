// Bellhop for React: https://github.com/bellhop/bellhop
// The client is made when the page is there, so a server may render all of this.

import { createContext, createElement, useCallback, useContext, useEffect, useLayoutEffect, useMemo, useState, useSyncExternalStore } from "react";
import { view as viewOf } from "./bellhop-tidy.js";
import { Bellhop } from "./bellhop.js";

const Context = createContext(null);

/** A server has no layout, and React 18 warns of such effects there. */
const useBrowserEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

/** What is known while there is no client: on a server, and in the first render of a page. */
const EMPTY = Object.freeze({ items: Object.freeze([]), unread: 0, hasMore: false, loading: true, loaded: false });
const CONNECTING = Object.freeze({ state: "connecting" });

const ACTIONS = [
  "markRead", "markUnread", "remove", "archive", "unarchive", "markSeen", "request", "loadMore", "refresh", "reconnect",
];

/** Options that are functions. Pages write them in place, so each render has others. */
const FUNCTIONS = ["token", "parse", "fetch", "EventSource"];

/**
 * BellhopProvider has a client for what is in it. An effect makes it, and closes it; in
 * StrictMode the first one is closed before it has asked for anything.
 */
export function BellhopProvider({ children, ...options }) {
  const [client, setClient] = useState(null);
  const [held] = useState(() => ({ client: null, options })); // the newest, for what is called later
  const [actions] = useState(() => Object.fromEntries(ACTIONS.map((name) => [name, (...args) => {
    if (held.client) return held.client[name](...args);
    throw new Error(`bellhop: ${name} is for effects and handlers, while BellhopProvider is mounted`);
  }])));
  // Another function is not another client; one that comes or goes is.
  const key = JSON.stringify(Object.entries(options).sort().map(([name, value]) => [name, FUNCTIONS.includes(name) ? Boolean(value) : value]));
  useBrowserEffect(() => { held.options = options; });
  useBrowserEffect(() => {
    const { token, ...rest } = held.options;
    const made = new Bellhop({ ...rest, token: token && ((why) => held.options.token?.(why)) });
    held.client = made;
    setClient(made);
    return () => {
      held.client = null;
      made.close();
    };
  }, [key, held]);
  const value = useMemo(() => ({ client, actions }), [client, actions]);
  return createElement(Context.Provider, { value }, children);
}

function useProvided() {
  const provided = useContext(Context);
  if (!provided) throw new Error("bellhop: there is no BellhopProvider around this component");
  return provided;
}

/** useNotice returns what a property of the client is, anew after each notice of a type. */
function useNotice(type, property, before) {
  const { client } = useProvided();
  const subscribe = useCallback((changed) => client?.on(type, changed) ?? (() => {}), [client, type]);
  return useSyncExternalStore(subscribe, () => client?.[property] ?? before, () => before);
}

export function useInbox() {
  return useNotice("bellhop.inbox", "inbox", EMPTY);
}

export function useView(filter) {
  const { client } = useProvided();
  const [view, setView] = useState(null);
  const [inbox, setInbox] = useState(EMPTY);
  const key = JSON.stringify(filter); // pages write it in place
  useEffect(() => {
    const made = client && viewOf(client, JSON.parse(key), setInbox);
    setView(made);
    return () => {
      made?.close();
      setInbox(EMPTY);
    };
  }, [client, key]);
  return { inbox, view };
}

export function useBell() {
  const { client, actions } = useProvided();
  const status = useNotice("bellhop.status", "status", CONNECTING);
  return useMemo(() => ({ client, status, ...actions }), [client, status, actions]);
}

export function useEvent(type, listener) {
  const { client } = useProvided();
  const [newest] = useState(() => ({ listener }));
  useBrowserEffect(() => { newest.listener = listener; });
  useBrowserEffect(() => client?.on(type, (...args) => newest.listener(...args)), [client, type, newest]);
}
