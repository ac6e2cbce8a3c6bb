// Texts of the bell: ar.

/** @type {import("../bellhop-bell.d.ts").BellhopBellTexts} */
export default {
  title: "الإشعارات",
  button: (unread) => (unread === "" ? "الإشعارات" : `الإشعارات، ${unread} غير مقروءة`),
  all: "الكل",
  markAll: "تحديد الكل كمقروء",
  markRead: "تحديد كمقروء",
  markUnread: "تحديد كغير مقروء",
  remove: "إزالة",
  unread: "غير مقروء",
  empty: "لا جديد لديك",
  emptyHint: "ستظهر الإشعارات الجديدة هنا فور وصولها.",
  loading: "جارٍ تحميل الإشعارات",
  failed: "تعذّر تحميل الإشعارات.",
  actionFailed: "لم يتم ذلك. حاول مرة أخرى.",
  retry: "إعادة المحاولة",
  retrying: "جارٍ إعادة الاتصال…",
  offline: "أنت غير متصل. سنعرض ما فاتك عند عودة الاتصال.",
  waiting: "الخادم مشغول. سنعود بعد لحظات.",
  denied: "تم تسجيل خروجك.",
  arrived: (count, title) => (count === 1 ? `إشعار جديد: ${title}` : `إشعارات جديدة: ${count}`),
};
