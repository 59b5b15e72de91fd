/** A room: its head, what was said in it, where to write, and who is there. */

import { h, iconButton, notice } from "../dom.js";
import { model } from "../model.js";
import { to } from "../router.js";
import { visible } from "../text.js";
import { composer } from "./composer.js";
import { people } from "./people.js";
import { timeline } from "./timeline.js";

/** Show one, and its message `messageId` if there is one. */
export function showRoom(main, signal, id, messageId) {
  const room = model.rooms.get(id);
  if (!room) return showNoRoom(main, "You are not in this room.");
  model.open = id;
  main.replaceChildren(
    h(
      "div",
      { class: "room" },
      head(room, signal),
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
  load(id);
}

async function load(id) {
  await Promise.all([model.loadParticipants(id), model.loadMessages(id)]).catch((error) =>
    notice(error.message, "problem"),
  );
}

/** What is shown where no room is chosen. */
export function showNoRoom(main, why) {
  model.open = null;
  const hint = model.rooms.size
    ? "Choose a room, or open a new one."
    : "Open a room to talk with people and agents.";
  main.replaceChildren(
    h(
      "div",
      { class: "nothing" },
      h("h1", {}, "Rooms"),
      h("p", {}, why ?? hint),
      h("p", { class: "help" }, "Press ", h("kbd", {}, "?"), " for all keys."),
    ),
  );
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
