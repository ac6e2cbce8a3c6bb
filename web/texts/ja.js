// Texts of the bell: ja.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "通知",
  button: (unread) => (unread === "" ? "通知" : `通知、未読 ${unread} 件`),
  all: "すべて",
  markAll: "すべて既読にする",
  markRead: "既読にする",
  markUnread: "未読にする",
  remove: "削除",
  unread: "未読",
  empty: "新しい通知はありません",
  emptyHint: "新しい通知はここに表示されます。",
  loading: "通知を読み込み中",
  failed: "通知を読み込めませんでした。",
  actionFailed: "処理できませんでした。もう一度お試しください。",
  retry: "再試行",
  retrying: "再接続中…",
  offline: "オフラインです。接続が戻ると表示されます。",
  waiting: "サーバーが混み合っています。まもなく再接続します。",
  denied: "ログアウトしています。",
  arrived: (count, title) => (count === 1 ? `新しい通知: ${title}` : `新しい通知 ${count} 件`),
};
