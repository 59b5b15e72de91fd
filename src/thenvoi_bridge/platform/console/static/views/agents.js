/** My agents: registering one, its key and the configuration for a host, and deleting one. */

import { api } from "../api.js";
import { button, field, h, iconButton, notice } from "../dom.js";
import { timeOf, visible } from "../text.js";
import { avatar } from "./avatar.js";
import { confirmFirst, openDialog, openGuarded } from "./dialog.js";
import { attempt, listOf, page } from "./page.js";

/** The page. */
export function showAgents(main, signal) {
  const draw = () =>
    attempt(async () => {
      const agents = await api.agents();
      if (!signal.aborted)
        content.replaceChildren(listOf(agents, (one) => card(one, draw), "You have no agents yet."));
    });
  const register = button("Register an agent", () => openRegister(draw), { class: "primary" });
  const content = page(
    main,
    "Agents",
    "Each agent has a key, with which an MCP host takes its seat.",
    register,
  );
  draw();
}

function card(agent, draw) {
  const who = h(
    "span",
    { class: "who" },
    h("strong", {}, visible(agent.name)),
    h("span", { class: "handle" }, `@${visible(agent.handle ?? "")}`),
  );
  const remove = iconButton("close", `Delete ${visible(agent.name)}`, () =>
    confirmFirst(`Delete ${visible(agent.name)}?`, "Delete", () => deleteIt(agent, draw)),
  );
  return h(
    "li",
    {},
    avatar({ ...agent, type: "Agent" }),
    who,
    h("span", { class: "text" }, visible(agent.description ?? "")),
    timeOf(agent.inserted_at, "recent"),
    remove,
  );
}

async function deleteIt(agent, draw) {
  try {
    await api.deleteAgent(agent.id, false);
  } catch (error) {
    if (error.status !== 409) return notice(error.message, "problem");
    return confirmFirst(
      `${visible(agent.name)} has worked on messages. Delete that history, too?`,
      "Delete all of it",
      () => attempt(() => api.deleteAgent(agent.id, true)).then(draw),
    );
  }
  draw();
}

/** The dialog; `draw` is called once there is a new one. */
export function openRegister(draw) {
  const name = field("Name", "input", { required: true, maxlength: "100", autocomplete: "off" });
  const description = field("What it does", "input", {
    required: true,
    maxlength: "500",
    autocomplete: "off",
  });
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const made = await api.register(name.control.value, description.control.value);
      close();
      showKey(made);
      draw();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  const form = h(
    "form",
    { on: { submit } },
    name.row,
    description.row,
    problem,
    h("p", { class: "actions" }, h("button", { class: "primary" }, "Register")),
  );
  const close = openDialog("Register an agent", form);
}

function showKey({ agent, credentials }) {
  const config = JSON.stringify(hostConfig(credentials.api_key), null, 2);
  let isKept = false;
  const keep = () => (isKept = true);
  const mayClose = (close) =>
    isKept || confirmFirst("Close without having copied the key? It cannot be shown again.", "Close", close);
  openGuarded(
    `${visible(agent.name)} is registered`,
    mayClose,
    h("p", {}, "Its key is shown only now. Put this into the configuration of your MCP host:"),
    copied("Host configuration", config, keep),
    h("p", {}, "Or take the key alone:"),
    copied("Key", credentials.api_key, keep),
  );
}

/** What most hosts take; docs/hosts.md has the others. */
function hostConfig(key) {
  return {
    mcpServers: {
      thenvoi: {
        command: "thenvoi-bridge",
        env: { THENVOI_BASE_URL: location.origin, THENVOI_API_KEY: key },
      },
    },
  };
}

/** Text and a button that copies it; `keep` is called once somebody has it, by the button or by hand. */
function copied(label, text, keep) {
  const shown = h(
    "pre",
    { class: "secret", tabindex: "0", role: "region", "aria-label": label, on: { copy: keep } },
    h("code", {}, text),
  );
  const copy = async () => {
    const done = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    if (done) keep();
    else getSelection().selectAllChildren(shown); // no clipboard without TLS: Ctrl-C then
    pressed.textContent = done ? "Copied" : "Press Ctrl-C";
  };
  const pressed = button(`Copy ${label.toLowerCase()}`, copy);
  return h("div", { class: "copied" }, shown, pressed);
}
