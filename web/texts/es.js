// Texts of the bell: es.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "Notificaciones",
  button: (unread) => (unread === "" ? "Notificaciones" : `Notificaciones, ${unread} sin leer`),
  all: "Todas",
  markAll: "Marcar todo como leído",
  markRead: "Marcar como leído",
  markUnread: "Marcar como no leído",
  remove: "Eliminar",
  unread: "Sin leer",
  empty: "Estás al día",
  emptyHint: "Las notificaciones nuevas aparecerán aquí.",
  loading: "Cargando notificaciones",
  failed: "No se han podido cargar las notificaciones.",
  actionFailed: "No ha funcionado. Inténtalo de nuevo.",
  retry: "Reintentar",
  retrying: "Reconectando…",
  offline: "Sin conexión. Lo pendiente llegará cuando vuelvas.",
  waiting: "El servidor está ocupado. Volvemos en un momento.",
  denied: "Has cerrado sesión.",
  arrived: (count, title) => (count === 1 ? `Notificación nueva: ${title}` : `${count} notificaciones nuevas`),
};
