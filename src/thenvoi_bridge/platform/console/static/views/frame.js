/** The frame around everything: the side with its rooms, and the main part, which the address fills. */

import { h } from "../dom.js";
import { model } from "../model.js";
import { route } from "../router.js";
import { showAgents } from "./agents.js";
import { showContacts } from "./contacts.js";
import { listenToKeys } from "./keys.js";
import { showMemories } from "./memories.js";
import { showRoom, showNoRoom } from "./room.js";
import { side } from "./side.js";

const PAGES = { rooms: showRoom, agents: showAgents, contacts: showContacts, memories: showMemories };

/** Show the frame; from here on the address decides. */
export function showFrame() {
  const main = h("main", { id: "main", tabindex: "-1" });
  const skip = h("a", { class: "skip", href: "#main", on: { click: skipTo(main) } }, "Skip to the main part");
  document.getElementById("app").replaceChildren(skip, side(), main);
  for (const what of ["rooms", "room"]) model.hear(what, nameTheTab);
  listenToKeys();
  fill(main);
}

function fill(main) {
  let leaving = new AbortController();
  let first = true;
  route(([name, ...rest]) => {
    leaving.abort();
    leaving = new AbortController();
    model.open = null;
    const isPage = Object.hasOwn(PAGES, name) && (name !== "rooms" || rest[0]);
    document.body.dataset.place = isPage ? "page" : "list";
    if (isPage) PAGES[name](main, leaving.signal, ...rest);
    else showList(main, leaving.signal);
    nameTheTab();
    if (!first && !main.contains(document.activeElement)) main.focus({ preventScroll: true });
    first = false;
  });
}

/** Whoever was in no room is not told so any more once there is one. */
function showList(main, signal) {
  showNoRoom(main);
  const wasEmpty = !model.rooms.size;
  model.hear("rooms", () => wasEmpty && model.rooms.size && showNoRoom(main), signal);
}

function skipTo(main) {
  return (event) => {
    event.preventDefault();
    main.focus();
  };
}

function nameTheTab() {
  const unread = model.unread();
  const title = document.querySelector("main h1")?.textContent;
  document.title = `${unread ? `(${unread}) ` : ""}${title ? `${title} · ` : ""}Thenvoi`;
}
