/** Where one writes. Whom a message is for is read off its text; it goes to nobody else. */

import { api, newOnce } from "../api.js";
import { announce, h, icon } from "../dom.js";
import { model } from "../model.js";
import { visible } from "../text.js";
import { completion } from "./completion.js";
import { mentionedIn } from "./mentions.js";
import { isAway } from "./people.js";

/** The element. */
export function composer(room, signal) {
  const input = h("textarea", {
    id: "composer",
    rows: "1",
    "aria-label": "Message",
    "aria-describedby": "to",
    placeholder: "Write a message. @ mentions somebody.",
  });
  const to = h("p", { id: "to", class: "to", role: "status" });
  const send = h(
    "button",
    { class: "primary send", title: "Send (Enter)" },
    icon("send"),
    h("span", {}, "Send"),
  );
  const others = () => room.participants.filter((one) => one.id !== model.me.id);
  const draw = () => {
    keepDraft(room, input.value);
    grow(input);
    const line = h("p", {}, recipientsLine(input.value, others()));
    if (line.textContent !== to.textContent) to.replaceChildren(...line.childNodes); // it is read out
  };
  input.value = sessionStorage.getItem(draftOf(room)) ?? "";
  const { box, keydown } = completion(input, others, draw);
  const submit = once(() => sendIt(room, input, others, draw), send);
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (keydown(event) || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  model.hear("room", (told) => told.id === room.id && draw(), signal);
  model.hear("online", draw, signal);
  const form = h(
    "form",
    { class: "composer", on: { submit: (event) => (event.preventDefault(), submit()) } },
    box,
    h("div", { class: "line" }, input, send),
    to,
  );
  requestAnimationFrame(draw);
  return form;
}

/** Whom the text is for: those it mentions, or the only other one there is. */
function recipients(text, others) {
  const named = mentionedIn(text, others);
  return named.length ? named : others.length === 1 ? others : [];
}

function recipientsLine(text, others) {
  const named = recipients(text, others);
  if (!others.length) return ["Nobody else is here yet. Add somebody to talk to."];
  if (named.length) return ["To ", ...named.flatMap((one, n) => [n ? ", " : "", ...addressee(one)])];
  return text.trim()
    ? [h("strong", {}, "Mention somebody with @"), ": only those you mention are told."]
    : ["Only those you mention are told."];
}

function addressee(one) {
  const name = h("strong", {}, visible(one.name ?? one.handle));
  return isAway(one) ? [name, " (away, is told when it is back)"] : [name];
}

/** What was begun outlasts a session that ends, in this tab. */
function draftOf(room) {
  return `draft ${model.me.id} ${room.id}`;
}

function keepDraft(room, text) {
  if (text) sessionStorage.setItem(draftOf(room), text);
  else sessionStorage.removeItem(draftOf(room));
}

async function sendIt(room, input, others, draw) {
  const text = input.value.trim();
  if (!room.participants.length) await model.loadParticipants(room.id).catch(() => {}); // not here yet
  const named = recipients(text, others());
  if (!text || !named.length)
    return refuse(input, text ? "Mention somebody with @ first" : "There is nothing to send");
  const mentions = named.map(({ id, handle, name }) => ({
    id,
    ...(handle && { handle }),
    ...(name && { name }),
  }));
  try {
    await retried(() => api.send(room.id, text, mentions, onceFor(room, text)));
  } catch (error) {
    return refuse(input, error.message);
  }
  pending.delete(room.id);
  input.value = "";
  draw();
  announce("Sent");
  if (model.connection !== "live") model.loadMessages(room.id).catch(() => {}); // nobody else will tell
}

const pending = new Map();

/** The same text keeps its key until it is sent, so that trying again cannot send it twice. */
function onceFor(room, text) {
  if (pending.get(room.id)?.text !== text) pending.set(room.id, { text, once: newOnce() });
  return pending.get(room.id).once;
}

/** Once more where nobody knows what became of the first. */
async function retried(send) {
  try {
    return await send();
  } catch (error) {
    if (error.status !== 0) throw error;
    return send();
  }
}

function refuse(input, why) {
  const to = document.getElementById("to");
  to.replaceChildren(h("strong", { class: "problem" }, why));
  input.focus();
}

/** One at a time. */
function once(work, shown) {
  let running = false;
  return async () => {
    if (running) return;
    running = true;
    shown.setAttribute("aria-busy", "true");
    await work();
    shown.removeAttribute("aria-busy");
    running = false;
  };
}

function grow(input) {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight + 2, 240)}px`;
}
