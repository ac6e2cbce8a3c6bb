// What the console says, in each of its languages. What the API says is in English.
export const texts = {
  en: {
    title: "console", language: "Language", keyNeeded: "From another machine the console needs a service key with the admin right. It is kept until this tab is closed.",
    key: "Admin key", open: "Open", fleet: "Fleet", search: "Look up", kind: "What", person: "Person", channel: "Channel", event: "Event", name: "Name",
    number: "Number", show: "Show", test: "Send a test event", type: "Type", data: "Data (JSON)", send: "Send", process: "Process", role: "Role", version: "Version",
    up: "Up", streams: "Streams", rate: "Events/s", late: "Late: p50 / p99", queue: "Queue", heap: "Heap", state: "State", good: "good", drains: "drains", doubt: "Redis in doubt",
    live: "Live", lost: "No answer: {0}", noAnswerFrom: "No answer from {0}", inbox: "Inbox", unread: "Unread", ofHead: "{0} of {1}; read up to {2}", lockedOut: "Locked out",
    until: "Tokens issued up to {0} are refused", disconnect: "Disconnect and lock out", letIn: "Let in again", done: "Done.", sure: "End all streams of {0} and refuse the tokens issued up to now?",
    noStreams: "No streams.", gateway: "Gateway", since: "Since", address: "Address", position: "Position", behind: "{0} behind", agent: "Browser", ended: "ended {0} ({1})", isOpen: "open",
    noBytes: "it takes no bytes", epoch: "Epoch", events: "Events", range: "{0} to {1}", listeners: "Listeners", at: "{0} at {1}", time: "Time", follow: "Follow {0}", policy: "Policy",
    posted: "Published", by: "by {0}", notRemembered: "not remembered", committed: "Written to the log", notWritten: "not in the log", announced: "Announced on Redis", toGateways: "gateways: {0}",
    notAnnounced: "not known", came: "Came to {0}", via: "by {0}", sockets: "Handed to sockets", count: "streams: {0}", none: "no stream", read: "Read", unreadYet: "unread", yes: "yes",
  },
  ko: {
    title: "콘솔", language: "언어", keyNeeded: "다른 컴퓨터에서는 admin 권한이 있는 서비스 키가 필요합니다. 키는 이 탭을 닫을 때까지 보관됩니다.",
    key: "관리자 키", open: "열기", fleet: "전체 프로세스", search: "조회", kind: "대상", person: "사용자", channel: "채널", event: "이벤트", name: "이름",
    number: "번호", show: "보기", test: "테스트 이벤트 보내기", type: "종류", data: "데이터 (JSON)", send: "보내기", process: "프로세스", role: "역할", version: "버전",
    up: "가동 시간", streams: "스트림", rate: "초당 이벤트", late: "지연: p50 / p99", queue: "대기열", heap: "힙", state: "상태", good: "정상", drains: "종료 중", doubt: "Redis 확인 불가",
    live: "실시간", lost: "응답 없음: {0}", noAnswerFrom: "{0} 응답 없음", inbox: "받은 알림함", unread: "읽지 않음", ofHead: "{1}개 중 {0}개, {2}번까지 읽음", lockedOut: "차단됨",
    until: "{0}까지 발급된 토큰은 거부됩니다", disconnect: "연결 끊고 차단", letIn: "다시 허용", done: "완료되었습니다.", sure: "{0}의 모든 스트림을 끊고 지금까지 발급된 토큰을 거부할까요?",
    noStreams: "스트림이 없습니다.", gateway: "게이트웨이", since: "시작", address: "주소", position: "위치", behind: "{0}개 뒤처짐", agent: "브라우저", ended: "{0} 종료 ({1})", isOpen: "열림",
    noBytes: "데이터를 받지 않음", epoch: "에포크", events: "이벤트", range: "{0}~{1}", listeners: "수신자", at: "{1}: {0}", time: "시각", follow: "{0} 추적", policy: "정책",
    posted: "발행", by: "서비스 {0}", notRemembered: "기록이 남아 있지 않음", committed: "로그에 기록", notWritten: "로그에 없음", announced: "Redis로 알림", toGateways: "게이트웨이 {0}곳",
    notAnnounced: "알 수 없음", came: "{0} 도착", via: "경로: {0}", sockets: "소켓으로 전달", count: "스트림 {0}개", none: "스트림 없음", read: "읽음", unreadYet: "읽지 않음", yes: "예",
  },
};
