/** What was said in a room, oldest first. It stays at the end unless somebody has scrolled up. */

import { button, h, notice, soon } from "../dom.js";
import { model } from "../model.js";
import { dayOf } from "../text.js";
import { entryOf } from "./entry.js";
import { Stretch } from "./stretch.js";

const TOGETHER = 5 * 60 * 1000;
const NEAR = 80;

/** The element; `messageId` is the message to show first. */
export function timeline(room, signal, messageId) {
  const view = new Timeline(room, messageId);
  model.hear("messages", (told) => told.id === room.id && view.hear(told.ids), signal);
  model.hear("room", (told) => told.id === room.id && view.change(view.shown.keys()), signal);
  if (room.loaded) view.draw();
  new ResizeObserver(() => view.atEnd && view.toEnd()).observe(view.box);
  return view.box;
}

class Timeline {
  constructor(room, messageId) {
    this.room = room;
    this.wanted = messageId;
    this.stretch = new Stretch(room);
    this.shown = new Map();
    this.changed = new Set();
    this.drawSoon = soon(() => this.draw());
    this.atEnd = true;
    this.list = h("ol", { class: "entries" });
    this.older = button("Earlier messages", () => this.showEarlier(), { class: "older", hidden: true });
    this.later = button("Later messages", () => this.showLater(), { class: "older", hidden: true });
    this.newest = button("Newest messages ↓", () => this.showNewest(), { class: "newest", hidden: true });
    this.box = h(
      "div",
      { class: "timeline", role: "region", "aria-label": "Messages", tabindex: "0" },
      this.older,
      this.list,
      this.later,
      this.newest,
    );
    this.box.addEventListener("scroll", () => this.scrolled());
  }

  scrolled() {
    const isLow = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
    this.atEnd = isLow && this.stretch.hasEnd;
    this.newest.hidden = this.atEnd || !this.shown.size;
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  /** What I say myself, I want to see. */
  hear(ids) {
    const [message] = ids.length === 1 ? [this.room.known.get(ids[0])] : [];
    const isMine = message?.sender_id === model.me.id && !this.shown.has(message.id);
    if (isMine && message === this.room.messages.at(-1)) this.showNewest();
    else this.change(ids);
  }

  change(ids) {
    for (const id of ids) this.changed.add(id);
    this.drawSoon();
  }

  async showEarlier() {
    const fromEnd = this.box.scrollHeight - this.box.scrollTop;
    this.atEnd = false;
    await this.stretch.earlier().catch((error) => notice(error.message, "problem"));
    this.draw();
    this.box.scrollTop = this.box.scrollHeight - fromEnd;
    if (this.older.hidden) this.box.focus();
  }

  showLater() {
    const { scrollTop } = this.box;
    this.stretch.later();
    this.draw();
    this.box.scrollTop = scrollTop;
    if (this.later.hidden) this.box.focus();
  }

  showNewest() {
    this.stretch.newest();
    this.atEnd = true;
    this.draw();
    if (this.newest.contains(document.activeElement)) this.box.focus();
    this.scrolled();
  }

  /** Draw what is new, and what of it has changed. */
  draw() {
    for (const id of this.changed) this.replace(id);
    this.changed.clear();
    if (this.wanted && this.room.known.has(this.wanted)) this.stretch.around(this.wanted);
    else if (this.atEnd && !this.list.contains(document.activeElement)) this.stretch.trim();
    const messages = this.stretch.messages();
    this.place(messages.map((message) => this.elementOf(message)));
    this.forget(new Set(messages.map(({ id }) => id)));
    group(messages, this.shown);
    this.older.hidden = !this.stretch.hasEarlier;
    this.later.hidden = this.stretch.hasEnd;
    if (this.shown.has(this.wanted)) return this.showWanted();
    if (this.atEnd) this.toEnd();
  }

  /** Only where something is out of place is anything moved, so that focus and selection stay. */
  place(elements) {
    this.list.querySelector(".empty")?.remove();
    elements.forEach((element, n) => {
      if (this.list.children[n] !== element) this.list.insertBefore(element, this.list.children[n] ?? null);
    });
    while (this.list.children.length > elements.length) this.list.lastChild.remove();
    if (!elements.length && this.room.loaded)
      this.list.append(
        h("li", { class: "empty" }, "Nothing has been said here yet. Mention somebody with @ to begin."),
      );
  }

  elementOf(message) {
    if (!this.shown.has(message.id)) this.shown.set(message.id, entryOf(this.room, message));
    return this.shown.get(message.id);
  }

  forget(kept) {
    for (const id of this.shown.keys()) if (!kept.has(id)) this.shown.delete(id);
  }

  replace(id) {
    const old = this.shown.get(id);
    const message = this.room.known.get(id);
    if (!old || !message) return;
    const fresh = entryOf(this.room, message);
    if (old.contains(document.activeElement)) return update(old, fresh);
    keepOpen(old, fresh);
    old.replaceWith(fresh);
    this.shown.set(id, fresh);
  }

  showWanted() {
    const element = this.shown.get(this.wanted);
    this.wanted = null;
    this.atEnd = false;
    element.classList.add("wanted");
    const show = () => element.scrollIntoView({ block: "center" });
    if (this.box.isConnected) show();
    else requestAnimationFrame(show);
  }
}

/** Entries of one sender within minutes stand under one name; a new day says so. */
function group(messages, elements) {
  let before = null;
  for (const message of messages) {
    const element = elements.get(message.id);
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

/** Somebody stands in it: change no more than how far its mentions are. */
function update(old, fresh) {
  const states = old.querySelector(".deliveries");
  const now = fresh.querySelector(".deliveries");
  if (!states || !now) return;
  const at = [...states.querySelectorAll("summary")].indexOf(document.activeElement);
  openAlike(states, now);
  if (states.isEqualNode(now)) return;
  states.replaceWith(now);
  now.querySelectorAll("summary")[at]?.focus();
}

function openAlike(old, fresh) {
  const before = old.querySelectorAll("details");
  fresh.querySelectorAll("details").forEach((details, n) => {
    details.open = before[n]?.open ?? details.open;
  });
}

function keepOpen(old, fresh) {
  openAlike(old, fresh);
  fresh.classList.toggle("wanted", old.classList.contains("wanted"));
  if (old.querySelector(".body:not(.folded)")) fresh.querySelector(".link")?.click();
}
