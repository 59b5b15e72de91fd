/** Before anybody is signed in, and when the platform does not answer. */

import { button, field, h } from "../dom.js";
import { signIn, tokenIn } from "../session.js";

/** Ask for a one-time link; `done` is called once it was good. */
export function showSignIn(problem, done) {
  const { row, control } = field("Sign-in link", "input", {
    type: "password",
    autocomplete: "off",
    required: true,
    "aria-describedby": "how",
  });
  const said = h("p", { class: "problem", role: "alert" }, problem ?? "");
  const submit = async (event) => {
    event.preventDefault();
    const token = tokenIn(control.value);
    if (!token)
      return (said.textContent = "That is no sign-in link. It ends with #sign-in= and a long word.");
    await signIn(token).then(done, (error) => (said.textContent = error.message));
  };
  const form = h(
    "form",
    { on: { submit } },
    row,
    said,
    h("p", {}, h("button", { class: "primary" }, "Sign in")),
  );
  alone("Sign in", how(), form);
  control.focus();
}

function how() {
  return h(
    "div",
    { id: "how" },
    h("p", {}, "A link signs you in once, within ten minutes. On your own computer, get one with"),
    h("pre", {}, h("code", {}, "thenvoi-bridge console")),
    h("p", {}, "For a platform that is served to several, its administrator makes one with"),
    h("pre", {}, h("code", {}, "thenvoi-bridge platform console-link")),
  );
}

/** Say what is wrong and offer to try again. */
export function showTrouble(problem, again) {
  alone(
    "Not connected",
    h("p", { role: "alert" }, problem),
    h("p", {}, button("Try again", again, { class: "primary" })),
  );
}

function alone(title, ...content) {
  document.title = `${title} · Thenvoi`;
  document
    .getElementById("app")
    .replaceChildren(
      h("main", { class: "alone" }, h("p", { class: "brand" }, "Thenvoi"), h("h1", {}, title), content),
    );
}
