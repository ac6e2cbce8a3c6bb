// Texts of the bell: pt.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "Notificações",
  button: (unread) => (unread === "" ? "Notificações" : `Notificações, ${unread} não lidas`),
  all: "Todas",
  markAll: "Marcar tudo como lido",
  markRead: "Marcar como lida",
  markUnread: "Marcar como não lida",
  remove: "Remover",
  unread: "Não lida",
  empty: "Tudo em dia",
  emptyHint: "As novas notificações aparecem aqui.",
  loading: "Carregando notificações",
  failed: "Não foi possível carregar as notificações.",
  actionFailed: "Não funcionou. Tente novamente.",
  retry: "Tentar novamente",
  retrying: "Reconectando…",
  offline: "Sem conexão. O que faltar chega quando ela voltar.",
  waiting: "O servidor está ocupado. Voltamos em instantes.",
  denied: "Você saiu da conta.",
  arrived: (count, title) => (count === 1 ? `Nova notificação: ${title}` : `${count} novas notificações`),
};
