/** What this page knows: who I am, my rooms, what is in them. Views listen; `live.js` and the views feed it. */

import { api } from "./api.js";

const PAGE = 50;

/** A room and as much of its past as was asked for, oldest first. */
class Room {
  constructor(record) {
    this.id = record.id;
    this.messages = [];
    this.known = new Map();
    this.participants = [];
    this.more = false;
    this.loaded = false;
    this.stale = false;
    this.heardUntil = null;
    this.unread = 0;
    this.missed = false;
    this.mentioned = false;
    this.update(record);
  }

  update({ title, updated_at: updatedAt }) {
    this.title = title || this.title || "New chat";
    this.updatedAt = updatedAt ?? this.updatedAt ?? new Date().toISOString();
  }

  /** Take messages in; those already here are replaced. Answers the ids of all of them. */
  take(messages) {
    for (const message of messages) this.known.set(message.id, message);
    this.messages = [...this.known.values()].sort((a, b) => (a.inserted_at < b.inserted_at ? -1 : 1));
    const last = this.messages.at(-1)?.inserted_at;
    if (last > this.updatedAt) this.updatedAt = last;
    return messages.map((message) => message.id);
  }

  /** The newest page as REST has it. What is older stays only if nothing can have been missed in between. */
  takeNewest(page) {
    const oldest = page.at(-1)?.inserted_at;
    const joins = this.loaded && (!this.heardUntil || page.some(({ id }) => id === this.heardUntil));
    if (!joins) for (const [id, one] of this.known) if (one.inserted_at < oldest) this.known.delete(id);
    this.loaded = true;
    this.stale = false;
    this.heardUntil = null;
    return this.take(page);
  }
}

/** Tells of: `rooms`, `room` (detail: id), `messages` (detail: id, ids), `contacts`, `connection`, `online`. */
class Model extends EventTarget {
  me = null;
  rooms = new Map();
  open = null;
  connection = "connecting";
  requests = [];
  online = new Map();
  listing = true;
  #turn = 0;

  tell(what, detail = {}) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  /** Listen until `signal` says otherwise. */
  hear(what, heard, signal) {
    this.addEventListener(what, (event) => heard(event.detail), { signal });
  }

  sorted() {
    return [...this.rooms.values()].sort((a, b) => (a.updatedAt > b.updatedAt ? -1 : 1));
  }

  unread() {
    return [...this.rooms.values()].reduce((sum, room) => sum + room.unread, 0);
  }

  connected(state) {
    this.connection = state;
    if (state === "lost")
      for (const room of this.rooms.values()) {
        room.stale = true;
        room.heardUntil ??= room.messages.at(-1)?.id;
      }
    this.tell("connection");
  }

  /** A room that is there, made if it is new. */
  enter(record) {
    this.put(record);
    this.tell("rooms");
    return this.rooms.get(record.id);
  }

  /** The same without a word to anybody. Of what was said while nobody heard, all that is known is when. */
  put(record) {
    const room = this.rooms.get(record.id);
    if (!room) return this.rooms.set(record.id, new Room(record));
    room.missed ||= record.updated_at > room.updatedAt && record.id !== this.open;
    room.update(record);
  }

  leave(id) {
    this.rooms.delete(id);
    this.tell("rooms");
    this.tell("room", { id });
  }

  /** The newest rooms, so that there is something to show. */
  async loadFirstRooms() {
    for await (const records of api.rooms(1)) for (const record of records) this.put(record);
  }

  /** All rooms, page by page. One that is not listed any more, or not yet, is asked for by itself. */
  async loadRooms() {
    const turn = (this.#turn += 1);
    const unseen = new Set(this.rooms.keys());
    for await (const records of api.rooms()) {
      if (turn !== this.#turn) return;
      for (const record of records) this.put(record);
      for (const { id } of records) unseen.delete(id);
      this.tell("rooms");
    }
    for (const id of unseen) await this.reload(id);
    this.listing = turn !== this.#turn;
    this.tell("rooms");
  }

  async loadRequests() {
    this.requests = await api.received();
    this.tell("contacts");
  }

  async loadParticipants(id, signal) {
    const room = this.rooms.get(id);
    if (!room) return;
    room.participants = await api.participants(id, signal);
    this.tell("room", { id });
  }

  /** Which of the agents that I can reach are connected; others are not in it. */
  async loadOnline() {
    this.online = new Map((await api.peers({ type: "Agent" })).map((peer) => [peer.id, Boolean(peer.online)]));
    this.tell("online");
  }

  /** The newest messages of a room; with `older`, a page more. */
  async loadMessages(id, { older = false, size = PAGE, signal } = {}) {
    const room = this.rooms.get(id);
    if (!room) return;
    const page = older ? Math.floor(room.messages.length / size) + 1 : 1;
    const { data, metadata } = await api.messages(id, page, size, signal);
    const ids = older ? room.take(data) : room.takeNewest(data);
    room.more = room.messages.length < metadata.total_count;
    this.tell("messages", { id, ids });
    this.tell("rooms");
  }

  /** A message that has come further on its way. One that is not here is no concern of anybody's. */
  hearUpdate(id, message) {
    const room = this.rooms.get(id);
    if (!room?.known.has(message.id)) return;
    room.take([message]);
    this.tell("messages", { id, ids: [message.id] });
  }

  /** A message or event as the socket brought it; the same may come twice. */
  hearMessage(id, message) {
    const room = this.rooms.get(id);
    if (!room || room.known.has(message.id)) return;
    room.take([message]);
    this.count(room, message);
    this.tell("messages", { id, ids: [message.id] });
    if (room.title === "New chat" && message.message_type === "text") this.reload(id).catch(() => {});
  }

  count(room, message) {
    const isSeen = this.open === room.id && !document.hidden;
    if (isSeen || message.sender_id === this.me.id || message.message_type !== "text")
      return this.tell("rooms");
    room.unread += 1;
    room.mentioned ||= (message.metadata?.mentions ?? []).some(({ id }) => id === this.me.id);
    this.tell("rooms");
  }

  /** Ask for one room; if I am not in it, I have left it. */
  async reload(id) {
    try {
      this.enter(await api.room(id));
    } catch (error) {
      if (error.status !== 404) throw error;
      return this.leave(id);
    }
    this.tell("room", { id });
  }

  /** Somebody looks at a room. */
  see(id) {
    const room = this.rooms.get(id);
    if (!room?.unread && !room?.missed) return;
    room.unread = 0;
    room.missed = false;
    room.mentioned = false;
    this.tell("rooms");
  }

  /** The name of somebody in a room, as far as it is known. */
  nameIn(room, message) {
    return (id) => {
      const person = room.participants.find((one) => one.id === id);
      const mention = (message.metadata?.mentions ?? []).find?.((one) => one?.id === id);
      return (
        person?.name ??
        person?.handle ??
        mention?.name ??
        mention?.handle ??
        (id === this.me.id ? this.me.name : null)
      );
    };
  }
}

export const model = new Model();
