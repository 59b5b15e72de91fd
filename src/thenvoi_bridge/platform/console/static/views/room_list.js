/** The rooms at the side, those used last first. As many are drawn as somebody has scrolled to. */

import { button, h, keepingFocus, soon } from "../dom.js";
import { model } from "../model.js";
import { here, place, to } from "../router.js";
import { timeOf, visible } from "../text.js";
import { openNewRoom } from "./new_room.js";

const STEP = 100;
const NEAR = 400;

/** The list, kept up to date by itself. */
export function roomList() {
  const list = h("ul", { class: "rooms" });
  let drawn = STEP;
  const draw = keepingFocus(list, () => list.replaceChildren(...links(drawn)));
  const more = () => {
    const isNearEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    if (!isNearEnd || drawn >= model.rooms.size) return;
    drawn += STEP;
    draw();
  };
  for (const what of ["rooms", "room"]) model.hear(what, soon(draw));
  list.addEventListener("scroll", more);
  addEventListener("hashchange", () => {
    draw();
    list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  });
  draw();
  return list;
}

/** The room that is open is among them, however far down it stands. */
function links(drawn) {
  const rooms = model.sorted();
  const open = rooms.findIndex((room) => room.id === place()[1]);
  const shown = rooms.slice(0, Math.max(drawn, open + 1)).map(link);
  if (model.listing) shown.push(h("li", { class: "empty" }, "Listing your rooms…"));
  else if (!rooms.length) shown.push(none());
  return shown;
}

function none() {
  return h("li", { class: "empty" }, "No rooms yet. ", button("Open one", openNewRoom, { class: "link" }));
}

function link(room) {
  const attributes = {
    href: to("rooms", room.id),
    "aria-current": here("rooms", room.id),
    class: room.unread || room.missed ? "new" : null,
    title: visible(room.title),
    "data-id": room.id,
  };
  const title = h("span", { class: "title" }, visible(room.title));
  return h("li", {}, h("a", attributes, title, badge(room) ?? timeOf(room.updatedAt, "recent")));
}

function badge({ unread, missed, mentioned }) {
  if (unread)
    return h(
      "span",
      { class: mentioned ? "badge mine" : "badge" },
      unread,
      h("span", { class: "unseen" }, " unread"),
    );
  return missed ? h("span", { class: "badge missed" }, h("span", { class: "unseen" }, "news")) : null;
}
