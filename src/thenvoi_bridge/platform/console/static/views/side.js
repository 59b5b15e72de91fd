/** The side: search, rooms, the other pages, who I am. */

import { h, icon, iconButton, keepingFocus } from "../dom.js";
import { model } from "../model.js";
import { here, to } from "../router.js";
import { signOut } from "../session.js";
import { visible } from "../text.js";
import { avatar } from "./avatar.js";
import { openNewRoom } from "./new_room.js";
import { showKeys } from "./keys.js";
import { roomList } from "./room_list.js";
import { searchBox } from "./search.js";
import { themeButton } from "./theme.js";

/** The element, kept up to date by itself. */
export function side() {
  const rooms = roomList();
  const pages = h("ul", { class: "pages" });
  const drawPages = () => pages.replaceChildren(...pageLinks());
  model.hear("contacts", keepingFocus(pages, drawPages));
  addEventListener("hashchange", drawPages);
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
    avatar({ ...model.me, type: "User" }),
    who,
    iconButton("keys", "Keys (?)", showKeys),
    themeButton(),
    iconButton("exit", "Sign out", signOut),
  );
}
