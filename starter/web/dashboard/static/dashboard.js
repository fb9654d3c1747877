// Keeps a page up to date and sends what its buttons ask for. All that is shown is made on the server.
"use strict";

const page = document.body.dataset.page;
const said = document.getElementById("said");
const ask = document.getElementById("ask");
const CSRF = document.querySelector("meta[name=csrf]")?.content ?? "";

// --- what changed -----------------------------------------------------------------------------------------------------

function show(regions) {
  const focused = document.activeElement?.id;
  const open = [...document.querySelectorAll("details[open]")].map((each) => each.id);
  for (const [id, html] of Object.entries(regions)) {
    const region = document.getElementById(id);
    if (region) region.innerHTML = html;
  }
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  tellTimes();
}

function listen() {
  const stream = new EventSource(`/dashboard/live?page=${encodeURIComponent(page)}`);
  const lost = document.getElementById("connection");
  stream.addEventListener("regions", (event) => { lost.hidden = true; show(JSON.parse(event.data)); });
  stream.addEventListener("problem", (event) => say(JSON.parse(event.data)));
  stream.addEventListener("sign-in", () => { location.href = `/dashboard/sign-in?then=${encodeURIComponent(page)}`; });
  stream.addEventListener("error", () => {
    lost.hidden = false;
    if (stream.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, 3000); // an answer that is no stream ends it for good
  });
}

// --- times in the reader's own zone -----------------------------------------------------------------------------------

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
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
    const words = "age" in each.dataset ? span((Date.now() - at) / 1000) : moment(at);
    if (each.textContent !== words) each.textContent = words;
    each.title = at.toISOString();
  }
}

// --- what a person asks for -------------------------------------------------------------------------------------------

function say(words) { said.textContent = words; }

async function send(address, body) {
  const headers = { "Content-Type": "application/json" };
  if (CSRF) headers["X-CSRF-Token"] = CSRF;
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
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

function open(button) {
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
  element("yes").disabled = false;
  ask.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    const problem = problemIn(asked, button);
    element("problem").textContent = problem;
    if (problem) return;
    await carryOut(button, answersTo(asked));
    document.getElementById(from)?.focus();
  };
  element("no").onclick = () => ask.close();
  ask.showModal();
}

async function carryOut(button, answers) {
  const body = { ...JSON.parse(button.dataset.body ?? "{}"), ...answers };
  element("yes").disabled = true;
  const sent = send(button.dataset.post, body);
  if ("goesOn" in button.dataset) { // it may take as long as a rebalance does, and the page shows how far it is
    ask.close();
    say("It was asked for.");
  }
  try {
    const told = await sent;
    ask.close();
    say(told.message ?? button.dataset.done ?? "It is done.");
    if (button.dataset.then) location.href = button.dataset.then;
  } catch (error) {
    if (ask.open) element("problem").textContent = error.message;
    else say(error.message);
  }
  element("yes").disabled = false;
}

document.addEventListener("click", (event) => {
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
if (page) listen();
