// Types of bellhop-vue.js.

import type { Plugin, ShallowRef } from "vue";
import type { BellhopFilter, BellhopPart, BellhopView } from "./bellhop-tidy.js";
import type { Bellhop, BellhopEvent, BellhopInbox, BellhopMeta, BellhopNotices, BellhopOptions, BellhopStatus } from "./bellhop.js";

/** A plugin that has a client for the app: made when a component that uses it is mounted, closed with the app. */
export function createBellhop(options?: BellhopOptions): Plugin;

/** The same for the component that calls it in its setup, and all in it. */
export function provideBellhop(options?: BellhopOptions): BellhopHandle;

/** The inbox, anew after each change. Empty and `loading` on a server. */
export function useInbox(): Readonly<ShallowRef<BellhopInbox>>;

/**
 * Another list, of a part of the inbox: by types, or of what is archived. `view` has what
 * can be done in it; it is `null` on a server and until the component is mounted.
 */
export function useView(filter: BellhopFilter): {
  readonly inbox: Readonly<ShallowRef<BellhopPart>>;
  readonly view: Readonly<ShallowRef<BellhopView | null>>;
};

/** Calls `listener` for events of a type (`*`: of all), until the component, or the scope, ends. */
export function useEvent<K extends keyof BellhopNotices>(type: K, listener: (notice: BellhopNotices[K]) => void): void;
export function useEvent<T = unknown>(type: string, listener: (event: BellhopEvent<T>, meta: BellhopMeta) => void): void;

/** What there is beside the inbox. Call the functions in hooks and handlers, not while a page is rendered. */
export function useBell(): BellhopHandle;

export interface BellhopHandle
  extends Pick<Bellhop, "markRead" | "markUnread" | "remove" | "archive" | "unarchive" | "markSeen" | "request" | "loadMore" | "refresh" | "reconnect"> {
  /** For `<bellhop-bell>` and all that is not here; `null` on a server and until the component is mounted. */
  readonly client: Readonly<ShallowRef<Bellhop | null>>;
  readonly status: Readonly<ShallowRef<BellhopStatus>>;
}
