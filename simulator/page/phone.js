// What a person sets of the phone, its account and the instance's timing.

import { Part, makeSwitch } from "./part.js";
import { STATES } from "./words.js";

/** Each switch: [words, does this instance have it, is it on, what to post]. */
const SWITCHES = [
  ["The phone is offline", has("getStatusInstance"),
    (instance) => !instance.online, (on) => ["online", { online: !on }]],
  ["An old login is in the way: log out first", () => true,
    (instance) => instance.stale_credentials, (on) => ["stale", { stale: on }]],
  ["No pairing code is given", has("getAuthorizationCode"),
    (instance) => instance.refuse_pairing, (on) => ["refuse-pairing", { refuse: on }]],
  ["scanqrcode keeps to the older text", has("scanqrcode"),
    (instance) => instance.scan_text === "older",
    (on) => ["scan-text", { text: on ? "older" : "newer" }]],
];

function has(method) {
  return (instance) => instance.methods.includes(method);
}

/** Set the state, the account and how the phone behaves. */
export class Phone extends Part {
  constructor(element, card, instance) {
    super(element, card);
    for (const [state, [words]] of Object.entries(STATES)) {
      this.find("[name=state]").add(new Option(words, state));
    }
    this.switches = [];
    for (const [words, present, isOn, post] of SWITCHES) {
      if (!present(instance)) continue;
      const item = makeSwitch(words, (on) => this.attempt(() => this.change(...post(on))));
      this.switches.push([item, isOn]);
      this.find(".switches").append(item.label);
    }
    this.find(".set-password").hidden = !instance.two_factor;
    this.find(".set-suspended").hidden = !has("getAccountSettings")(instance);
    this.listen();
  }

  listen() {
    this.onSubmit(".set-state", ({ state: { value } }) =>
      this.change("state", { state: value === "null" ? null : value }));
    this.onSubmit(".set-suspended", ({ seconds }) =>
      this.change("suspended", { seconds: Number(seconds.value) }));
    this.onSubmit(".set-password", async ({ password }, form) => {
      await this.change("password", { password: password.value || null });
      form.reset();
    });
    this.onSubmit(".set-account", ({ phone, name }) =>
      this.change("account", { phone: phone.value, name: name.value }));
  }

  update(instance) {
    this.fill(this.find("[name=state]"), String(instance.state));
    this.fill(this.find("[name=phone]"), instance.account.phone);
    this.fill(this.find("[name=name]"), instance.account.name);
    this.find(".set-password [name=password]").placeholder =
      instance.has_password ? "set" : "none";
    for (const [item, isOn] of this.switches) item.show(isOn(instance));
  }
}

/** Set how long things take. */
export class Timing extends Part {
  constructor(element, card) {
    super(element, card);
    this.onSubmit("form", (fields) => this.change("timing", Object.fromEntries(
      [...fields].filter((field) => field.name).map((field) =>
        [`${field.name}_seconds`, Number(field.value)]))));
  }

  update({ timing }) {
    for (const [name, seconds] of Object.entries(timing)) {
      this.fill(this.find(`[name=${name}]`), seconds);
    }
  }
}
