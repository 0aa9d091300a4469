// The card of one instance.

import { call } from "./api.js";
import { FAULTS, STATES, faultWords } from "./words.js";

const SHOWN_REQUESTS = 5;

/** Show an instance and play its phone. */
export class Card {
  constructor(instance, methods) {
    this.id = instance.id_instance;
    this.path = `/instances/${this.id}`;
    const template = document.getElementById("card");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.messenger = instance.messenger;
    const heading = this.find("h2");
    heading.id = `title-${this.id}`;
    heading.textContent = `${instance.title} ${this.id}`;
    this.element.setAttribute("aria-labelledby", heading.id);
    this.fillChoices(methods);
    this.listen();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  fillChoices(methods) {
    for (const [state, [words]] of Object.entries(STATES)) {
      this.find("[name=state]").add(new Option(words, state));
    }
    const groups = new Map();
    FAULTS.forEach(([group, words], index) => {
      if (!groups.has(group)) {
        const element = document.createElement("optgroup");
        element.label = group;
        groups.set(group, element);
      }
      groups.get(group).append(new Option(words, index));
    });
    this.find("[name=fault]").append(...groups.values());
    for (const method of methods) this.find("[name=method]").add(new Option(method, method));
  }

  listen() {
    this.onClick(".scan", () => this.change("scan", {}));
    this.onClick(".unlink", () => this.change("unlink", {}));
    this.onClick(".delete", () => call("DELETE", this.path));
    this.onSubmit(".password", async (form) => {
      await this.change("enter-password", { password: form.elements.password.value });
      form.reset();
    });
    this.onSubmit(".set-state", (form) => {
      const { value } = form.elements.state;
      return this.change("state", { state: value === "null" ? null : value });
    });
    this.onSubmit(".set-password", async (form) => {
      await this.change("password", { password: form.elements.password.value || null });
      form.reset();
    });
    this.onSubmit(".add-fault", ({ elements }) => call("POST", "/faults", {
      ...FAULTS[elements.fault.value][2],
      id_instance: this.id,
      method: elements.method.value || null,
      count: elements.count.value ? Number(elements.count.value) : null,
    }));
    const credentials = this.find(".credentials");
    credentials.addEventListener("toggle", () => this.try(() => this.showCredentials(credentials)));
  }

  onClick(selector, action) {
    this.find(selector).addEventListener("click", () => this.try(action));
  }

  onSubmit(selector, action) {
    const form = this.find(selector);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.try(() => action(form));
    });
  }

  /** Do what a person asked, and say so where that was refused. */
  async try(action) {
    const error = this.find(".side > .error");
    error.textContent = "";
    try {
      await action();
    } catch (reason) {
      error.textContent = reason.message;
    }
  }

  change(what, body) {
    return call("POST", `${this.path}/${what}`, body);
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
  update(instance, faults, now) {
    const { state, code, account } = instance;
    const [words, mood, screen] = STATES[state];
    this.element.dataset.state = state;
    this.element.classList.toggle("linked", instance.linked);
    const badge = this.find(".state");
    badge.textContent = words;
    badge.dataset.mood = mood;

    this.showCode(instance, now);
    let text = screen;
    if (instance.linked) text = `${screen} Linked to +${account.phone} (${account.name}).`.trim();
    if (state === "notAuthorized" && !code) {
      text = "No live code. One comes when it is asked for, and dies if nobody asks again.";
      if (instance.messenger === "whatsapp") text = "The code is not ready yet.";
    }
    this.find(".words").textContent = text;
    this.find(".password").hidden = state !== "pendingPassword";
    this.find(".scan").disabled = !code;
    this.find(".unlink").disabled = !instance.linked;
    const password = this.find(".set-password");
    password.hidden = !instance.two_factor;
    password.elements.password.placeholder = instance.has_password ? "set" : "none";
    if (!this.find(".set-state").contains(document.activeElement)) {
      this.find("[name=state]").value = String(state);
    }
    this.showFaults(faults);
  }

  showCode({ code }, now) {
    this.code = code && { ...code, now, seen: performance.now() };
    this.find(".code").hidden = !code;
    const picture = this.find("img");
    if (!code) {
      picture.removeAttribute("src");
      return;
    }
    const source = `/control${this.path}/code.png?number=${code.number}`;
    if (picture.getAttribute("src") !== source) picture.src = source;
    picture.alt = `Login code ${code.number} of ${this.find("h2").textContent}`;
  }

  /** Move the bar; the code's seconds run at the simulator's speed. */
  tick(speed) {
    if (!this.code) return;
    const now = this.code.now + ((performance.now() - this.code.seen) / 1000) * speed;
    const left = Math.max(0, this.code.expires_at - now);
    const life = this.code.expires_at - this.code.issued_at;
    this.find(".bar i").style.transform = `scaleX(${left / life})`;
    this.find(".age").textContent = `Code ${this.code.number} · ${Math.ceil(left)} s left`;
  }

  showFaults(faults) {
    const key = JSON.stringify(faults);
    if (key === this.faultsShown) return;
    this.faultsShown = key;
    this.find(".faults").replaceChildren(...faults.map((rule) => {
      const item = document.createElement("li");
      const clear = document.createElement("button");
      clear.type = "button";
      clear.textContent = "Clear";
      clear.setAttribute("aria-label", `Clear ${faultWords(rule)}`);
      clear.addEventListener("click", () => this.try(() => call("DELETE", `/faults/${rule.number}`)));
      item.append(faultWords(rule), clear);
      return item;
    }));
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
