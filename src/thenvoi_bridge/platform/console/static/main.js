/** The start: sign in if need be, learn who I am, connect, show what the address names. */

import { api } from "./api.js";
import { connect } from "./live.js";
import { model } from "./model.js";
import { hasExpired, key, signIn, takeToken } from "./session.js";
import { showFrame } from "./views/frame.js";
import { showSignIn, showTrouble } from "./views/sign_in.js";

async function start() {
  const token = takeToken();
  try {
    if (token) await signIn(token);
  } catch (error) {
    if (!key()) return showSignIn(error.message, start);
  }
  if (!key()) return showSignIn(hasExpired() ? "Your session has ended." : null, start);
  try {
    model.me = person(await api.profile());
    await model.loadFirstRooms();
  } catch (error) {
    return showTrouble(error.message, start);
  }
  model.loadRequests().catch(() => {});
  connect();
  showFrame();
}

function person(profile) {
  const name = [profile.first_name, profile.last_name].filter(Boolean).join(" ");
  return { ...profile, name: name || profile.handle || profile.email };
}

// A link that is opened where the page is open already changes nothing but the fragment.
addEventListener("hashchange", () => /sign-in=/.test(location.hash) && location.reload());
start();
