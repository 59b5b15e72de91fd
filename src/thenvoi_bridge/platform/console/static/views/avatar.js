/** A small mark for somebody: round for people, square for agents, a colour of their own. */

import { h } from "../dom.js";
import { visible } from "../text.js";

const HUES = 8;

/** For the eyes only; the name stands beside it. */
export function avatar({ id, name, type }) {
  const letters = visible(name ?? "?")
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase());
  return h(
    "span",
    { class: `avatar ${type === "Agent" ? "agent" : "person"} hue-${hueOf(id)}`, "aria-hidden": "true" },
    letters.join(""),
  );
}

/** The number of somebody's colour. */
export function hueOf(id) {
  return [...String(id)].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % HUES;
}
