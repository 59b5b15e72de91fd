/** Keys that work wherever nobody is typing, and the dialog that tells of them. */

import { h } from "../dom.js";
import { model } from "../model.js";
import { go, place } from "../router.js";
import { openDialog } from "./dialog.js";
import { openNewRoom } from "./new_room.js";

const KEYS = {
  "/": ["Search", () => document.getElementById("search")?.focus()],
  n: ["New room", () => openNewRoom()],
  j: ["Next room", () => step(1)],
  k: ["Room before", () => step(-1)],
  m: ["Write a message", () => document.getElementById("composer")?.focus()],
  "?": ["These keys", () => showKeys()],
};

const OFF = "keys-off";

/** Begin to listen. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, dialog[open]");
    const known = KEYS[event.key];
    if (!known || isTyping || localStorage.getItem(OFF) || event.ctrlKey || event.metaKey || event.altKey)
      return;
    event.preventDefault();
    known[1]();
  });
}

/** Show which keys there are. */
export function showKeys() {
  const rows = Object.entries(KEYS).map(([key, [what]]) =>
    h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)),
  );
  const more = [
    ["Enter", "Send; with Shift a new line"],
    ["@", "Mention somebody: arrows choose, Enter or Tab takes"],
    ["Esc", "Close"],
  ];
  const fixed = more.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)));
  openDialog(
    "Keys",
    h("dl", { class: "keys" }, rows, fixed),
    h("label", { class: "choice" }, offSwitch(), "Keys of one letter work"),
  );
}

/** Whoever speaks to a computer, or hits keys by chance, can do without them (WCAG 2.1.4). */
function offSwitch() {
  const box = h("input", { type: "checkbox" });
  box.checked = !localStorage.getItem(OFF);
  box.addEventListener("change", () =>
    box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes"),
  );
  return box;
}

function step(by) {
  const rooms = model.sorted();
  if (!rooms.length) return;
  const at = rooms.findIndex((room) => room.id === place()[1]);
  go("rooms", rooms[Math.min(Math.max(at + by, 0), rooms.length - 1)].id);
}
