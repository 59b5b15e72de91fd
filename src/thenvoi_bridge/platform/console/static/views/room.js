/** A room: its head, what was said in it, where to write, and who is there. */

import { button, h, iconButton, notice } from "../dom.js";
import { attend } from "../live.js";
import { model } from "../model.js";
import { to } from "../router.js";
import { visible } from "../text.js";
import { openRegister } from "./agents.js";
import { composer } from "./composer.js";
import { openNewRoom } from "./new_room.js";
import { people } from "./people.js";
import { timeline } from "./timeline.js";

/** Requests for which an old message is looked for. */
const FAR = 100;
const ONLINE_EVERY = 30_000;

/** Show one, and its message `messageId` if there is one. */
export async function showRoom(main, signal, id, messageId) {
  const problem = model.rooms.has(id) ? null : await model.reload(id).catch((error) => error.message);
  if (signal.aborted) return;
  const room = model.rooms.get(id);
  if (!room) return showNoRoom(main, problem ?? "You are not in this room.");
  model.open = id;
  main.replaceChildren(
    h(
      "div",
      { class: "room" },
      head(room, signal),
      offline(signal),
      timeline(room, signal, messageId),
      composer(room, signal),
      people(room, signal),
    ),
  );
  model.hear(
    "room",
    (told) => told.id === id && !model.rooms.has(id) && showNoRoom(main, "You are no longer in this room."),
    signal,
  );
  document.addEventListener("visibilitychange", () => document.hidden || model.see(id), { signal });
  model.see(id);
  attend(id, signal);
  watchOnline(signal);
  await load(room, signal, messageId).catch((error) => signal.aborted || notice(error.message, "problem"));
}

async function load(room, signal, messageId) {
  await Promise.all([model.loadParticipants(room.id), model.loadMessages(room.id)]);
  if (!messageId) return;
  for (let n = 0; n < FAR && room.more && !room.known.has(messageId); n += 1)
    await model.loadMessages(room.id, { older: true, size: 100, signal });
  if (!room.known.has(messageId)) notice("That message is not here.", "problem");
}

/** Nobody tells who is connected, so it is asked while somebody looks. */
function watchOnline(signal) {
  const look = () => document.hidden || model.loadOnline().catch(() => {});
  const clock = setInterval(look, ONLINE_EVERY);
  signal.addEventListener("abort", () => clearInterval(clock));
  look();
}

/** Where the side is not to be seen, this says that nothing comes any more. */
function offline(signal) {
  const shown = h("p", { class: "offline", hidden: true }, "Connection lost. Trying to get it back…");
  const draw = () => (shown.hidden = model.connection !== "lost");
  model.hear("connection", draw, signal);
  draw();
  return shown;
}

/** What is shown where no room is chosen. */
export function showNoRoom(main, why) {
  model.open = null;
  const content = model.rooms.size
    ? [h("h1", {}, "Rooms"), h("p", {}, why ?? "Choose a room, or open a new one.")]
    : beginning(why);
  const keys = h("p", { class: "help" }, "Press ", h("kbd", {}, "?"), " for all keys.");
  main.replaceChildren(h("div", { class: "nothing" }, content, keys));
}

/** What whoever is new here does first. */
function beginning(why) {
  return [
    h("h1", {}, "Welcome"),
    h("p", {}, why ?? "You are in no room yet. Register an agent, then open a room with it."),
    h(
      "p",
      { class: "actions" },
      button("Register an agent", () => openRegister(() => {}), { class: "primary" }),
      button("Open a room", openNewRoom),
    ),
  ];
}

function head(room, signal) {
  const title = h("h1", {});
  const count = h("span", { class: "handle" });
  const draw = () => {
    title.textContent = visible(room.title);
    title.title = visible(room.title);
    const { length } = room.participants;
    count.textContent = length === 1 ? "only you" : length ? `${length} participants` : "";
  };
  model.hear("room", (told) => told.id === room.id && draw(), signal);
  model.hear("rooms", draw, signal);
  draw();
  const back = h("a", { href: to(), class: "back", "aria-label": "All rooms" }, "‹ Rooms");
  return h("header", { class: "bar" }, back, h("div", { class: "name" }, title, count), peopleButton(signal));
}

/** Where there is little room the people stand over the messages, and Esc puts them away. */
function peopleButton(signal) {
  const toggle = () => {
    const shown = document.body.dataset.people !== "shown";
    document.body.dataset.people = shown ? "shown" : "hidden";
    pressed.setAttribute("aria-expanded", String(shown));
    if (shown) document.getElementById("people")?.querySelector("button")?.focus();
  };
  const isOver = () => matchMedia("(max-width: 70rem)").matches;
  const away = (event) => {
    if (event.key !== "Escape" || !isOver() || !event.target.closest("#people")) return;
    toggle();
    pressed.focus();
  };
  document.addEventListener("keydown", away, { signal });
  document.body.dataset.people ??= isOver() ? "hidden" : "shown";
  const pressed = iconButton("people", "Who is in this room", toggle, {
    "aria-controls": "people",
    "aria-expanded": String(document.body.dataset.people === "shown"),
  });
  return pressed;
}
