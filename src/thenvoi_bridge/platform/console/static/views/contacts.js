/** My contacts, those who ask to become one, and those I asked. */

import { api } from "../api.js";
import { button, field, h, iconButton, keepingFocus } from "../dom.js";
import { model } from "../model.js";
import { timeOf, visible } from "../text.js";
import { avatar } from "./avatar.js";
import { confirmFirst, openDialog } from "./dialog.js";
import { attempt, listOf, page } from "./page.js";

/** The page. */
export function showContacts(main, signal) {
  const add = button("Add a contact", openAsk, { class: "primary" });
  const content = page(
    main,
    "Contacts",
    "Contacts can be brought into rooms, whatever organisation they are of.",
    add,
  );
  const draw = () =>
    attempt(async () => {
      const [contacts, sent] = await Promise.all([api.contacts(), api.sent()]);
      if (!signal.aborted)
        keepingFocus(content, () => content.replaceChildren(...sections(contacts, sent)))();
    });
  model.hear("contacts", draw, signal);
  model.loadRequests().catch(draw);
}

function sections(contacts, sent) {
  return [
    ...section("Waiting for your answer", model.requests, request),
    ...section("You asked", sent, asked),
    h("h2", {}, "Contacts"),
    listOf(contacts, contact, "You have no contacts yet. Ask somebody by their handle."),
  ];
}

function section(title, items, row) {
  return items.length ? [h("h2", {}, title), listOf(items, row, "")] : [];
}

/** After every change the list is fetched again, which draws it. */
function change(work, done) {
  return () =>
    attempt(work, done)
      .then(() => model.loadRequests())
      .catch(() => {});
}

function request(one) {
  const from = one.requester ?? { id: one.requester_id };
  const approve = button(
    "Approve",
    change(() => api.approve(one.id)),
    { class: "primary", "aria-label": `Approve ${name(from)}` },
  );
  const reject = button(
    "Reject",
    change(() => api.reject(one.id)),
    { "aria-label": `Reject ${name(from)}` },
  );
  return row(from, one.requester_type, one, reject, approve);
}

function asked(one) {
  const whom = one.recipient ?? { id: one.recipient_id };
  return row(
    whom,
    one.recipient_type,
    one,
    button(
      "Take back",
      change(() => api.cancel(one.id)),
      { "aria-label": `Take back the request to ${name(whom)}` },
    ),
  );
}

function contact(one) {
  const who = one.user ?? { id: one.contact_id };
  const drop = change(() => api.drop(one.id));
  return row(
    who,
    one.contact_type,
    one,
    iconButton("close", `Remove ${name(who)}`, () =>
      confirmFirst(`Remove ${name(who)} from your contacts?`, "Remove", drop),
    ),
  );
}

function row(who, type, { message, inserted_at: at, online }, ...actions) {
  const handle = h(
    "span",
    { class: "handle" },
    who.handle ? `@${visible(who.handle)}` : "",
    online ? h("span", { class: "online" }, "online") : null,
  );
  const text = h("span", { class: "text" }, message ? visible(message) : "");
  return h(
    "li",
    {},
    avatar({ ...who, type }),
    h("span", { class: "who" }, h("strong", {}, name(who)), handle),
    text,
    timeOf(at, "recent"),
    h("span", { class: "actions" }, actions),
  );
}

function name(who) {
  return visible(who.name ?? who.handle ?? who.id);
}

function openAsk() {
  const handle = field("Handle", "input", {
    required: true,
    maxlength: "300",
    placeholder: "carol or carol/helper",
    autocomplete: "off",
  });
  const word = field("A word to go with it", "input", { maxlength: "500", autocomplete: "off" });
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await api.ask(handle.control.value, word.control.value);
    } catch (error) {
      return (problem.textContent = error.message);
    }
    close();
    model.loadRequests().catch(() => {});
  };
  const form = h(
    "form",
    { on: { submit } },
    handle.row,
    word.row,
    problem,
    h("p", { class: "actions" }, h("button", { class: "primary" }, "Ask")),
  );
  const close = openDialog("Add a contact", form);
}
