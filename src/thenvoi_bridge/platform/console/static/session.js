/**
 * Who is signed in. The key is good for some hours and lives in this tab alone (sessionStorage): no cookie,
 * so no other page can send anything in its place, and nothing of it is in an address.
 */

const KEPT = "thenvoi-key";
const ENDED = "thenvoi-ended";

/** The key of this tab's session, null without one. */
export function key() {
  return sessionStorage.getItem(KEPT);
}

/** Take the token of a one-time link out of the address, before anything else looks at it. */
export function takeToken() {
  const token = tokenIn(location.hash);
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}

/** The token in a link, or in what of it somebody pasted. */
export function tokenIn(text) {
  return /#?sign-in=([A-Za-z0-9]+)\s*$/.exec(text)?.[1] ?? null;
}

/** Use a link up. Throws an error with a sentence for people. */
export async function signIn(token) {
  const answer = await fetch("session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (!answer.ok) throw new Error("This link has been used, or is too old. Get a new one.");
  sessionStorage.setItem(KEPT, (await answer.json()).data.key);
}

/** End the session here and on the platform. */
export async function signOut() {
  const ended = key();
  sessionStorage.clear(); // drafts, too
  await fetch("session", { method: "DELETE", headers: { "X-API-Key": ended } }).catch(() => {});
  location.reload();
}

/** The platform does not know this session any more. */
export function forget() {
  sessionStorage.removeItem(KEPT);
}

/** The same, to be told where one signs in. */
export function expire() {
  forget();
  sessionStorage.setItem(ENDED, "yes");
}

/** Whether a session has just ended by itself; asked once. */
export function hasExpired() {
  const ended = sessionStorage.getItem(ENDED) !== null;
  sessionStorage.removeItem(ENDED);
  return ended;
}
