/** Who is in a room; adding and taking out. */

import { api } from "../api.js";
import { button, h, iconButton, keepingFocus, notice } from "../dom.js";
import { model } from "../model.js";
import { visible } from "../text.js";
import { avatar } from "./avatar.js";
import { confirmFirst, openDialog } from "./dialog.js";
import { peerPicker } from "./peers.js";

/** The panel, kept up to date by itself. */
export function people(room, signal) {
  const list = h("ul", { class: "people" });
  const draw = keepingFocus(list, () =>
    list.replaceChildren(...room.participants.map((one) => row(room, one))),
  );
  model.hear("room", (told) => told.id === room.id && draw(), signal);
  model.hear("online", draw, signal);
  draw();
  const add = button("Add somebody", () => openAdd(room), { class: "wide" });
  return h(
    "section",
    { id: "people", class: "panel", "aria-label": "Who is here" },
    h("h2", {}, "Who is here"),
    list,
    add,
  );
}

/** Whether an agent is known not to be connected; it gets what it is sent when it comes back. */
export function isAway({ id, type }) {
  return type === "Agent" && model.online.get(id) === false;
}

function row(room, one) {
  const isMe = one.id === model.me.id;
  const role = h(
    "span",
    { class: "handle" },
    [isMe ? "you" : one.handle ? `@${visible(one.handle)}` : "", one.role === "member" ? "" : one.role]
      .filter(Boolean)
      .join(" · "),
  );
  const name = visible(one.name ?? one.handle ?? one.id);
  const mine = room.participants.find(({ id }) => id === model.me.id)?.role ?? "member";
  const may = isMe ? one.role !== "owner" : mine === "owner" || (mine === "admin" && one.role === "member");
  const label = isMe ? "Leave this room" : `Remove ${name}`;
  const remove = may ? iconButton(isMe ? "exit" : "close", label, () => takeOut(room, one, label)) : null;
  const away = isAway(one) ? h("span", { class: "tag", title: "Not connected" }, "away") : null;
  const line = h("span", { class: "named" }, h("strong", { title: name }, name), away);
  return h("li", {}, avatar(one, room), h("span", { class: "who" }, line, role), remove);
}

function takeOut(room, one, label) {
  confirmFirst(`${label}?`, one.id === model.me.id ? "Leave" : "Remove", () =>
    api
      .remove(room.id, one.id)
      .then(() => model.rooms.has(room.id) && model.loadParticipants(room.id))
      .catch((error) => notice(error.message, "problem")),
  );
}

async function openAdd(room) {
  const { picker, chosen } = await peerPicker(room.id);
  const add = async () => {
    close();
    for (const id of chosen()) await api.add(room.id, id).catch((error) => notice(error.message, "problem"));
    await model.loadParticipants(room.id).catch(() => {});
  };
  const close = openDialog(
    "Add to this room",
    picker,
    h("p", { class: "actions" }, button("Add", add, { class: "primary" })),
  );
}
