// Texts of the bell: de.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "Benachrichtigungen",
  button: (unread) => (unread === "" ? "Benachrichtigungen" : `Benachrichtigungen, ${unread} ungelesen`),
  all: "Alle",
  markAll: "Alle als gelesen markieren",
  markRead: "Als gelesen markieren",
  markUnread: "Als ungelesen markieren",
  remove: "Entfernen",
  unread: "Ungelesen",
  empty: "Alles gelesen",
  emptyHint: "Neue Benachrichtigungen erscheinen hier sofort.",
  loading: "Benachrichtigungen werden geladen",
  failed: "Die Benachrichtigungen konnten nicht geladen werden.",
  actionFailed: "Das hat nicht geklappt. Bitte noch einmal versuchen.",
  retry: "Noch einmal versuchen",
  retrying: "Verbindung wird wiederhergestellt …",
  offline: "Keine Internetverbindung. Verpasstes erscheint, sobald sie zurück ist.",
  waiting: "Der Server ist ausgelastet. Gleich geht es weiter.",
  denied: "Sie sind abgemeldet.",
  arrived: (count, title) => (count === 1 ? `Neue Benachrichtigung: ${title}` : `${count} neue Benachrichtigungen`),
};
