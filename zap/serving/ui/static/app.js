// Asks the server for its data every two seconds and shows them.
//
// A key is asked for once, kept in this tab's session storage, and sent as a Bearer
// header to this server alone. Where the server is away the last data stay, and the
// page says since when.

import { morph } from "./dom.js";
import { content } from "./view.js";
import { clock } from "./words.js";

const EVERY_MS = 2000;
const PATIENCE_MS = 8000;
const STORED = "zap.console.key";

const byId = (id) => document.getElementById(id);
let timer = null;
let lastUs = null;
let round = 0;

async function update() {
  clearTimeout(timer);
  round += 1;
  const mine = round; // a later call takes over from one that still waits
  const key = sessionStorage.getItem(STORED);
  let again = EVERY_MS;
  try {
    const answer = await fetch("ui/data", {
      headers: key ? { Authorization: `Bearer ${key}` } : {},
      signal: AbortSignal.timeout(PATIENCE_MS),
      cache: "no-store",
      credentials: "omit",
    });
    const data = answer.ok ? await answer.json() : null;
    if (mine !== round) return;
    if (answer.status === 401 || (answer.status === 403 && key)) {
      askForKey(answer.status, key);
      return;
    }
    if (data) show(data, key);
    else again = await trouble(answer);
  } catch (error) {
    if (mine !== round) return;
    away(error);
  }
  timer = setTimeout(update, again);
}

function show(data, key) {
  lastUs = data.now_us;
  morph(byId("main"), content(data));
  byId("ask").hidden = true;
  byId("forget").hidden = !key;
  document.body.classList.remove("away");
  say(`Up to date, ${clock(data.now_us)} UTC`, "good");
}

// Where another answer than data came. Returns after how many milliseconds to ask again.
async function trouble(answer) {
  document.body.classList.add("away");
  const told = await answer.json().catch(() => null);
  const why = told?.error?.message ?? "";
  say(`The server answered ${answer.status}${from()}; trying again. ${why}`, "bad");
  const waitS = Number(answer.headers.get("retry-after")) || 0;
  return Math.max(EVERY_MS, 1000 * Math.min(waitS, 60));
}

function away(error) {
  document.body.classList.add("away");
  if (error instanceof TypeError || error.name === "TimeoutError") {
    say(`The server can't be reached${from()}; trying again`, "bad");
  } else {
    say(`The page can't show what the server said: ${error.message}`, "bad");
    console.error(error);
  }
}

function from() {
  return lastUs === null ? "" : `. What is shown is from ${clock(lastUs)} UTC`;
}

function say(text, kind) {
  const state = byId("state");
  if (state.textContent !== text) state.textContent = text;
  state.className = kind;
}

function askForKey(status, key) {
  sessionStorage.removeItem(STORED);
  byId("main").replaceChildren();
  byId("forget").hidden = true;
  byId("told").textContent = !key ? ""
    : status === 401 ? "The server does not know this key."
      : "This key may not see the console. Use a secret key, not a publishable one.";
  byId("ask").hidden = false;
  document.body.classList.remove("away");
  say("A key is needed", "");
  byId("key").focus();
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  // What is no header's text can't be a key, and would make the request itself fail.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    byId("told").textContent = "A key has letters, digits and signs, and no spaces.";
    return;
  }
  sessionStorage.setItem(STORED, key);
  byId("key").value = "";
  update();
});

byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(STORED);
  update();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (byId("ask").hidden) update();
});

update();
