/** What agents remember about me, for my organisation, and about my rooms. */

import { api } from "../api.js";
import { button, field, h, iconButton } from "../dom.js";
import { model } from "../model.js";
import { timeOf, visible } from "../text.js";
import { confirmFirst } from "./dialog.js";
import { attempt, listOf, page } from "./page.js";

const SCOPES = { "": "All", about_me: "About me", organization: "Organisation", room: "About rooms" };
const STATUSES = { active: "Current", archived: "Archived", superseded: "Superseded", all: "All" };
const PAUSE = 200;

/** The page. */
export function showMemories(main, signal) {
  const words = field("Words in it", "input", { type: "search", maxlength: "500", autocomplete: "off" });
  const scope = field("About", "select", {}, options(SCOPES));
  const status = field("State", "select", {}, options(STATUSES));
  const list = h("div", { role: "status" });
  const draw = () =>
    attempt(async () => {
      const filter = {
        content_query: words.control.value,
        scope: scope.control.value,
        status: status.control.value,
      };
      const { data, meta } = await api.memories(filter);
      if (signal.aborted) return;
      list.replaceChildren(
        listOf(data, (one) => card(one, draw), "There are no such memories."),
        rest(data.length, meta.total_count),
      );
    });
  for (const { control } of [scope, status]) control.addEventListener("change", draw);
  words.control.addEventListener("input", afterPause(draw));
  const content = page(main, "Memories", "You may put away or delete what is about you.");
  content.append(h("div", { class: "filters" }, words.row, scope.row, status.row), list);
  draw();
}

function options(words) {
  return Object.entries(words).map(([value, label]) => h("option", { value }, label));
}

function rest(shown, total) {
  return h("p", { class: "help" }, total > shown ? `The newest ${shown} of ${total}.` : "");
}

function card(memory, draw) {
  const tags = [
    SCOPES[memory.scope] ?? (memory.scope === "subject" ? subject(memory) : memory.scope),
    memory.type,
    memory.status,
  ].map((word) => h("span", { class: "tag" }, visible(word)));
  const thought = memory.thought ? h("p", { class: "handle" }, visible(memory.thought)) : null;
  return h(
    "li",
    { class: "memory" },
    h(
      "div",
      { class: "text" },
      h("p", { class: "body" }, visible(memory.content)),
      thought,
      h("p", { class: "tags" }, tags, timeOf(memory.inserted_at, "recent")),
    ),
    h("span", { class: "actions" }, actions(memory, draw)),
  );
}

function subject({ subject_id: id }) {
  return id === model.me.id ? SCOPES.about_me : "About somebody";
}

function actions(memory, draw) {
  if (memory.scope === "organization") return [];
  const change = (work) => () => attempt(work).then(draw);
  const away =
    memory.status === "active"
      ? button(
          "Put away",
          change(() => api.archiveMemory(memory.id)),
        )
      : null;
  const back =
    memory.status === "archived"
      ? button(
          "Bring back",
          change(() => api.restoreMemory(memory.id)),
        )
      : null;
  const gone = iconButton("close", "Delete this memory", () =>
    confirmFirst(
      "Delete this memory for good?",
      "Delete",
      change(() => api.deleteMemory(memory.id)),
    ),
  );
  return [away, back, gone];
}

function afterPause(work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, PAUSE);
  };
}
