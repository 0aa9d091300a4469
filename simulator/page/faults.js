// The faults in force, and a switch for each one on offer.

import { call } from "./api.js";
import { Part, makeSwitch } from "./part.js";

/** Switch the presets of an instance on and off. */
export class FaultSwitches extends Part {
  constructor(element, card, { methods, messenger }, presets) {
    super(element, card);
    this.switches = new Map();
    this.onClick(".all-off", () => call("DELETE", `/faults?id_instance=${card.id}`));
    for (const method of methods) this.find("[name=method]").add(new Option(method, method));
    const groups = new Map();
    for (const preset of presets) {
      if (!preset.messengers.includes(messenger)) continue;
      if (!groups.has(preset.group)) groups.set(preset.group, this.addGroup(preset.group));
      const item = makeSwitch(preset.title, (on) => this.attempt(() => this.toggle(preset, on)));
      this.switches.set(preset.name, item);
      groups.get(preset.group).append(item.label);
    }
  }

  addGroup(name) {
    const group = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = name;
    const switches = document.createElement("div");
    switches.className = "switches";
    group.append(legend, switches);
    this.element.append(group);
    return switches;
  }

  toggle(preset, on) {
    const where = { preset: preset.name, id_instance: this.card.id };
    if (!on) return call("DELETE", `/faults?${new URLSearchParams(where)}`);
    const count = this.find("[name=count]").value;
    return call("POST", "/faults", {
      ...where,
      method: this.methodFor(preset),
      count: count ? Number(count) : null,
    });
  }

  /** The method that was chosen, where the preset can hit it. */
  methodFor({ methods }) {
    const chosen = this.find("[name=method]").value;
    return chosen && (!methods || methods.includes(chosen)) ? chosen : null;
  }

  update(faults) {
    const on = new Set(faults
      .filter((rule) => rule.id_instance === this.card.id)
      .map((rule) => rule.preset));
    for (const [name, item] of this.switches) item.show(on.has(name));
    const summary = this.find("summary");
    summary.textContent = faults.length ? `Faults (${faults.length} in force)` : "Faults";
  }
}

/** List the faults in force, each with a button that clears it. */
export class FaultList extends Part {
  constructor(element, card, presets) {
    super(element, card);
    this.titles = new Map(presets.map((preset) => [preset.name, preset]));
  }

  update(faults) {
    const key = JSON.stringify(faults);
    if (key === this.shown) return;
    this.shown = key;
    this.element.replaceChildren(...faults.map((rule) => {
      const words = this.words(rule);
      const item = document.createElement("li");
      const clear = document.createElement("button");
      clear.type = "button";
      clear.textContent = "Clear";
      clear.setAttribute("aria-label", `Clear ${words}`);
      clear.addEventListener("click", () =>
        this.attempt(() => call("DELETE", `/faults/${rule.number}`)));
      item.append(words, clear);
      return item;
    }));
  }

  words(rule) {
    const preset = this.titles.get(rule.preset);
    const parts = [preset?.title ?? rule.kind];
    if (preset?.methods) parts[0] = `${preset.group}: ${preset.title}`;
    if (rule.id_instance === null) parts.push("all instances");
    if (rule.method) parts.push(rule.method);
    if (rule.left !== null) parts.push(`${rule.left} left`);
    return parts.join(" · ");
  }
}
