/** One message or event of a room. */

import { h, icon } from "../dom.js";
import { model } from "../model.js";
import { bodyNodes, folded, isLong, line, timeOf, visible, visibleNodes } from "../text.js";
import { avatar } from "./avatar.js";
import { deliveries } from "./deliveries.js";

const WORDS = {
  tool_call: "Tool call",
  tool_result: "Result",
  thought: "Thought",
  error: "Error",
  task: "Task",
};

/** The element of a message. */
export function entryOf(room, message) {
  const isText = message.message_type === "text";
  const mine = message.sender_id === model.me.id;
  const kind = ["entry", isText ? "text" : "event", mine ? "mine" : null].filter(Boolean).join(" ");
  const inner = isText ? textOf(room, message) : eventOf(room, message);
  return h(
    "li",
    { class: kind, id: `message-${message.id}` },
    avatar({ id: message.sender_id, name: message.sender_name, type: message.sender_type }, room),
    h("div", { class: "said" }, byline(message), inner),
  );
}

function byline(message) {
  const badge = message.sender_type === "Agent" ? h("span", { class: "tag" }, "agent") : null;
  return h(
    "p",
    { class: "byline" },
    h("strong", { title: visible(message.sender_name) }, visible(message.sender_name ?? message.sender_id)),
    badge,
    timeOf(message.inserted_at),
  );
}

function textOf(room, message) {
  const nodes = bodyNodes(message.content, model.nameIn(room, message), model.me.id);
  const body = isLong(message.content)
    ? folded(nodes, message.content.length)
    : h("div", { class: "body" }, nodes);
  return [body, deliveries(room, message)];
}

/** Events are folded: a line each, all of it when it is opened. */
function eventOf(room, message) {
  const kind = message.message_type in WORDS ? message.message_type : "task";
  const label = WORDS[message.message_type] ?? visible(message.message_type);
  const title = h("span", { class: "title" }, titleOf(room, message));
  const summary = h(
    "summary",
    {},
    icon(kind),
    h("span", { class: "label" }, label),
    title,
    timeOf(message.inserted_at),
  );
  const given = message.metadata && Object.keys(message.metadata).length ? message.metadata : null;
  const parts = [
    block(parsed(message.content) ?? message.content),
    given ? [h("p", { class: "handle" }, "Metadata"), block(given)] : null,
  ];
  return h("details", { class: kind }, summary, parts);
}

/** A value in full; a long one scrolls by itself, so the keyboard has to get there. */
function block(value) {
  const text = pretty(value);
  const reached = isLong(text) ? { tabindex: "0", role: "region", "aria-label": "All of it" } : {};
  return h("pre", reached, visibleNodes(text));
}

/** Agents write tool calls as JSON, and differ in what they call the name. */
function titleOf(room, message) {
  const said = parsed(message.content);
  const named = [
    said?.name,
    said?.tool,
    said?.tool_name,
    said?.function?.name,
    message.metadata?.tool_name,
    message.metadata?.function?.name,
  ].find((name) => typeof name === "string");
  const rest = said?.args ?? said?.arguments ?? said?.input ?? said?.output ?? said?.result;
  if (named) return line(rest === undefined ? named : `${named}  ${JSON.stringify(rest)}`, () => null, 140);
  return line(message.content, model.nameIn(room, message), 140);
}

function parsed(text) {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
