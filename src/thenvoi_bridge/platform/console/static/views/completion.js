/** Names to choose from while a mention is written. */

import { h, newId } from "../dom.js";
import { visible } from "../text.js";
import { avatar } from "./avatar.js";
import { begunAt } from "./mentions.js";

const MOST = 8;

/** The list, and what is to see a key first; `taken` is called after a name was put into the text. */
export function completion(input, people, taken) {
  const list = new Names(input, people, taken);
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.box.id);
  for (const event of ["input", "click", "focus"]) input.addEventListener(event, () => list.look());
  input.addEventListener("blur", () => list.close());
  return { box: list.box, keydown: (event) => list.keydown(event) };
}

class Names {
  constructor(input, people, taken) {
    Object.assign(this, { input, people, taken, names: [], at: 0 });
    this.box = h("ul", {
      id: newId("names"),
      class: "names",
      role: "listbox",
      "aria-label": "People and agents to mention",
      hidden: true,
    });
  }

  look() {
    const begun = begunAt(this.input.value, this.input.selectionStart);
    const fits = ({ name, handle }) =>
      [name, handle, handle?.split("/").at(-1)].some((text) => text?.toLowerCase().startsWith(begun.wanted));
    this.names = begun ? this.people().filter(fits).slice(0, MOST) : [];
    this.from = begun?.from;
    this.at = 0;
    this.draw();
  }

  draw() {
    this.box.hidden = !this.names.length;
    this.box.replaceChildren(...this.names.map((one, n) => this.option(one, n)));
    if (this.names.length) this.input.setAttribute("aria-activedescendant", `${this.box.id}-${this.at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  option(one, n) {
    const take = (event) => (event.preventDefault(), this.take(one)); // before the field loses the focus
    return h(
      "li",
      {
        role: "option",
        id: `${this.box.id}-${n}`,
        "aria-selected": String(n === this.at),
        on: { mousedown: take },
      },
      avatar(one),
      h(
        "span",
        { class: "who" },
        h("strong", {}, visible(one.name ?? one.handle)),
        h("span", { class: "handle" }, `@${visible(one.handle ?? "")}`),
      ),
    );
  }

  /** Whether the key was for the list. */
  keydown(event) {
    if (!this.names.length || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.at = (this.at + step + this.names.length) % this.names.length;
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.names[this.at]);
    else if (event.key === "Escape") this.names = [];
    else return false;
    event.preventDefault();
    this.draw();
    return true;
  }

  take(one) {
    const { input } = this;
    const before = `${input.value.slice(0, this.from)}@${one.handle ?? one.name} `;
    input.value = before + input.value.slice(input.selectionStart).trimStart();
    input.setSelectionRange(before.length, before.length);
    this.close();
    this.taken();
  }

  close() {
    this.names = [];
    this.draw();
  }
}
