/** Search over the rooms, and over what was said in those that are loaded. */

import { h, icon } from "../dom.js";
import { model } from "../model.js";
import { to } from "../router.js";
import { line, visible } from "../text.js";

const RECENT = 20;
const MOST = 30;

/** The box, and the list of what was found, which stands in the place of `rooms` meanwhile. */
export function searchBox(rooms) {
  const found = h("div", { class: "found", hidden: true });
  const input = h("input", {
    id: "search",
    type: "search",
    placeholder: "Search rooms and messages",
    "aria-label": "Search rooms and messages",
    autocomplete: "off",
  });
  const draw = () => {
    const wanted = input.value.trim().toLowerCase();
    found.hidden = !wanted;
    rooms.hidden = Boolean(wanted);
    if (wanted) found.replaceChildren(...results(wanted));
  };
  input.addEventListener("input", draw);
  input.addEventListener("focus", () => loadRecent().then(draw, () => {}), { once: true });
  input.addEventListener("keydown", (event) => keys(event, input, found, draw));
  found.addEventListener("click", (event) => event.target.closest("a") && clear(input, draw));
  return { box: h("div", { class: "search", role: "search" }, icon("search"), input), found };
}

function keys(event, input, found, draw) {
  if (event.key === "Escape") clear(input, draw);
  if (event.key !== "Enter" && event.key !== "ArrowDown") return;
  event.preventDefault();
  const first = found.querySelector("a");
  if (event.key === "Enter") first?.click();
  else first?.focus();
}

function clear(input, draw) {
  input.value = "";
  draw();
}

/** The API has no search over messages, so the newest of the recent rooms are fetched to look through. */
async function loadRecent() {
  for (const room of model.sorted().slice(0, RECENT)) if (!room.loaded) await model.loadMessages(room.id);
}

function results(wanted) {
  const rooms = model.sorted().filter((room) => visible(room.title).toLowerCase().includes(wanted));
  const messages = model
    .sorted()
    .flatMap((room) =>
      [...room.messages].reverse().map((message) => ({ room, message, text: plain(room, message) })),
    );
  const hits = messages.filter(({ text }) => text.toLowerCase().includes(wanted)).slice(0, MOST);
  if (!rooms.length && !hits.length)
    return [h("p", { class: "empty", role: "status" }, "Nothing found in what is loaded.")];
  return [
    ...group("Rooms", rooms.map(roomHit)),
    ...group(
      "Messages",
      hits.map((hit) => messageHit(hit, wanted)),
    ),
  ];
}

function group(title, items) {
  return items.length ? [h("h2", {}, title), h("ul", {}, items)] : [];
}

function roomHit(room) {
  return h(
    "li",
    {},
    h("a", { href: to("rooms", room.id) }, h("span", { class: "title" }, visible(room.title))),
  );
}

function messageHit({ room, message, text }, wanted) {
  const from = Math.max(0, text.toLowerCase().indexOf(wanted) - 30);
  const excerpt = `${from ? "…" : ""}${text.slice(from, from + 90)}`;
  const sender = visible(message.sender_name ?? "");
  return h(
    "li",
    {},
    h(
      "a",
      { href: to("rooms", room.id, message.id), class: "hit" },
      h("span", { class: "handle" }, `${sender} in ${visible(room.title)}`),
      h("span", {}, excerpt),
    ),
  );
}

function plain(room, message) {
  return line(message.content, model.nameIn(room, message), 4000);
}
