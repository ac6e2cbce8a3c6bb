// Requests to the demo's own backend.
import { session } from "./session.js";

/** Refused is an answer that says what is wrong. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function request(method, path, body, retried = false) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const token = await session.token({ renew: retried });
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response.json();
  // A token that was good a moment ago may be over now.
  if (response.status === 401 && token && !retried) return request(method, path, body, true);
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail || `${response.status}`);
}

export const api = {
  get: (path) => request("GET", `/api/v1/${path}`),
  post: (path, body = {}) => request("POST", `/api/v1/${path}`, body),
  put: (path) => request("PUT", `/api/v1/${path}`),
  delete: (path) => request("DELETE", `/api/v1/${path}`),
};
