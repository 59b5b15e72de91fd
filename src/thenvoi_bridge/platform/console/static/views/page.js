/** What the pages beside the rooms have in common: a title, and a list that is fetched. */

import { h, notice } from "../dom.js";
import { to } from "../router.js";

/** Show a page; answers where its content goes. */
export function page(main, title, intro, ...actions) {
  const content = h("div", { class: "content" });
  const back = h("a", { href: to(), class: "back" }, "‹ Rooms");
  const head = h("header", { class: "bar" }, back, h("div", { class: "name" }, h("h1", {}, title)), actions);
  main.replaceChildren(
    h(
      "div",
      { class: "page" },
      head,
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
        h("p", { class: "help" }, intro),
        content,
      ),
    ),
  );
  return content;
}

/** Do something; what is refused is shown. Answers whether it went well. */
export async function attempt(work, done) {
  try {
    await work();
  } catch (error) {
    notice(error.message, "problem");
    return false;
  }
  if (done) notice(done);
  return true;
}

/** A list, or a sentence where it is empty. */
export function listOf(items, row, none) {
  return items.length ? h("ul", { class: "cards" }, items.map(row)) : h("p", { class: "empty" }, none);
}
