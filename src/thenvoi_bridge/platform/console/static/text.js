/** Other people's text on its way to the page: what is not seen is written out, mentions get names. */

import { h, newId } from "./dom.js";

/** As `bridge/untrusted.py` has it: characters that change how text reads without being seen. */
const UNSEEN =
  /[\u{34f}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}-\u{180f}\u{2065}\u{3164}\u{fe00}-\u{fe0e}\u{ffa0}\u{fff0}-\u{fff8}\u{e0000}-\u{e0fff}]|(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const MENTION = /@\[\[([^\]\s]{1,64})\]\]/g;
const LONG = { characters: 1500, lines: 18 };

/** The text with what is not seen written out as `\u{…}`. For places that take nothing but text. */
export function visible(text) {
  return String(text ?? "")
    .replaceAll("\r\n", "\n")
    .replace(UNSEEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** The same as nodes, where what was written out can be told from what somebody wrote. */
export function visibleNodes(text) {
  const nodes = [];
  let done = 0;
  const plain = String(text ?? "").replaceAll("\r\n", "\n");
  for (const match of plain.matchAll(UNSEEN)) {
    nodes.push(plain.slice(done, match.index), h("span", { class: "written-out" }, visible(match[0])));
    done = match.index + match[0].length;
  }
  return [...nodes, plain.slice(done)].filter((node) => node !== "");
}

/** What a message says, with its mentions as names. `nameOf` tells the name of an id, if it is known. */
export function bodyNodes(text, nameOf, mine) {
  const nodes = [];
  let done = 0;
  for (const match of text.matchAll(MENTION)) {
    const name = nameOf(match[1]);
    if (!name) continue;
    const marked = match[1] === mine ? "mention me" : "mention";
    nodes.push(
      ...visibleNodes(text.slice(done, match.index)),
      h("span", { class: marked }, `@${visible(name)}`),
    );
    done = match.index + match[0].length;
  }
  return [...nodes, ...visibleNodes(text.slice(done))];
}

/** One line of a message, for lists. */
export function line(text, nameOf, most = 120) {
  const named = text.replaceAll(MENTION, (whole, id) => (nameOf(id) ? `@${nameOf(id)}` : whole));
  const short = visible(named.replace(/\s+/g, " ").trim());
  return short.length > most ? `${short.slice(0, most - 1)}…` : short;
}

/** Whether a text is folded until somebody asks for all of it. */
export function isLong(text) {
  return text.length > LONG.characters || text.split("\n", LONG.lines + 1).length > LONG.lines;
}

/** Nodes of a long text behind a button. */
export function folded(nodes, length) {
  const id = newId("text");
  const body = h("div", { class: "body folded", id }, nodes);
  const more = `Show all of it (${length.toLocaleString("en")} characters)`;
  const toggle = h(
    "button",
    { type: "button", class: "link", "aria-expanded": "false", "aria-controls": id },
    more,
  );
  toggle.addEventListener("click", () => {
    const open = !body.classList.toggle("folded");
    toggle.setAttribute("aria-expanded", String(open));
    toggle.textContent = open ? "Show less" : more;
  });
  return [body, toggle];
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" });

/** When something was, as an element that says the whole moment when asked. */
export function timeOf(moment, format = "time") {
  const date = new Date(moment);
  return h(
    "time",
    { datetime: moment, title: FULL.format(date) },
    format === "time" ? TIME.format(date) : recent(date),
  );
}

/** The day of a moment, in words. */
export function dayOf(moment) {
  const date = new Date(moment);
  return isToday(date) ? "Today" : DAY.format(date);
}

function recent(date) {
  return isToday(date) ? TIME.format(date) : SHORT_DAY.format(date);
}

function isToday(date) {
  return date.toDateString() === new Date().toDateString();
}
