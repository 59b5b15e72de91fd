/** A small mark for somebody: round for people, square for agents, a colour of their own. */

import { h } from "../dom.js";
import { model } from "../model.js";
import { visible } from "../text.js";

const HUES = 12;

/** For the eyes only; the name stands beside it. In a `room` no two have the same colour, up to twelve. */
export function avatar({ id, handle, name, type }, room = null) {
  const letters = visible(name ?? "?")
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase());
  const hue = (room && huesOf(room).get(id)) ?? hueOf(handle ?? id);
  return h(
    "span",
    { class: `avatar ${type === "Agent" ? "agent" : "person"} hue-${hue}`, "aria-hidden": "true" },
    letters.join(""),
  );
}

/** Somebody's colour, the same wherever nobody else has it. */
function hueOf(handle) {
  return [...String(handle)].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % HUES;
}

const hues = new WeakMap();

/** The colours in a room: I have mine, and whoever came first; others take the next that is free. */
function huesOf({ participants }) {
  if (!hues.has(participants)) hues.set(participants, shared(participants));
  return hues.get(participants);
}

function shared(participants) {
  const given = new Map();
  const taken = new Set();
  const me = participants.filter(({ id }) => id === model.me.id);
  for (const { id, handle } of [...me, ...participants]) {
    if (given.has(id)) continue;
    let hue = hueOf(handle ?? id);
    while (taken.has(hue) && taken.size < HUES) hue = (hue + 5) % HUES; // 5 leads to all of 12, and far off
    taken.add(hue);
    given.set(id, hue);
  }
  return given;
}
