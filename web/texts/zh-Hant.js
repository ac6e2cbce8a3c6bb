// Texts of the bell: zh-Hant.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "通知",
  button: (unread) => (unread === "" ? "通知" : `通知，${unread} 則未讀`),
  all: "全部",
  markAll: "全部標為已讀",
  markRead: "標為已讀",
  markUnread: "標為未讀",
  remove: "刪除",
  unread: "未讀",
  empty: "沒有新通知",
  emptyHint: "新通知會顯示在這裡。",
  loading: "正在載入通知",
  failed: "無法載入通知。",
  actionFailed: "操作未成功，請再試一次。",
  retry: "再試一次",
  retrying: "正在重新連線…",
  offline: "您目前離線，恢復連線後會自動更新。",
  waiting: "伺服器忙碌中，稍後會自動重試。",
  denied: "您已登出。",
  arrived: (count, title) => (count === 1 ? `新通知：${title}` : `${count} 則新通知`),
};
