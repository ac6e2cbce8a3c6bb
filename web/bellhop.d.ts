// Types of bellhop.js.

/** What a publisher sent, as it arrives. */
export interface BellhopEvent<T = unknown> {
  /** `user:42`, `raffle:1` */
  readonly channel: string;
  /** Its position in the channel: 1, 2, 3, … */
  readonly seq: number;
  readonly type: string;
  /** When the log took it, RFC 3339. */
  readonly time: string;
  readonly data: T;
}

/** An event of the inbox. */
export interface BellhopItem<T = unknown> extends BellhopEvent<T> {
  readonly read: boolean;
}

/** What comes with an event. */
export interface BellhopMeta {
  /** True: the event has just happened. False: it was missed, and is replayed now. */
  readonly live: boolean;
  /** The cursor after this event: a client that begins there gets what follows. */
  readonly cursor: string;
}

/**
 * - `connecting`: a stream is being opened, or replays what was missed
 * - `live`: everything arrives as it happens
 * - `retrying`: the stream broke; the next try is at `retryAt`
 * - `waiting`: the server asked the client to come back at `retryAt`
 * - `offline`: the device says it has no network
 * - `paused`: the browser froze or left the page
 * - `denied`: refused for good by the gateway (`httpStatus`, `reason`), or another
 *   window has signed in as somebody else: the page has to do something, then call
 *   `reconnect()`
 * - `closed`: by `close()`
 */
export type BellhopState =
  | "connecting" | "live" | "retrying" | "waiting" | "offline" | "paused" | "denied" | "closed";

export interface BellhopStatus {
  readonly state: BellhopState;
  /** How events come to a live client. */
  readonly transport?: "fetch" | "eventsource" | "poll";
  /** In words for developers: `user_streams`, `HTTP 503`, … */
  readonly reason?: string;
  readonly httpStatus?: number;
  /** When the next try begins, as `Date.now()`. */
  readonly retryAt?: number;
  /** The database's primary is away: there may be newer events. */
  readonly stale?: boolean;
  /** Channels of a live stream that the server can't read at the moment. */
  readonly unavailable?: readonly string[];
}

/** The inbox as far as it is loaded. Every change makes another object. */
export interface BellhopInbox {
  /** Newest first. */
  readonly items: readonly BellhopItem[];
  /** How many are unread in all, listed or not. */
  readonly unread: number;
  /** There are older ones: `loadMore()`. */
  readonly hasMore: boolean;
  readonly loading: boolean;
  /** The first page has been there. */
  readonly loaded: boolean;
  /** Why the last request for the list failed. */
  readonly error?: BellhopError;
}

export interface BellhopOptions {
  /** Address of the gateway, `https://bell.example.com`. Default: the page's own. */
  url?: string;
  /**
   * Returns the token of the person; `undefined` for visitors without one on another
   * origin. It is called again, with `renew: true`, when the last token has expired or
   * was refused. Without this function the session cookie is used (`POST /v1/session`);
   * with it no cookie is sent.
   */
  token?: (why: { renew: boolean }) => string | undefined | null | Promise<string | undefined | null>;
  /** Further channels, at most 15. */
  channels?: readonly string[];
  /** Listen to the person's inbox. Default: true. */
  inbox?: boolean;
  /** Where to begin; default: the inbox from its list, other channels from now. */
  cursor?: string;
  /** Items of a page of the inbox. Default 20; 0 counts, and fetches no items before `loadMore()`. */
  pageSize?: number;
  /**
   * Names the person. It is only needed if tabs share a stream without an inbox and
   * the tokens are not JWTs.
   */
  user?: string;
  /** All tabs of one browser use one connection. Default: true, where the browser can. */
  share?: boolean;
  /**
   * Forces a transport. `fetch` sees statuses and sends headers. `eventsource` is the
   * browser's own and needs the session cookie, which is made from `token` if that is
   * given. `poll` gets the stream in pieces. Default `auto`: the first that works here.
   */
  transport?: "auto" | "fetch" | "eventsource" | "poll";
  /**
   * Parses events and lists in place of `JSON.parse`, to keep numbers above 2^53. It
   * must return numbers up to 2^53 (`seq`, counts) as numbers.
   */
  parse?: (text: string) => any;
  /** Used in place of the environment's own `fetch`, such as the one of `expo/fetch`. */
  fetch?: (url: string, options?: any) => Promise<any>;
  EventSource?: new (url: string, options?: { withCredentials?: boolean }) => any;
  /** The gateway's heartbeat in ms (BELLHOP_HEARTBEAT), at least 100. Default 20000. */
  heartbeat?: number;
}

/** A request that was refused, or that did not get there (`status` 0). All requests fail with it. */
export class BellhopError extends Error {
  readonly status: number;
  /** How long the server asks to wait before the next try, in ms; 0 if it does not. */
  readonly retryAfter: number;
  /** Which rule was broken, such as `token_expired`, where the gateway says so. */
  readonly code: string;
  /** True: the gateway would refuse the same request again. False: it may succeed later. */
  readonly final: boolean;
}

/** What was done to the inbox here, in another tab or on another device. */
export interface BellhopChange {
  /** `read`, `unread`, `removed`, `replaced`, `archived`, `seen`, `muted`; `other`: fetch what you show. */
  readonly change: string;
  readonly up_to?: number | null;
  readonly seqs?: readonly number[] | null;
  /** With `muted`: the types that are. */
  readonly muted?: readonly string[];
}

/** What the client itself and the stream report, besides published events. */
export interface BellhopNotices {
  "bellhop.status": BellhopStatus;
  "bellhop.inbox": BellhopInbox;
  "bellhop.change": BellhopChange;
  /** What was missed has been replayed: events are live from now on. */
  "bellhop.ready": { unread?: number; head?: number; stale?: boolean; waiting?: string[] };
  /** These can't be replayed any more (`null`: unknown): fetch what the page shows of the channel. */
  "bellhop.reset": { channel: string; from: number | null; to: number | null };
}

/**
 * A connection to Bellhop. It begins by itself, after the code that made it has
 * run, and goes on until `close()`: over lost networks, sleeping laptops, new
 * tokens and deployments, without losing or repeating an event.
 */
export class Bellhop {
  constructor(options?: BellhopOptions);

  /** Calls `listener` for every event of a type. Returns a function that stops it. */
  on<K extends keyof BellhopNotices>(type: K, listener: (notice: BellhopNotices[K]) => void): () => void;
  /** `*`: events of all types. */
  on<T = unknown>(type: string, listener: (event: BellhopEvent<T>, meta: BellhopMeta) => void): () => void;
  off(type: string, listener: (...args: never[]) => void): void;

  readonly status: BellhopStatus;
  /** How far the client has come: another client can begin there. */
  readonly cursor: string;
  /**
   * Whether this tab holds the connection of all tabs; true where nothing is shared. A
   * change is followed by a `bellhop.status`.
   */
  readonly leader: boolean;

  readonly inbox: BellhopInbox;
  /** `inbox.items` */
  readonly items: readonly BellhopItem[];
  /** `inbox.unread` */
  readonly unread: number;

  /** Fetches the next page of the inbox; resolves with how many items came. */
  loadMore(): Promise<number>;
  /** Fetches the first page again. */
  refresh(): Promise<void>;
  /** Marks one array of seqs, everything up to a seq, or (without) everything that has arrived. */
  markRead(which?: number | readonly number[]): Promise<void>;
  markUnread(seqs: readonly number[]): Promise<void>;
  /** Deletes an event from the inbox. */
  remove(seq: number): Promise<void>;
  /** Takes events out of the list and the count; they are read. */
  archive(seqs: readonly number[]): Promise<void>;
  unarchive(seqs: readonly number[]): Promise<void>;
  /** Marks everything up to a seq, or (without) everything that has arrived, as seen. It stays unread. */
  markSeen(upTo?: number): Promise<void>;
  /** Makes any other call of the API as who we are: `request("GET", "/v1/inbox/unread")`. */
  request(method: string, path: string, body?: object): Promise<any>;

  /**
   * Tries again at once, also after `denied`. If somebody else has signed in, it empties
   * the inbox, reports that, and goes on as this person.
   */
  reconnect(): void;
  /** Ends everything. Another tab takes over the connection. */
  close(): void;
}

