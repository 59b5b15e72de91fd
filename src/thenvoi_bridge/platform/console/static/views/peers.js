/** Choosing among those whom one can bring into a room. */

import { api } from "../api.js";
import { h, notice } from "../dom.js";
import { visible } from "../text.js";
import { avatar } from "./avatar.js";

/** A list with a filter, and what is chosen in it. Those in the room `notIn` are left out. */
export async function peerPicker(notIn) {
  const peers = await api.peers({ not_in_chat: notIn }).catch((error) => (notice(error.message, "problem"), []));
  const rows = peers.map(row);
  const filter = h("input", {
    type: "search",
    placeholder: "Filter by name or handle",
    "aria-label": "Filter by name or handle",
    autocomplete: "off",
  });
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const { element, text } of rows) element.hidden = !text.includes(wanted);
  });
  const none = h(
    "p",
    { class: "empty" },
    "There is nobody else to add. Register an agent, or make a contact.",
  );
  const list = rows.length
    ? h(
        "ul",
        { class: "picker" },
        rows.map(({ element }) => element),
      )
    : none;
  const chosen = () => rows.filter(({ box }) => box.checked).map(({ id }) => id);
  return { picker: h("div", {}, rows.length > 6 ? filter : null, list), chosen };
}

function row(peer) {
  const box = h("input", { type: "checkbox" });
  const online = peer.online ? h("span", { class: "online" }, "online") : null;
  const who = h(
    "span",
    { class: "who" },
    h("strong", {}, visible(peer.name)),
    h("span", { class: "handle" }, `@${visible(peer.handle)}`),
  );
  const element = h("li", {}, h("label", {}, box, avatar(peer), who, online));
  return { id: peer.id, box, element, text: visible(`${peer.name} ${peer.handle}`).toLowerCase() };
}
