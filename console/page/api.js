// Calls of the API, with the key that was given, if any was needed.

const kept = "bellhop-console-key";

export function signIn(key) { sessionStorage.setItem(kept, key); }

/** The key, undefined if none was given. */
export function token() { return sessionStorage.getItem(kept) ?? undefined; }

/** Answers the body of an answer; an error has the status and says what was wrong. */
export async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  const key = token();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`api${path}`, { method, headers, body, cache: "no-store", credentials: "omit" });
  const text = await response.text();
  if (response.ok) return text && JSON.parse(text);
  let said = `${response.status} ${response.statusText}`;
  try {
    const problem = JSON.parse(text);
    said = [problem.detail, ...(problem.errors ?? []).map((error) => error.detail)].filter(Boolean).join("; ");
  } catch { /* a proxy's page */ }
  throw Object.assign(new Error(said), { status: response.status });
}
