// Types of bellhop-tidy.js.

import type { BellhopBell } from "./bellhop-bell.js";
import type { Bellhop, BellhopInbox } from "./bellhop.js";

/** One tab above the list. */
export interface BellhopBellTab {
  label: string;
  /** Types of events, at most 20. */
  types: readonly string[];
}

export interface BellhopTidyOptions {
  /** Tabs by type, beside "All", with counts; the server filters. */
  tabs?: readonly BellhopBellTab[];
  /** A button of each item that archives it, and a tab of what is archived. */
  archive?: boolean;
  /** Which types may be muted, and what to call them: `{ like: "Likes" }`. */
  mute?: Readonly<Record<string, string>>;
}

export interface BellhopTidyTexts {
  /** The tab that leaves nothing out. */
  all: string;
  archive: string;
  unarchive: string;
  /** The tab of what is archived. */
  archived: string;
  archiveEmpty: string;
  archiveHint: string;
  mute: (what: string) => string;
  unmute: (what: string) => string;
  muted: string;
  /** The button's name where the badge counts what was not seen. */
  buttonUnseen: (unseen: string) => string;
}

/**
 * Adds to a bell what `options` say; returns how to take it away. Where the bell has the
 * attribute `badge="unseen"`, its badge counts what came since the list was last open.
 */
export function tidy(bell: BellhopBell, options?: BellhopTidyOptions): () => void;

/** Which part of the inbox a view shows. */
export interface BellhopFilter {
  /** Types of events, at most 20. Default: all. */
  readonly types?: readonly string[];
  /** What is archived, and nothing else. */
  readonly archived?: boolean;
}

/** The list of a part of the inbox. How many are unread is known of all of it only. */
export type BellhopPart = Omit<BellhopInbox, "unread">;

/**
 * A list of a part of the inbox, filtered by the server and kept in step as `inbox` is.
 * What is done by it shows in it at once.
 */
export interface BellhopView extends Pick<Bellhop, "loadMore" | "refresh" | "markUnread" | "remove" | "archive" | "unarchive"> {
  readonly inbox: BellhopPart;
  markRead(seqs: readonly number[]): Promise<void>;
  close(): void;
}

/**
 * Another list of a client's inbox; fetches its first page. `onChange` gets each snapshot.
 * It ends by its `close()`, with the client, and when somebody else signs in. From then on
 * it stays as it is, and its methods fail.
 */
export function view(client: Bellhop, filter: BellhopFilter, onChange: (inbox: BellhopPart) => void): BellhopView;
