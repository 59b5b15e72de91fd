/** The part of a room that is drawn: it goes to the end, unless an old message was looked for. */

import { model } from "../model.js";

const PAGE = 50;
const MOST = 300;

/** Its ends are moments, which grow within a room, and stay where they are whatever comes besides. */
export class Stretch {
  #first = null;
  #last = null;

  constructor(room) {
    this.room = room;
  }

  /** Whether what comes next is in it. */
  get hasEnd() {
    return this.#last === null;
  }

  /** Whether there is more before it, here or on the platform. */
  get hasEarlier() {
    return this.room.more || this.#from() > 0;
  }

  /** What is in it, oldest first. */
  messages() {
    const all = this.room.messages;
    const from = this.#from();
    if (this.room.loaded) this.#first = all[from]?.inserted_at ?? null;
    return all.slice(from, this.#to());
  }

  async earlier() {
    const before = this.room.messages[this.#from()]?.id;
    if (this.#from() < PAGE && this.room.more) await model.loadMessages(this.room.id, { older: true });
    this.#begin(this.room.messages.findIndex(({ id }) => id === before) - PAGE);
  }

  later() {
    this.#end(this.#to() + PAGE);
  }

  newest() {
    this.#last = null;
    this.#first = null;
  }

  around(id) {
    const at = this.room.messages.findIndex((message) => message.id === id);
    this.#begin(at - PAGE / 2);
    this.#end(at + PAGE / 2);
  }

  /** Who watches a busy room for hours does not gather all of it. */
  trim() {
    const { length } = this.room.messages;
    if (this.hasEnd && length - this.#from() > MOST) this.#begin(length - 2 * PAGE);
  }

  #from() {
    const all = this.room.messages;
    if (this.#first === null) return Math.max(0, all.length - PAGE);
    const at = all.findIndex((message) => message.inserted_at >= this.#first);
    return at < 0 ? Math.max(0, all.length - PAGE) : at;
  }

  #to() {
    const all = this.room.messages;
    return this.hasEnd ? all.length : all.findLastIndex((one) => one.inserted_at <= this.#last) + 1;
  }

  #begin(at) {
    this.#first = this.room.messages[Math.max(0, at)]?.inserted_at ?? null;
  }

  /** `at` is the first that is not in it any more. */
  #end(at) {
    const all = this.room.messages;
    this.#last = at < all.length ? all[at - 1].inserted_at : null;
  }
}
