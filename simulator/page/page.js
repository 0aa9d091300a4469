// Keep the cards as the simulator's feed says.

import { call } from "./api.js";
import { Card } from "./card.js";

const KEPT_REQUESTS = 200;
const TICK_MS = 200;

const cards = new Map();
let presets = [];
let clock = { now: 0, seen: 0, speed: 1 };
let requests = [];
let outage = null;

const byId = (id) => document.getElementById(id);

/** The simulator's time, which runs at its speed. */
function now() {
  return clock.now + ((performance.now() - clock.seen) / 1000) * clock.speed;
}

function showCloud(view) {
  const { speed } = view;
  clock = { now: view.now, seen: performance.now(), speed };
  byId("speed").hidden = speed === 1;
  byId("speed").textContent = `Time runs ${speed} times as fast`;
  byId("empty").hidden = view.instances.length > 0;

  const present = new Set(view.instances.map((instance) => instance.id_instance));
  for (const [id, card] of cards) {
    if (!present.has(id)) {
      card.element.remove();
      cards.delete(id);
    }
  }
  showOutage(view.faults);
  for (const instance of view.instances) {
    let card = cards.get(instance.id_instance);
    if (!card) {
      card = new Card(instance, presets);
      cards.set(card.id, card);
      byId("cards").append(card.element);
      card.showRequests(requests);
    }
    const faults = view.faults.filter((rule) =>
      rule.id_instance === card.id || (rule.id_instance === null && rule !== outage));
    card.update(instance, faults);
    card.tick(now());
  }
}

function showOutage(faults) {
  outage = faults.find((rule) =>
    rule.kind === "drop" && rule.id_instance === null && rule.method === null && rule.left === null);
  byId("down").hidden = !outage;
  const button = byId("cloud");
  button.setAttribute("aria-pressed", String(Boolean(outage)));
  button.textContent = outage ? "Bring the cloud back" : "Take the cloud down";
}

function showRequests(fresh) {
  requests = [...requests, ...fresh].slice(-KEPT_REQUESTS);
  for (const card of cards.values()) card.showRequests(requests);
}

function showLost(lost) {
  byId("lost").hidden = !lost;
  document.body.classList.toggle("lost", lost);
}

const feed = new EventSource("/control/events");
feed.addEventListener("open", () => {
  // The feed begins anew, with the latest requests.
  requests = [];
  showLost(false);
});
feed.addEventListener("error", () => showLost(true));
feed.addEventListener("presets", (event) => {
  presets = JSON.parse(event.data);
});
feed.addEventListener("cloud", (event) => showCloud(JSON.parse(event.data)));
feed.addEventListener("requests", (event) => showRequests(JSON.parse(event.data)));

setInterval(() => {
  for (const card of cards.values()) card.tick(now());
}, TICK_MS);

byId("cloud").addEventListener("click", () => {
  if (outage) call("DELETE", `/faults/${outage.number}`).catch(() => showLost(true));
  else call("POST", "/faults", { kind: "drop" }).catch(() => showLost(true));
});

byId("add").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const error = byId("add").querySelector(".error");
  error.textContent = "";
  try {
    await call("POST", "/instances", {
      messenger: form.elements.messenger.value,
      id_instance: form.elements.id_instance.value,
    });
    form.reset();
  } catch (reason) {
    error.textContent = reason.message;
  }
});
