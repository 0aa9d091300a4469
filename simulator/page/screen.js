// The phone's screen: the code, messages, and what is to be typed.

import { Part } from "./part.js";
import { STATES } from "./words.js";

/** Show what a person sees on the phone. */
export class Screen extends Part {
  constructor(element, card) {
    super(element, card);
    this.onSubmit(".password", async (fields, form) => {
      await this.change("enter-password", { password: fields.password.value });
      form.reset();
    });
    this.onSubmit(".pairing", async (fields, form) => {
      await this.change("pairing", { code: fields.code.value });
      form.reset();
    });
  }

  update(instance) {
    this.instance = instance;
    this.showCode(instance.code);
    this.find(".words").textContent = this.words(instance);
    this.find(".password").hidden = instance.state !== "pendingPassword";
    this.find(".pairing").hidden = !instance.pairing;
    const message = instance.phone_code;
    this.find(".message").hidden = !message;
    this.find(".message").textContent = message
      ? `${instance.title}: your login code is ${message.code}` : "";
  }

  words(instance) {
    const { state, code, account, phone_code: message, pairing } = instance;
    const screen = STATES[state][2];
    if (instance.linked) {
      const until = instance.suspended_until;
      return [
        screen,
        until && `It ends at ${new Date(until).toLocaleString("en-GB")}.`,
        `Linked to +${account.phone} (${account.name}).`,
      ].filter(Boolean).join(" ");
    }
    if (state !== "notAuthorized" || code || message || pairing) return screen;
    if (instance.stale_credentials) return "No code: an old login is in the way. Log out first.";
    if (instance.messenger === "whatsapp") return "The code is not ready yet.";
    return "No live code. One comes when it is asked for, and dies if nobody asks again.";
  }

  showCode(code) {
    this.find(".code").hidden = !code;
    const picture = this.find("img");
    if (!code) {
      picture.removeAttribute("src");
      return;
    }
    const source = `/control${this.card.path}/code.png?number=${code.number}`;
    if (picture.getAttribute("src") !== source) picture.src = source;
    picture.alt = `Login code ${code.number} of ${this.card.name}`;
  }

  /** Show what is left by the simulator's time. */
  tick(now) {
    const { code, pairing } = this.instance;
    const left = (thing) => Math.max(0, thing.expires_at - now);
    if (code) {
      const share = left(code) / (code.expires_at - code.issued_at);
      this.find(".bar i").style.transform = `scaleX(${share})`;
      this.find(".code .age").textContent = `Code ${code.number} · ${Math.ceil(left(code))} s left`;
    }
    if (pairing) {
      this.find(".pairing .age").textContent =
        `The code dies in ${Math.ceil(left(pairing))} s`;
    }
  }
}
