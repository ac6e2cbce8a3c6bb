// Texts of the bell: zh-Hans.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "通知",
  button: (unread) => (unread === "" ? "通知" : `通知，${unread} 条未读`),
  all: "全部",
  markAll: "全部标为已读",
  markRead: "标为已读",
  markUnread: "标为未读",
  remove: "删除",
  unread: "未读",
  empty: "没有新通知",
  emptyHint: "新通知会显示在这里。",
  loading: "正在加载通知",
  failed: "无法加载通知。",
  actionFailed: "操作未成功，请重试。",
  retry: "重试",
  retrying: "正在重新连接…",
  offline: "您已离线，恢复连接后会自动更新。",
  waiting: "服务器繁忙，稍后会自动重试。",
  denied: "您已退出登录。",
  arrived: (count, title) => (count === 1 ? `新通知：${title}` : `${count} 条新通知`),
};
