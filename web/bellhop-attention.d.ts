// Types of bellhop-attention.js. Each function returns how to stop it.

import type { Bellhop, BellhopEvent } from "./bellhop.js";
import type { BellhopView } from "./bellhop-bell.js";

/** Keeps the number of unread notifications in the page's title, whoever changes that, and on the app's icon. */
export function showUnread(client: Bellhop, where?: { title?: boolean; badge?: boolean }): () => void;

/** Plays a sound when something arrives, in one tab of all. */
export function playSound(client: Bellhop, address: string): () => void;

/**
 * Shows a notification of the system for what arrives while all tabs that call it are
 * hidden, and closes it when it is read. The page asks for the permission
 * (`Notification.requestPermission()`, at a click). Where only service workers may notify
 * (Android) the page's own does; clicks are its `notificationclick` there.
 */
export function notifyDesktop(client: Bellhop, templates?: Record<string, (event: BellhopEvent<any>) => BellhopView>): () => void;
