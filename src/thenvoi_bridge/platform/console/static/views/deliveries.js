/** How far each agent has come with a message that mentions it. */

import { h } from "../dom.js";
import { timeOf, visible } from "../text.js";

const WORDS = { waiting: "waiting", processing: "processing", processed: "processed", failed: "failed" };

/** A line of states, null where no agent is mentioned. People have none: nobody is told what they read. */
export function deliveries(room, message) {
  const mentions = message.metadata?.mentions;
  const states = (Array.isArray(mentions) ? mentions : [])
    .filter((one) => isAgent(room, message, one))
    .map((one) => stateOf(message, one));
  return states.length ? h("ul", { class: "deliveries", "aria-label": "Delivery" }, states) : null;
}

function isAgent(room, message, { id, handle }) {
  const participant = room.participants.find((one) => one.id === id);
  if (participant) return participant.type === "Agent";
  return id in (message.metadata.delivery_status ?? {}) || Boolean(handle?.includes("/"));
}

function stateOf(message, { id, name, handle }) {
  const entry = message.metadata.delivery_status?.[id];
  const state = entry?.status in WORDS ? entry.status : "waiting";
  const attempt = entry?.current_attempt ?? 0;
  const counted =
    state !== "waiting" && (attempt > 1 || state === "processing") ? `, attempt ${attempt}` : "";
  const attempts = Array.isArray(entry?.attempts) ? entry.attempts : [];
  const why = state === "failed" ? attempts.at(-1)?.error : null;
  const reason = why ? h("span", { class: "why" }, visible(why).slice(0, 300)) : null;
  return h(
    "li",
    { class: state, "data-state": state },
    h("span", { class: "dot", "aria-hidden": "true" }),
    h("strong", {}, visible(name ?? handle ?? id)),
    ` ${WORDS[state]}${counted}`,
    reason,
    attempts.length > 1 ? history(attempts) : null,
  );
}

/** What came of each attempt, for whoever wants to know. */
function history(attempts) {
  const tries = attempts.map(({ status, error, started_at: at }) =>
    h(
      "li",
      {},
      status === "success" ? WORDS.processed : visible(WORDS[status] ?? status),
      error ? h("span", { class: "why" }, visible(error).slice(0, 1000)) : null,
      at ? timeOf(at) : null,
    ),
  );
  return h("details", { class: "attempts" }, h("summary", {}, "All attempts"), h("ol", {}, tries));
}
