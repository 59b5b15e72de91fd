/** Dialogs: the browser's own, which keep the focus and close with Esc. */

import { button, h, iconButton, newId } from "../dom.js";

/** Open one; answers what closes it. It is gone from the page once it is closed. */
export function openDialog(title, ...content) {
  return openGuarded(title, () => true, ...content);
}

/** The same for what is shown only once: `mayClose` is asked before it goes, and told how to close it. */
export function openGuarded(title, mayClose, ...content) {
  const id = newId("dialog");
  const close = () => dialog.close();
  const leave = (event) => {
    event.preventDefault();
    if (mayClose(close)) close();
  };
  const head = h("header", {}, h("h2", { id }, title), iconButton("close", "Close", leave));
  // Chromium closes at a second Esc whatever is said, so the key is heard, too.
  const esc = (event) => event.key === "Escape" && event.target.closest("dialog") === dialog && leave(event);
  const on = { cancel: leave, keydown: esc };
  const dialog = h("dialog", { "aria-labelledby": id, on }, head, content);
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("[autofocus], header ~ * :is(input, textarea, button)")?.focus();
  return close;
}

/** Ask before something that cannot be taken back. */
export function confirmFirst(question, yes, done) {
  const no = button("Cancel", () => close());
  const sure = button(yes, () => (close(), done()), { class: "danger" });
  const close = openDialog(question, h("p", { class: "actions" }, no, sure));
}
