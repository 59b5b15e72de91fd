/** The side: search, rooms, the other pages, who I am. */

import { h, icon, iconButton, keepingFocus } from "../dom.js";
import { model } from "../model.js";
import { place, to } from "../router.js";
import { signOut } from "../session.js";
import { timeOf, visible } from "../text.js";
import { avatar } from "./avatar.js";
import { openNewRoom } from "./new_room.js";
import { showKeys } from "./keys.js";
import { searchBox } from "./search.js";
import { themeButton } from "./theme.js";

/** The element, kept up to date by itself. */
export function side() {
  const rooms = h("ul", { class: "rooms" });
  const pages = h("ul", { class: "pages" });
  const draw = () => rooms.replaceChildren(...roomLinks());
  const drawPages = () => pages.replaceChildren(...pageLinks());
  for (const what of ["rooms", "room"]) model.hear(what, keepingFocus(rooms, draw));
  model.hear("contacts", keepingFocus(pages, drawPages));
  addEventListener("hashchange", () => (draw(), drawPages()));
  draw();
  drawPages();
  const { box, found } = searchBox(rooms);
  const head = h(
    "div",
    { class: "head" },
    h("span", { class: "brand" }, "Thenvoi"),
    status(),
    iconButton("plus", "New room (n)", openNewRoom),
  );
  const lists = h("nav", { "aria-label": "Rooms and pages" }, found, rooms, pages);
  return h("aside", { class: "side", "aria-label": "Console" }, head, box, lists, foot());
}

function roomLinks() {
  const rooms = model.sorted();
  return rooms.length
    ? rooms.map(roomLink)
    : [h("li", { class: "empty" }, "No rooms yet. Press n to open one.")];
}

function roomLink(room) {
  const count = room.unread
    ? h(
        "span",
        { class: room.mentioned ? "badge mine" : "badge" },
        room.unread,
        h("span", { class: "unseen" }, " unread"),
      )
    : null;
  const title = h("span", { class: "title" }, visible(room.title));
  return h(
    "li",
    {},
    h(
      "a",
      {
        href: to("rooms", room.id),
        "aria-current": here("rooms", room.id),
        class: room.unread ? "new" : null,
        "data-id": room.id,
      },
      title,
      count ?? timeOf(room.updatedAt, "recent"),
    ),
  );
}

function pageLinks() {
  const waiting = model.requests.length;
  const badge = waiting
    ? h("span", { class: "badge mine" }, waiting, h("span", { class: "unseen" }, " waiting"))
    : null;
  return [
    ["agents", "Agents", "agent"],
    ["contacts", "Contacts", "people", badge],
    ["memories", "Memories", "book"],
  ].map(([name, label, picture, more]) =>
    h(
      "li",
      {},
      h(
        "a",
        { href: to(name), "aria-current": here(name), "data-id": name },
        icon(picture),
        h("span", { class: "title" }, label),
        more,
      ),
    ),
  );
}

function here(...parts) {
  const now = place();
  return parts.every((part, n) => now[n] === part) ? "page" : null;
}

function status() {
  const words = { connecting: "Connecting…", live: "Live", lost: "Reconnecting…" };
  const shown = h("span", { role: "status" });
  const draw = () => {
    shown.className = `status ${model.connection}`;
    shown.textContent = words[model.connection];
  };
  model.hear("connection", draw);
  draw();
  return shown;
}

function foot() {
  const who = h(
    "span",
    { class: "who" },
    h("strong", {}, visible(model.me.name)),
    h("span", { class: "handle" }, `@${visible(model.me.handle)}`),
  );
  return h(
    "footer",
    {},
    avatar({ id: model.me.id, name: model.me.name, type: "User" }),
    who,
    iconButton("keys", "Keys (?)", showKeys),
    themeButton(),
    iconButton("exit", "Sign out", signOut),
  );
}
