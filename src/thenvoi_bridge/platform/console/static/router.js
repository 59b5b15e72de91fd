/** What is shown stands in the fragment: `#/rooms/<id>`, `#/agents`, `#/contacts`, `#/memories`. */

/** The parts of the address. */
export function place() {
  return location.hash.replace(/^#\/?/, "").split("/").map(decode);
}

/** The address of a place. */
export function to(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** What `aria-current` of a link to a place is. */
export function here(...parts) {
  const now = place();
  return parts.every((part, n) => now[n] === part) ? "page" : null;
}

/** Go there. */
export function go(...parts) {
  location.hash = to(...parts);
}

/** Call `shown` with the parts of the address, now and whenever it changes. */
export function route(shown) {
  addEventListener("hashchange", () => shown(place()));
  shown(place());
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
