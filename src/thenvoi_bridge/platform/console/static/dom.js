/** The one way this page makes elements. Text becomes text nodes and never anything else. */

const PATHS = {
  agent:
    "M9 3h6M12 3v3M6 8h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2zM9 13v2M15 13v2",
  back: "M15 5l-7 7 7 7",
  book: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  error: "M12 7v6M12 16.5v.5M12 3l9.5 17h-19z",
  exit: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  keys: "M3 7h18v11H3zM7 11h.01M12 11h.01M17 11h.01M8 14.5h8",
  moon: "M19 14.5A8 8 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M17.5 14a6.5 6.5 0 0 1 4 6",
  plus: "M12 5v14M5 12h14",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5",
  send: "M4 12l16-8-6 16-3-7z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  task: "M5 5h14v14H5zM8.5 12l2.5 2.5 4.5-5",
  thought: "M12 4a6 6 0 0 1 3.5 10.9V17h-7v-2.1A6 6 0 0 1 12 4zM9.5 20.5h5",
  tool_call:
    "M14.5 6.5a4 4 0 0 1 5-3l-2.5 2.5 1 2 2 1 2.5-2.5a4 4 0 0 1-5.5 4.5L8.5 20.5a2 2 0 0 1-3-3L15 8z",
  tool_result: "M5 4v9a3 3 0 0 0 3 3h11M15 12l4 4-4 4",
};

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Attributes that are null, undefined or false are left out; `on` has listeners by event. A link
 * leads nowhere but to a place on this page.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

function set(element, name, value) {
  if (value == null || value === false) return;
  if (name === "on")
    return Object.entries(value).forEach(([event, heard]) => element.addEventListener(event, heard));
  if (/^(on|src|style|action|formaction)/i.test(name)) throw new Error(`${name} may not be set`);
  if (name === "href" && !value.startsWith("#")) throw new Error("links stay on this page");
  element.setAttribute(name, value === true ? "" : value);
}

/** A picture that says nothing by itself. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button that is only a picture; `label` is what it does. */
export function iconButton(name, label, pressed, attributes = {}) {
  return h(
    "button",
    {
      type: "button",
      class: "quiet square",
      "aria-label": label,
      title: label,
      on: { click: pressed },
      ...attributes,
    },
    icon(name),
  );
}

/** A button with words. */
export function button(label, pressed, attributes = {}) {
  return h("button", { type: "button", on: { click: pressed }, ...attributes }, label);
}

/** Draws a list anew; whoever stood on something in it stands on the same thing afterwards. */
export function keepingFocus(list, draw) {
  return () => {
    const at = document.activeElement;
    const name = at.dataset.id ? "data-id" : "aria-label";
    const same = list.contains(at) && `[${name}="${CSS.escape(at.getAttribute(name) ?? "")}"]`;
    draw();
    if (same) list.querySelector(same)?.focus();
  };
}

/** Does something once before the next picture is drawn, however often it is asked for. */
export function soon(work) {
  let isAsked = false;
  const now = () => {
    isAsked = false;
    work();
  };
  return () => {
    if (!isAsked) requestAnimationFrame(now);
    isAsked = true;
  };
}

let made = 0;

/** An id that nothing else on the page has. */
export function newId(what) {
  return `${what}-${(made += 1)}`;
}

/** A labelled field; what is given besides goes to the control. */
export function field(label, tag, attributes = {}, ...children) {
  const id = newId("field");
  const control = h(tag, { id, ...attributes }, ...children);
  return { row: h("p", { class: "field" }, h("label", { for: id }, label), control), control };
}

/** Say something to whoever listens to the page instead of looking at it. */
export function announce(text) {
  const line = h("p", {}, text);
  const log = document.getElementById("polite");
  log.append(line);
  while (log.childElementCount > 5) log.firstChild.remove();
}

/** Show a notice for some seconds; errors stay until they are closed. */
export function notice(text, kind = "done") {
  const gone = () => line.remove();
  const line = h("p", { class: `notice ${kind}` }, h("span", {}, text), iconButton("close", "Close", gone));
  const box = document.getElementById("notices");
  box.append(line);
  while (box.childElementCount > 3) box.firstChild.remove();
  if (kind === "done") setTimeout(gone, 5000);
}
