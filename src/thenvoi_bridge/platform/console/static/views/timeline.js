/** What was said in a room, oldest first. It stays at the end unless somebody has scrolled up. */

import { button, h, notice } from "../dom.js";
import { model } from "../model.js";
import { dayOf } from "../text.js";
import { entryOf } from "./entry.js";

const TOGETHER = 5 * 60 * 1000;
const NEAR = 80;

/** The element; `messageId` is the message to show first. */
export function timeline(room, signal, messageId) {
  const view = new Timeline(room, messageId);
  model.hear("messages", (told) => told.id === room.id && view.draw(told.ids), signal);
  model.hear("room", (told) => told.id === room.id && view.draw(room.messages.map(({ id }) => id)), signal);
  if (room.loaded) view.draw([]);
  new ResizeObserver(() => view.atEnd && view.toEnd()).observe(view.box);
  return view.box;
}

class Timeline {
  constructor(room, messageId) {
    this.room = room;
    this.wanted = messageId;
    this.shown = new Map();
    this.atEnd = true;
    this.list = h("ol", { class: "entries" });
    this.older = button("Earlier messages", () => this.loadOlder(), { class: "older", hidden: true });
    this.box = h(
      "div",
      { class: "timeline", role: "region", "aria-label": "Messages", tabindex: "0" },
      this.older,
      this.list,
    );
    this.box.addEventListener("scroll", () => this.scrolled());
  }

  scrolled() {
    this.atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  async loadOlder() {
    const fromEnd = this.box.scrollHeight - this.box.scrollTop;
    this.atEnd = false;
    await model
      .loadMessages(this.room.id, { older: true })
      .catch((error) => notice(error.message, "problem"));
    this.box.scrollTop = this.box.scrollHeight - fromEnd;
    if (this.older.hidden) this.box.focus();
  }

  /** Draw what is new, and what of it has changed. */
  draw(changed) {
    for (const id of changed) this.replace(id);
    const elements = this.room.messages.map((message) => this.elementOf(message));
    this.place(elements);
    this.older.hidden = !this.room.more;
    if (!elements.length && this.room.loaded)
      this.list.replaceChildren(
        h("li", { class: "empty" }, "Nothing has been said here yet. Mention somebody with @ to begin."),
      );
    if (this.wanted && this.shown.has(this.wanted)) return this.showWanted();
    if (this.atEnd) this.toEnd();
  }

  /** Only where something is out of place is anything moved, so that focus and selection stay. */
  place(elements) {
    if (elements.length) this.list.querySelector(".empty")?.remove();
    elements.forEach((element, n) => {
      if (this.list.children[n] !== element) this.list.insertBefore(element, this.list.children[n] ?? null);
    });
    while (this.list.children.length > Math.max(elements.length, 1)) this.list.lastChild.remove();
    this.group();
  }

  elementOf(message) {
    if (!this.shown.has(message.id)) this.shown.set(message.id, entryOf(this.room, message));
    return this.shown.get(message.id);
  }

  replace(id) {
    const old = this.shown.get(id);
    const message = this.room.known.get(id);
    if (!old || !message) return;
    const fresh = entryOf(this.room, message);
    if (old.contains(document.activeElement)) return this.update(old, fresh);
    keepOpen(old, fresh);
    old.replaceWith(fresh);
    this.shown.set(id, fresh);
  }

  /** Somebody stands in it: change no more than how far its mentions are. */
  update(old, fresh) {
    const states = old.querySelector(".deliveries");
    const now = fresh.querySelector(".deliveries");
    if (states && now && !states.isEqualNode(now)) states.replaceWith(now);
  }

  /** Entries of one sender within minutes stand under one name; a new day says so. */
  group() {
    let before = null;
    for (const { id } of this.room.messages) {
      const message = this.room.known.get(id);
      const element = this.shown.get(id);
      const day = dayOf(message.inserted_at);
      const isNewDay = !before || dayOf(before.inserted_at) !== day;
      const together =
        !isNewDay &&
        before.sender_id === message.sender_id &&
        new Date(message.inserted_at) - new Date(before.inserted_at) < TOGETHER;
      element.classList.toggle("continued", together);
      if (isNewDay) element.dataset.day = day;
      else delete element.dataset.day;
      before = message;
    }
  }

  showWanted() {
    const element = this.shown.get(this.wanted);
    this.wanted = null;
    this.atEnd = false;
    element.classList.add("wanted");
    element.scrollIntoView({ block: "center" });
  }
}

function keepOpen(old, fresh) {
  const details = fresh.querySelector("details");
  if (details) details.open = old.querySelector("details")?.open ?? details.open;
  fresh.classList.toggle("wanted", old.classList.contains("wanted"));
  if (old.querySelector(".body:not(.folded)")) fresh.querySelector(".link")?.click();
}
