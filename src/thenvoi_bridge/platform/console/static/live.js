/** The socket: it joins the topics of every room and tells the model. After each join REST fills the gap. */

import { announce } from "./dom.js";
import { model } from "./model.js";
import { key } from "./session.js";
import { line } from "./text.js";
import { Socket } from "./vendor/phoenix.mjs";

const channels = new Map();
let socket = null;

/** Connect, and stay so. */
export function connect() {
  socket = new Socket("/api/v1/socket", { authToken: key() });
  socket.onOpen(() => model.connected("live"));
  socket.onError(lost);
  socket.onClose(lost);
  socket.connect();
  follow(`user_rooms:${model.me.id}`, { room_added: enter, room_removed: leave, room_deleted: leave }, () =>
    model.loadRooms(),
  );
  follow(`user_contacts:${model.me.id}`, contactEvents(), () => model.loadRequests());
  model.hear("rooms", joinAll);
  joinAll();
}

function lost() {
  if (model.connection === "lost") return;
  model.connected("lost");
  model.loadRooms().catch(() => {}); // a session that has ended shows here
}

function follow(topic, heard, joined) {
  const channel = socket.channel(topic);
  for (const [event, hear] of Object.entries(heard)) channel.on(event, hear);
  // `receive` is asked again whenever the channel has come back.
  channel.join().receive("ok", () => Promise.resolve(joined()).catch(() => {}));
  channels.set(topic, channel);
}

function unfollow(topic) {
  channels.get(topic)?.leave();
  channels.delete(topic);
}

function joinAll() {
  for (const id of model.rooms.keys()) if (!channels.has(`chat_room:${id}`)) join(id);
  for (const topic of channels.keys())
    if (topic.startsWith("chat_room:") && !model.rooms.has(topic.slice(10))) part(topic.slice(10));
}

function join(id) {
  const message = (payload) => model.hearMessage(id, payload);
  const update = (payload) => model.hearUpdate(id, payload);
  const said = (payload) => {
    message(payload);
    tellAloud(id, payload);
  };
  const loaded = () => model.rooms.get(id)?.loaded && model.loadMessages(id);
  follow(
    `chat_room:${id}`,
    { message_created: said, message_updated: update, event_created: message, room_deleted: leave },
    loaded,
  );
  // That I come or go is told among my rooms.
  const changed = (who) => who.id !== model.me.id && model.loadParticipants(id).catch(() => {});
  follow(`room_participants:${id}`, { participant_added: changed, participant_removed: changed }, () => {});
}

function part(id) {
  unfollow(`chat_room:${id}`);
  unfollow(`room_participants:${id}`);
}

function enter(room) {
  model.enter(room);
}

function leave({ id }) {
  model.leave(id);
}

function contactEvents() {
  const look = () => model.loadRequests().catch(() => {});
  return {
    contact_request_received: look,
    contact_request_updated: look,
    contact_added: look,
    contact_removed: look,
  };
}

function tellAloud(id, message) {
  if (id !== model.open || message.sender_id === model.me.id) return;
  const room = model.rooms.get(id);
  const sender = line(message.sender_name ?? "Somebody", () => null, 60);
  announce(`${sender}: ${line(message.content, model.nameIn(room, message), 300)}`);
}
