/** The search: rooms and messages that are here already at once, then what has to be fetched. */

import { button, h, icon, soon } from "../dom.js";
import { Looking, roomsWith, wordsOf } from "../looking.js";
import { model } from "../model.js";
import { here, to } from "../router.js";
import { timeOf, visible } from "../text.js";

const PAUSE = 300;
const STEP = 50;
const BEFORE = 30;
const EXCERPT = 110;

/** The box, and the list of what was found, which stands in the place of `rooms` meanwhile. */
export function searchBox(rooms) {
  const search = new Search(rooms);
  return { box: h("div", { class: "search", role: "search" }, icon("search"), search.input), found: search.found };
}

class Search {
  constructor(rooms) {
    this.rooms = rooms;
    this.looking = null;
    this.pause = null;
    this.shown = STEP;
    this.input = h("input", {
      id: "search",
      type: "search",
      placeholder: "Search rooms and messages",
      "aria-label": "Search rooms and messages",
      autocomplete: "off",
      maxlength: "200",
    });
    this.hits = h("div", {});
    this.progress = h("p", { class: "help" });
    this.said = h("p", { class: "unseen", role: "status" });
    this.deed = h("span", {});
    const head = h("div", { class: "looking" }, this.progress, this.deed, this.said);
    this.found = h("div", { class: "found", hidden: true }, head, this.hits);
    this.draw = soon(() => this.show());
    this.listen();
  }

  listen() {
    this.input.addEventListener("input", () => this.begin());
    for (const part of [this.input, this.found])
      part.addEventListener("keydown", (event) => this.keydown(event));
    this.found.addEventListener("click", (event) => event.target.closest("a.place") && this.clear());
    addEventListener("hashchange", this.draw);
    model.hear("rooms", this.draw);
  }

  /** Another word: what was looked for before is not any more. */
  begin() {
    this.stop();
    this.looking = null;
    this.shown = STEP;
    const words = wordsOf(this.input.value);
    this.found.hidden = !words.length;
    this.rooms.hidden = !this.found.hidden;
    if (!words.length) return;
    this.looking = new Looking(words, this.draw);
    this.pause = setTimeout(() => this.further(), PAUSE);
    this.show();
  }

  /** Look through more than is here, until enough was asked for. */
  async further() {
    const { looking } = this;
    this.pause = null;
    await looking.further();
    if (looking !== this.looking) return;
    this.show();
    this.said.textContent = `${counted(looking.hits().length, "message")} found. ${looking.progress()}`;
  }

  stop() {
    clearTimeout(this.pause);
    this.pause = null;
    this.looking?.stop();
    this.draw();
  }

  clear() {
    this.input.value = "";
    this.begin();
  }

  show() {
    if (!this.looking) return;
    const hits = this.looking.hits();
    const at = document.activeElement?.closest?.(".found a")?.getAttribute("href");
    const more = button("Show more", () => this.showMore(), { class: "link" });
    this.hits.replaceChildren(...results(this.looking, hits, this.shown, more));
    if (at) this.hits.querySelector(`[href="${CSS.escape(at)}"]`)?.focus();
    this.showProgress();
  }

  /** Of every kind; whoever asked stands on the first that is new. */
  showMore() {
    const before = new Set([...this.hits.querySelectorAll("a")].map((link) => link.getAttribute("href")));
    this.shown += STEP;
    this.show();
    [...this.hits.querySelectorAll("a")].find((link) => !before.has(link.getAttribute("href")))?.focus();
  }

  /** The button is exchanged only for another one, so that whoever stands on it stays there. */
  showProgress() {
    const { isDone } = this.looking;
    const isRunning = this.looking.isRunning || this.pause !== null;
    this.progress.textContent = this.looking.problem ?? this.looking.progress();
    const wanted = isRunning ? "Stop" : isDone ? "" : "Search further";
    if (this.deed.textContent === wanted) return;
    const had = this.deed.contains(document.activeElement);
    const pressed = isRunning ? () => this.stop() : () => this.further();
    this.deed.replaceChildren(...(wanted ? [button(wanted, pressed, { class: "link" })] : []));
    if (had) (this.deed.querySelector("button") ?? this.input).focus();
  }

  keydown(event) {
    const links = [...this.hits.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      this.clear();
      return this.input.focus();
    }
    if (event.key === "Enter" && event.target === this.input) links[0]?.click();
    else if (event.key === "ArrowDown") links[at + 1]?.focus();
    else if (event.key === "ArrowUp") (links[at - 1] ?? this.input).focus();
    else return;
    event.preventDefault();
  }
}

function results(looking, hits, most, more) {
  const rooms = roomsWith(looking.words);
  if (!rooms.length && !hits.length)
    return [h("p", { class: "empty" }, nothing(looking))];
  const inHere = hits.filter(({ room }) => room.id === model.open);
  const elsewhere = hits.filter(({ room }) => room.id !== model.open);
  const shown = (hit) => messageHit(hit, looking.words);
  const isMore = [rooms, inHere, elsewhere].some(({ length }) => length > most);
  return [
    ...group("Rooms", rooms, roomHit, most),
    ...group("In this room", inHere, shown, most),
    ...group(model.open ? "In other rooms" : "Messages", elsewhere, shown, most),
    isMore ? h("p", { class: "help" }, more) : "",
  ];
}

function nothing({ isRunning, isDone }) {
  return isRunning || model.listing ? "Looking…" : isDone ? "Nothing found." : "Nothing found so far.";
}

function group(title, items, row, most) {
  if (!items.length) return [];
  const rest = items.length > most ? ` (the first ${most} of ${items.length.toLocaleString("en")})` : "";
  return [h("h2", {}, title + rest), h("ul", {}, items.slice(0, most).map(row))];
}

function roomHit({ room, who }) {
  const title = h("span", { class: "title" }, visible(room.title));
  const with_ = who ? h("span", { class: "handle" }, `with ${visible(who)}`) : null;
  return h("li", {}, h("a", { href: to("rooms", room.id), class: "place" }, title, with_));
}

function messageHit({ room, message, text }, words) {
  const sender = visible(message.sender_name ?? "");
  const where = room.id === model.open ? sender : `${sender} in ${visible(room.title)}`;
  const attributes = {
    href: to("rooms", room.id, message.id),
    class: "hit",
    "aria-current": here("rooms", room.id, message.id),
  };
  const head = h("span", { class: "handle" }, h("span", {}, where), timeOf(message.inserted_at, "recent"));
  return h("li", {}, h("a", attributes, head, h("span", {}, excerpt(text, words))));
}

/** The words and what stands around the first of them. */
function excerpt(text, words) {
  const first = Math.max(0, text.toLowerCase().indexOf(words[0]) - BEFORE);
  const from = /[\udc00-\udfff]/.test(text[first]) ? first + 1 : first; // not into the middle of a letter
  return marked(`${from ? "…" : ""}${text.slice(from, from + EXCERPT)}`, words);
}

function marked(text, words) {
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const parts = text.split(new RegExp(`(${escaped.join("|")})`, "gi"));
  return parts.map((part, n) => (n % 2 ? h("mark", {}, part) : part));
}

function counted(n, what) {
  return `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
}
