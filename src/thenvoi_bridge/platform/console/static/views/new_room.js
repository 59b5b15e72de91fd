/** Open a room with some people and agents in it. */

import { api } from "../api.js";
import { button, h, notice } from "../dom.js";
import { model } from "../model.js";
import { go } from "../router.js";
import { openDialog } from "./dialog.js";
import { peerPicker } from "./peers.js";

/** The dialog; it leads into the new room. */
export async function openNewRoom() {
  const { picker, chosen } = await peerPicker(null);
  const create = async () => {
    close();
    await open(chosen()).catch((error) => notice(error.message, "problem"));
  };
  const help = h(
    "p",
    { class: "help" },
    "The room is named after its first message. You can add others later.",
  );
  const close = openDialog(
    "New room",
    help,
    picker,
    h("p", { class: "actions" }, button("Open the room", create, { class: "primary" })),
  );
}

async function open(ids) {
  const room = model.enter(await api.createRoom());
  for (const id of ids) await api.add(room.id, id);
  go("rooms", room.id);
}
