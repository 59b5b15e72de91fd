/** Every call of the Human API that this page makes. */

import { expire, key } from "./session.js";

/** What the platform refused; `message` is its sentence, `code` its word for programs. */
export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? "The platform cannot be reached. Is it running?");
    this.status = status;
    this.code = error?.code;
  }
}

async function call(method, path, { query = {}, body, once, signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const address = `/api/v1/me${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  const headers = { "X-API-Key": key() };
  if (body) headers["Content-Type"] = "application/json";
  if (once) headers["Idempotency-Key"] = once;
  const answer = await fetch(address, {
    method,
    headers,
    body: body && JSON.stringify(body),
    cache: "no-store",
    signal,
  }).catch(() => null);
  signal?.throwIfAborted();
  if (answer?.status === 401) return expired();
  const said = answer?.status === 204 ? {} : await answer?.json().catch(() => null);
  if (!answer?.ok) throw new Refused(answer?.status ?? 0, said?.error);
  return said;
}

function expired() {
  expire();
  location.reload();
  return new Promise(() => {}); // the page is on its way out
}

const get = (path, query, signal) => call("GET", path, { query, signal });
const post = (path, body, once) => call("POST", path, { body: body ?? {}, once });
const part = (id) => encodeURIComponent(id).replace(/^\.+$/, "-"); // dots alone would lead elsewhere

/** The pages of a list, one after the other, at most `most` of them. */
async function* pages(path, query = {}, most = 10) {
  for (let page = 1, last = 1; page <= Math.min(last, most); page += 1) {
    const { data, metadata } = await get(path, { ...query, page, page_size: 100 });
    last = metadata?.total_pages ?? 1;
    yield data;
  }
}

async function all(path, query) {
  const items = [];
  for await (const page of pages(path, query)) items.push(...page);
  return items;
}

/** A text no other request has, so that sending one again cannot do it twice. */
export function newOnce() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");
}

export const api = {
  profile: async () => (await get("/profile")).data,

  rooms: (most = 200) => pages("/chats", {}, most),
  room: async (id) => (await get(`/chats/${part(id)}`)).data,
  createRoom: async () => (await post("/chats", { chat: {} })).data,
  messages: (room, page, size, signal) =>
    get(`/chats/${part(room)}/messages`, { page, page_size: size }, signal),
  send: (room, content, mentions, once) =>
    post(`/chats/${part(room)}/messages`, { message: { content, mentions } }, once),
  participants: async (room, signal) => (await get(`/chats/${part(room)}/participants`, {}, signal)).data,
  add: (room, id) => post(`/chats/${part(room)}/participants`, { participant: { participant_id: id } }),
  remove: (room, id) => call("DELETE", `/chats/${part(room)}/participants/${part(id)}`),
  peers: (query) => all("/peers", query),

  agents: () => all("/agents"),
  register: async (name, description) =>
    (await post("/agents/register", { agent: { name, description } })).data,
  deleteAgent: (id, force) => call("DELETE", `/agents/${part(id)}`, { query: force ? { force: true } : {} }),

  contacts: () => all("/contacts"),
  received: () => all("/contacts/requests"),
  sent: () => all("/contacts/requests/sent", { status: "pending" }),
  ask: (handle, message) =>
    post("/contacts/requests", {
      contact_request: { recipient_handle: handle, ...(message && { message }) },
    }),
  approve: (id) => post(`/contacts/requests/${part(id)}/approve`),
  reject: (id) => post(`/contacts/requests/${part(id)}/reject`),
  cancel: (id) => call("DELETE", `/contacts/requests/${part(id)}`),
  drop: (contact) => post("/contacts/remove", { contact_id: contact }),

  memories: (filter) => get("/memories", { page_size: 50, ...filter }),
  archiveMemory: (id) => post(`/memories/${part(id)}/archive`),
  restoreMemory: (id) => post(`/memories/${part(id)}/restore`),
  deleteMemory: (id) => call("DELETE", `/memories/${part(id)}`),
};
