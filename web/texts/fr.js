// Texts of the bell: fr.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "Notifications",
  button: (unread) => (unread === "" ? "Notifications" : `Notifications, ${unread} non lues`),
  all: "Toutes",
  markAll: "Tout marquer comme lu",
  markRead: "Marquer comme lu",
  markUnread: "Marquer comme non lu",
  remove: "Supprimer",
  unread: "Non lu",
  empty: "Vous êtes à jour",
  emptyHint: "Les nouvelles notifications s’affichent ici.",
  loading: "Chargement des notifications",
  failed: "Impossible de charger les notifications.",
  actionFailed: "L’action a échoué. Veuillez réessayer.",
  retry: "Réessayer",
  retrying: "Reconnexion…",
  offline: "Vous êtes hors ligne. La suite arrivera à votre retour.",
  waiting: "Le serveur est occupé. Nouvel essai dans un instant.",
  denied: "Vous êtes déconnecté.",
  arrived: (count, title) => (count === 1 ? `Nouvelle notification : ${title}` : `${count} nouvelles notifications`),
};
