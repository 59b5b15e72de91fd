/** As the system has it, light, or dark. */

import { icon, iconButton } from "../dom.js";

const NEXT = { system: "light", light: "dark", dark: "system" };
const PICTURE = { system: "system", light: "sun", dark: "moon" };

/** The button that goes through the three. */
export function themeButton() {
  const root = document.documentElement;
  const press = () => {
    root.dataset.theme = NEXT[root.dataset.theme];
    localStorage.setItem("theme", root.dataset.theme);
    draw();
  };
  const shown = iconButton("system", "", press);
  const draw = () => {
    const label = `Theme: ${root.dataset.theme}`;
    shown.replaceChildren(icon(PICTURE[root.dataset.theme]));
    shown.setAttribute("aria-label", label);
    shown.setAttribute("title", label);
  };
  draw();
  return shown;
}
