// Keeps a page up to date and sends what its buttons ask for. All that is shown is made on the server.
"use strict";

const page = document.body.dataset.page;
const said = document.getElementById("said");
const ask = document.getElementById("ask");
const CSRF = document.querySelector("meta[name=csrf]")?.content ?? "";

// --- what changed -----------------------------------------------------------------------------------------------------

function show(regions) {
  const focused = document.activeElement?.id;
  const open = [...document.querySelectorAll("details")].map((each) => [each.id, each.open]);
  const scrolled = [...document.querySelectorAll(".scroll")].map((each) => [each.id, each.scrollLeft]);
  for (const [id, html] of Object.entries(regions)) {
    const region = document.getElementById(id);
    if (region) region.innerHTML = html;
  }
  for (const [id, isOpen] of open) document.getElementById(id)?.toggleAttribute("open", isOpen);
  for (const [id, left] of scrolled) document.getElementById(id)?.scrollTo(left, 0);
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  tellTimes();
}

const SILENT = 20_000; // milliseconds without a word, after which the connection is as good as none
const lost = document.getElementById("connection");
let stream = null;
let heardAt = Date.now();

function listen() {
  stream?.close();
  if (document.hidden) return; // a browser has six connections to a server: pages that nobody sees take none
  heardAt = Date.now();
  const own = stream = new EventSource(`/dashboard/live?page=${encodeURIComponent(page)}`);
  const on = (name, heard) => own.addEventListener(name, (event) => heard(JSON.parse(event.data)));
  on("looker", (csrf) => { if (csrf !== CSRF) location.reload(); });
  on("reload", () => location.reload());
  on("regions", show);
  on("time", (now) => { heardAt = Date.now(); ahead = heardAt - Date.parse(now); lost.hidden = true; });
  on("problem", say);
  on("sign-in", () => { location.href = `/dashboard/sign-in?then=${encodeURIComponent(page)}`; });
  own.addEventListener("error", () => {
    lost.hidden = false;
    if (own.readyState === EventSource.CLOSED) setTimeout(() => { if (own === stream) listen(); }, 3000); // it was no stream
  });
}

function listenAgain() { // a laptop that slept, or a cut cable, ends no connection
  if (document.hidden || Date.now() - heardAt < SILENT) return;
  lost.hidden = false;
  listen();
}

// --- times in the reader's own zone -----------------------------------------------------------------------------------

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
let ahead = 0; // milliseconds by which the clock of this browser is ahead of the server's

const TODAY = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

function moment(at) { return (at.toDateString() === new Date().toDateString() ? TODAY : MOMENT).format(at); }

function span(seconds) {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.max(Math.round(seconds), 0)} s`;
}

function tellTimes() {
  for (const each of document.querySelectorAll("time[datetime]")) {
    const at = new Date(each.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const words = "age" in each.dataset ? span((Date.now() - ahead - at) / 1000) : moment(at);
    if (each.textContent !== words) each.textContent = words;
    each.title = at.toISOString();
  }
}

// --- what a person asks for -------------------------------------------------------------------------------------------

function say(words) { if (said.textContent !== words) said.textContent = words; }

async function send(address, body) {
  const headers = { "Content-Type": "application/json" };
  if (CSRF) headers["X-CSRF-Token"] = CSRF;
  return answered(fetch(address, { method: "POST", headers, body: JSON.stringify(body) }),
    "No answer came: it may have been done or not. See how things stand before you ask again.");
}

async function answered(asked, silence) {
  const answer = await asked.catch(() => { throw new Error(silence); });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail ?? `The rebalancer answered ${answer.status}.`);
  return told;
}

function element(name) { return document.getElementById(`ask-${name}`); }

function answersTo(asked) {
  const body = {};
  if (asked.includes("number")) body.filled = Number(element("number-field").value);
  if (asked.includes("reason")) body.reason = element("reason-field").value;
  if (asked.includes("orders")) body.cancel_orders = element("orders-field").checked;
  return body;
}

function problemIn(asked, button) {
  if (asked.includes("typed") && element("typed-field").value.trim() !== button.dataset.word) return `Type ${button.dataset.word}, and nothing else.`;
  const shares = element("number-field").value;
  if (asked.includes("number") && !/^\d+$/.test(shares)) return "A whole number of shares is needed.";
  return "";
}

let opening = 0; // which time the question is asked: an answer that comes late is not about the next one

function open(button) {
  const own = ++opening;
  const asked = (button.dataset.ask ?? "").split(" ");
  element("title").textContent = button.dataset.title;
  element("text").textContent = button.dataset.text ?? "";
  element("word").textContent = button.dataset.word ?? "";
  element("yes").textContent = button.dataset.yes;
  element("problem").textContent = "";
  for (const name of ["number", "reason", "orders", "typed"]) {
    element(name).hidden = !asked.includes(name);
    const field = element(`${name}-field`);
    field.value = "";
    field.checked = false;
  }
  const from = button.id;
  const seen = {};
  element("yes").disabled = "look" in button.dataset; // until what is to be accepted was shown
  if ("look" in button.dataset) look(button, seen, own);
  ask.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    const problem = problemIn(asked, button);
    element("problem").textContent = problem;
    if (problem) return;
    await carryOut(button, { ...seen, ...answersTo(asked) }, own);
    document.getElementById(from)?.focus();
  };
  element("no").onclick = () => ask.close();
  ask.showModal();
  if (!button.dataset.ask) element("no").focus(); // whoever presses a key twice has not said yes
}

async function look(button, seen, own) { // what is shown is what is accepted, by its refs
  element("text").textContent = "What the account holds and the broker has is being read …";
  const isAsked = () => ask.open && own === opening;
  try {
    const told = await answered(fetch(button.dataset.look), "No answer came: close this, and look again.");
    if (!isAsked()) return;
    element("text").textContent = told.message;
    seen.refs = told.refs;
    element("yes").disabled = false;
  } catch (error) {
    if (!isAsked()) return;
    element("text").textContent = "";
    element("problem").textContent = error.message;
  }
}

const LATE = "No answer yet: no worker may be running. It was asked for, and may be done once one runs, with this window open or not.";

async function carryOut(button, answers, own = 0) {
  const isAsked = () => ask.open && own === opening;
  const body = { ...JSON.parse(button.dataset.body ?? "{}"), ...answers };
  element("yes").disabled = true;
  const sent = send(button.dataset.post, body);
  if ("goesOn" in button.dataset) { // it may take as long as a rebalance does, and the page shows how far it is
    ask.close();
    say("It was asked for.");
  }
  const late = setTimeout(() => { if (isAsked()) element("problem").textContent = LATE; }, 5000);
  try {
    const told = await sent;
    if (isAsked()) ask.close();
    say(told.message ?? button.dataset.done ?? "It is done.");
    if (button.dataset.then) location.href = button.dataset.then;
  } catch (error) {
    if (isAsked()) element("problem").textContent = error.message;
    else say(error.message);
  }
  clearTimeout(late);
  if (isAsked()) element("yes").disabled = false;
}

document.addEventListener("click", (event) => {
  say("");
  const button = event.target.closest("button[data-post]");
  if (button) button.dataset.title ? open(button) : carryOut(button, {});
});

document.getElementById("sign-in")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/dashboard/sign-in", { token: event.target.token.value });
    location.href = event.target.dataset.then;
  } catch (error) {
    say(error.message);
  }
});

tellTimes();
setInterval(tellTimes, 1000);
if (page) {
  listen();
  setInterval(listenAgain, 1000);
  document.addEventListener("visibilitychange", listen);
}
