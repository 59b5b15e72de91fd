/** The socket: it joins the topics of every room and tells the model. After each join REST fills the gap. */

import { announce } from "./dom.js";
import { model } from "./model.js";
import { key } from "./session.js";
import { line } from "./text.js";
import { Socket } from "./vendor/phoenix.mjs";

/** Rooms that are heard, those used last: a socket may join some thousands of topics, and say so much at once. */
const LIVE = 1500;
/** Milliseconds for which what is read out is gathered, and how many of them are a few. */
const TOGETHER = 500;
const FEW = 3;

const channels = new Map();
const untold = [];
let socket = null;
let isJoining = false;

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
  model.hear("rooms", joinSoon);
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

/** After the turn in which rooms have changed, however many have. */
function joinSoon() {
  if (isJoining) return;
  isJoining = true;
  queueMicrotask(joinAll);
}

function joinAll() {
  isJoining = false;
  for (const { id } of model.sorted().slice(0, LIVE)) if (!channels.has(`chat_room:${id}`)) join(id);
  for (const topic of channels.keys())
    if (topic.startsWith("chat_room:") && !model.rooms.has(topic.slice(10))) unfollow(topic);
}

/** Of the room that is open also who comes and goes, and all that is said, whenever it was used last. */
export function attend(id, signal) {
  if (!channels.has(`chat_room:${id}`)) join(id);
  // That I come or go is told among my rooms.
  const changed = (who) => who.id !== model.me.id && model.loadParticipants(id).catch(() => {});
  const topic = `room_participants:${id}`;
  follow(topic, { participant_added: changed, participant_removed: changed }, () =>
    model.loadParticipants(id),
  );
  signal.addEventListener("abort", () => unfollow(topic));
}

function join(id) {
  const message = (payload) => model.hearMessage(id, payload);
  const update = (payload) => model.hearUpdate(id, payload);
  const said = (payload) => {
    message(payload);
    tellAloud(id, payload);
  };
  const fill = () => id === model.open && model.loadMessages(id);
  follow(
    `chat_room:${id}`,
    { message_created: said, message_updated: update, event_created: message, room_deleted: leave },
    fill,
  );
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

/** A few are read out as they stand; of many at once only how many there are. */
function tellAloud(id, message) {
  if (id !== model.open || message.sender_id === model.me.id) return;
  const room = model.rooms.get(id);
  const sender = line(message.sender_name ?? "Somebody", () => null, 60);
  if (!untold.length) setTimeout(tellUntold, TOGETHER);
  untold.push(`${sender}: ${line(message.content, model.nameIn(room, message), 300)}`);
}

function tellUntold() {
  const told = untold.splice(0);
  if (told.length > FEW) announce(`${told.length} new messages`);
  else told.forEach(announce);
}
