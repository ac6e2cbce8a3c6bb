import { useState } from "react";
import { useBell, useEvent, useInbox } from "bellhop-client/react";
import "bellhop-client/bell"; // <bellhop-bell>

export function App() {
  const { items, unread, hasMore } = useInbox();
  const { client, status, markRead, loadMore } = useBell();
  const [latest, setLatest] = useState("nothing yet");
  useEvent("note", (event, { live }) => {
    if (live) setLatest(event.data.title);
  });
  return (
    <main>
      <h1>Bellhop in React <bellhop-bell client={client} /></h1>
      <p>The connection is <output id="status">{status.state}</output>.</p>
      <p><output id="unread">{unread}</output> unread. Just arrived: <output id="latest">{latest}</output></p>
      <button id="mark" onClick={() => markRead()}>Mark all as read</button>
      <ul>
        {items.map((item) => <li key={item.seq}>{item.read ? item.data.title : <b>{item.data.title}</b>}</li>)}
      </ul>
      {hasMore && <button onClick={() => loadMore()}>Older</button>}
    </main>
  );
}
