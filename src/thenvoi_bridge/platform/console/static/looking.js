/**
 * Looking for words. The API has no search, so the pages of rooms are read, by the calls that show them: all of
 * the room that is open, then the newest of each room with who is in it, then what is older. It stops after
 * some requests and goes on when it is asked to. What was read stays in the model, and is not read twice.
 */

import { model } from "./model.js";
import { line, visible } from "./text.js";

const REQUESTS = 100;
const SIZE = 100;
const LINE = 4000;

/** What is looked for: every one of these has to be in a text. */
export function wordsOf(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function has(text, words) {
  const folded = text.toLowerCase();
  return words.every((word) => folded.includes(word));
}

/** Rooms with the words in their title, side by side first, then those where somebody of that name is (`who`). */
export function roomsWith(words) {
  const rooms = model.sorted();
  const isNear = ({ room }) => has(visible(room.title), [words.join(" ")]);
  const all = rooms.filter((room) => has(visible(room.title), words)).map((room) => ({ room }));
  const titled = [...all.filter(isNear), ...all.filter((one) => !isNear(one))];
  const known = new Set(titled.map(({ room }) => room));
  const joined = rooms.flatMap((room) => (known.has(room) ? [] : withSomebody(room, words)));
  return [...titled, ...joined];
}

function withSomebody(room, words) {
  const one = room.participants.find(
    ({ id, name, handle }) => id !== model.me.id && has(`${name ?? ""} ${handle ?? ""}`, words),
  );
  return one ? [{ room, who: one.name ?? one.handle }] : [];
}

const texts = new WeakMap();

/** A message as one line, as it is read; made once. */
function textOf(room, message) {
  if (!texts.has(message)) texts.set(message, line(message.content, model.nameIn(room, message), LINE));
  return texts.get(message);
}

/** One search; `changed` is called as it goes on. */
export class Looking {
  isRunning = false;
  isDone = false;
  problem = null;
  #stopping = new AbortController();

  constructor(words, changed) {
    this.words = words;
    this.changed = changed;
  }

  /** Messages with all the words among those that are here, newest first. */
  hits() {
    const found = [];
    for (const room of model.rooms.values())
      for (const message of room.messages) {
        const text = textOf(room, message);
        if (has(text, this.words)) found.push({ room, message, text });
      }
    return found.sort((a, b) => (a.message.inserted_at > b.message.inserted_at ? -1 : 1));
  }

  /** How much was looked through, as a sentence. */
  progress() {
    const rooms = [...model.rooms.values()];
    const read = rooms.filter((room) => room.loaded);
    const messages = rooms.reduce((sum, room) => sum + room.messages.length, 0);
    const whole = read.length === rooms.length && !read.some((room) => room.more);
    if (whole) return `All ${messages.toLocaleString("en")} messages looked through.`;
    const of = `${read.length.toLocaleString("en")} of ${rooms.length.toLocaleString("en")} rooms`;
    return `${messages.toLocaleString("en")} messages in ${of} looked through.`;
  }

  stop() {
    this.#stopping.abort();
  }

  /** Fetch more, until it is all, it was enough for now, or somebody stops it. */
  async further() {
    if (this.isRunning) return;
    Object.assign(this, { isRunning: true, problem: null });
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    try {
      this.isDone = await this.#walk(steps(signal), signal);
    } catch (error) {
      if (!signal.aborted) this.problem = error.message;
    }
    this.isRunning = false;
    this.changed();
  }

  async #walk(walk, signal) {
    for (let asked = 0; asked < REQUESTS && !signal.aborted; asked += 1) {
      this.changed();
      if ((await walk.next()).done) return true;
    }
    return false;
  }
}

/** A request a step; what is here takes none. */
async function* steps(signal) {
  const open = model.rooms.get(model.open);
  if (open) yield* whole(open, signal);
  for (const room of model.sorted()) yield* newest(room, signal);
  for (const room of model.sorted()) yield* whole(room, signal);
}

async function* newest(room, signal) {
  if (!model.rooms.has(room.id)) return; // left meanwhile
  if (!room.participants.length) yield await model.loadParticipants(room.id, signal);
  if (!room.loaded || room.stale) yield await model.loadMessages(room.id, { size: SIZE, signal });
}

async function* whole(room, signal) {
  yield* newest(room, signal);
  while (room.more && model.rooms.has(room.id))
    yield await model.loadMessages(room.id, { older: true, size: SIZE, signal });
}
