// A part of a card, and the calls of its buttons and forms.

import { call } from "./api.js";

/** Own an element of a card. */
export class Part {
  /** The card lends its id and its path in the control API. */
  constructor(element, card) {
    this.element = element;
    this.card = card;
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  onClick(selector, action) {
    this.find(selector).addEventListener("click", () => this.attempt(action));
  }

  onSubmit(selector, action) {
    const form = this.find(selector);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.attempt(() => action(form.elements, form));
    });
  }

  /** Fill a field, unless a person is at its form. */
  fill(field, value) {
    if (!field.form.contains(document.activeElement)) field.value = value;
  }

  /** Do what a person asked; where that is refused, say so beside it, give false. */
  async attempt(action) {
    const error = this.find(".error") ?? this.card.find(".error");
    error.textContent = "";
    try {
      await action();
      return true;
    } catch (reason) {
      error.textContent = reason.message;
      return false;
    }
  }

  change(what, body) {
    return call("POST", `${this.card.path}/${what}`, body);
  }
}

/** Make a switch; it goes back where onToggle, asked to turn it, gives false. */
export function makeSwitch(words, onToggle) {
  const label = document.createElement("label");
  label.className = "switch";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.setAttribute("role", "switch");
  const text = document.createElement("span");
  text.textContent = words;
  label.append(box, text);
  const item = {
    label,
    on: false,
    show(on) {
      item.on = on;
      box.checked = on;
    },
  };
  box.addEventListener("change", async () => {
    if (!await onToggle(box.checked)) box.checked = item.on;
  });
  return item;
}
