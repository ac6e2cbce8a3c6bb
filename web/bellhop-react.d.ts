// Types of bellhop-react.js.

import type { ReactElement, ReactNode, Ref } from "react";
import type { BellhopBell } from "./bellhop-bell.js";
import type { BellhopFilter, BellhopPart, BellhopView } from "./bellhop-tidy.js";
import type { Bellhop, BellhopEvent, BellhopInbox, BellhopMeta, BellhopNotices, BellhopOptions, BellhopStatus } from "./bellhop.js";

export interface BellhopProviderProps extends BellhopOptions {
  children?: ReactNode;
}

/**
 * Makes a client when it is mounted and closes it when it is unmounted. Another value
 * makes another client; functions may be others at each render, the newest is called.
 * When somebody else signs in, give another `user`, or another `key`.
 */
export function BellhopProvider(props: BellhopProviderProps): ReactElement;

/** The inbox, anew after each change. Empty and `loading` on a server. */
export function useInbox(): BellhopInbox;

/**
 * Another list, of a part of the inbox: by types, or of what is archived. `view` has what
 * can be done in it; it is `null` on a server and in the first render.
 */
export function useView(filter: BellhopFilter): { readonly inbox: BellhopPart; readonly view: BellhopView | null };

/** Calls the newest `listener` for events of a type (`*`: of all), while the component is mounted. */
export function useEvent<K extends keyof BellhopNotices>(type: K, listener: (notice: BellhopNotices[K]) => void): void;
export function useEvent<T = unknown>(type: string, listener: (event: BellhopEvent<T>, meta: BellhopMeta) => void): void;

/**
 * What there is beside the inbox. The functions stay the same; call them in effects and
 * handlers: there is no client while a page is rendered.
 */
export function useBell(): BellhopHandle;

export interface BellhopHandle
  extends Pick<Bellhop, "markRead" | "markUnread" | "remove" | "archive" | "unarchive" | "markSeen" | "request" | "loadMore" | "refresh" | "reconnect"> {
  /** For `<bellhop-bell>` and all that is not here; `null` on a server and in the first render. */
  readonly client: Bellhop | null;
  readonly status: BellhopStatus;
}

/** What `<bellhop-bell>` takes in JSX, by React 19. */
type BellProps = Partial<Pick<BellhopBell, "client" | "templates" | "renderItem" | "texts" | "token">> & {
  ref?: Ref<BellhopBell>;
  url?: string;
  theme?: "auto" | "light" | "dark";
  badge?: "unseen";
  lang?: string;
  class?: string;
  id?: string;
  style?: Record<string, string | number>;
};

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "bellhop-bell": BellProps;
    }
  }
}
