// The notifications that wait, and where they go.

import { call } from "./api.js";
import { Part } from "./part.js";

/** Show the queue while the disclosure is open, and set the webhook. */
export class Notifications extends Part {
  constructor(element, card) {
    super(element, card);
    element.addEventListener("toggle", () => this.attempt(() => this.load()));
    this.onSubmit("form", ({ webhookUrl, webhookUrlToken, stateWebhook }) =>
      this.change("settings", {
        webhookUrl: webhookUrl.value,
        webhookUrlToken: webhookUrlToken.value,
        stateWebhook: stateWebhook.value,
      }));
  }

  update({ notifications, settings }) {
    const { waiting, last_result: result } = notifications;
    this.find("summary").textContent =
      waiting ? `Notifications (${waiting} waiting)` : "Notifications";
    this.find(".sent").textContent = result
      ? `Last sent to the webhook: ${result.status ?? result.problem}` : "";
    const key = JSON.stringify([notifications, settings]);
    if (key === this.shown) return;
    this.shown = key;
    this.attempt(() => this.load());
  }

  /** The webhook's token is on the page only while the disclosure is open. */
  async load() {
    const token = this.find("[name=webhookUrlToken]");
    if (!this.element.open) {
      token.value = "";
      this.find(".queue").replaceChildren();
      return;
    }
    const { settings } = await call("GET", this.card.path);
    for (const name of ["webhookUrl", "webhookUrlToken", "stateWebhook"]) {
      this.fill(this.find(`[name=${name}]`), settings[name]);
    }
    const { notifications } = await call("GET", `${this.card.path}/notifications`);
    this.find(".queue").replaceChildren(...notifications.map(({ receipt_id: receipt, body }) => {
      const item = document.createElement("li");
      const number = document.createElement("b");
      number.textContent = receipt;
      const word = body.stateInstance ?? body.statusInstance ?? "";
      item.append(number, `${body.typeWebhook}: ${word}`);
      return item;
    }));
  }
}
