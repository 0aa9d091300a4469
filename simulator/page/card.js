// The card of one instance.

import { call } from "./api.js";
import { FaultList, FaultSwitches } from "./faults.js";
import { Notifications } from "./notifications.js";
import { Part } from "./part.js";
import { Phone, Timing } from "./phone.js";
import { Screen } from "./screen.js";
import { STATES } from "./words.js";

const SHOWN_REQUESTS = 5;

/** Show an instance and play its phone. */
export class Card extends Part {
  constructor(instance, presets) {
    const template = document.getElementById("card");
    super(template.content.firstElementChild.cloneNode(true));
    this.card = this;
    this.id = instance.id_instance;
    this.path = `/instances/${this.id}`;
    this.name = `${instance.title} ${this.id}`;
    this.element.dataset.messenger = instance.messenger;
    const heading = this.find("h2");
    heading.id = `title-${this.id}`;
    heading.textContent = this.name;
    this.element.setAttribute("aria-labelledby", heading.id);
    this.screen = new Screen(this.find(".screen"), this);
    this.faultList = new FaultList(this.find(".faults"), this, presets);
    this.faultSwitches = new FaultSwitches(this.find(".broken"), this, instance, presets);
    this.parts = [
      this.screen,
      new Phone(this.find(".phone"), this, instance),
      new Timing(this.find(".timing"), this),
      new Notifications(this.find(".notifications"), this),
    ];
    this.listen();
  }

  listen() {
    this.onClick(".scan", () => this.change("scan", {}));
    this.onClick(".unlink", () => this.change("unlink", {}));
    this.onClick(".delete", () => call("DELETE", this.path));
    const credentials = this.find(".credentials");
    credentials.addEventListener("toggle", () =>
      this.attempt(() => this.showCredentials(credentials)));
  }

  /** The token is on the page only while its disclosure is open. */
  async showCredentials(details) {
    const list = details.querySelector("dl");
    list.replaceChildren();
    if (!details.open) return;
    const instance = await call("GET", this.path);
    const rows = {
      apiUrl: location.origin + (instance.messenger === "v3" ? "/v3" : ""),
      idInstance: instance.id_instance,
      apiTokenInstance: instance.token,
    };
    for (const [name, value] of Object.entries(rows)) {
      const term = document.createElement("dt");
      term.textContent = name;
      const text = document.createElement("dd");
      text.textContent = value;
      list.append(term, text);
    }
  }

  /** Show what the feed says now. */
  update(instance, faults) {
    const { state, code, linked } = instance;
    const [words, mood] = STATES[state];
    this.element.dataset.state = state;
    this.element.classList.toggle("linked", linked);
    const badge = this.find(".state");
    badge.textContent = words;
    badge.dataset.mood = mood;
    this.find(".scan").disabled = !code;
    this.find(".unlink").disabled = !linked;
    for (const part of this.parts) part.update(instance);
    this.faultList.update(faults);
    this.faultSwitches.update(faults);
  }

  tick(now) {
    this.screen.tick(now);
  }

  showRequests(requests) {
    const mine = requests.filter((request) => request.id_instance === this.id);
    this.find(".requests").replaceChildren(...mine.slice(-SHOWN_REQUESTS).reverse().map((request) => {
      const item = document.createElement("li");
      const time = document.createElement("time");
      time.dateTime = request.wall;
      time.textContent = new Date(request.wall).toLocaleTimeString("en-GB");
      const status = document.createElement("b");
      status.textContent = request.status ?? "cut";
      status.classList.toggle("bad", !request.ok);
      item.append(time, request.method, status);
      return item;
    }));
  }
}
