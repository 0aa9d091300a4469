// What the page says of states and faults.

/** Each state: [words, mood, what the screen says while it shows no code]. */
export const STATES = {
  null: ["Coming up", "wait", "The new instance is coming up."],
  notAuthorized: ["Not authorized", "calm", ""],
  authorized: ["Authorized", "good", ""],
  starting: ["Starting", "wait", "The instance is starting."],
  pendingPassword: ["Password wanted", "wait", "The code was scanned. The account has a two-factor password."],
  pendingCode: ["Code wanted", "wait", "The messenger waits for its code."],
  yellowCard: ["Yellow card", "bad", "Sending is suspended. A reboot ends it."],
  suspended: ["Suspended", "bad", "The messenger has suspended the account for a while."],
  blocked: ["Blocked", "bad", "The messenger has blocked the account."],
  sleepMode: ["Asleep", "wait", "The phone is off."],
};

/** Each fault on offer: [group, words, what the control API gets]. */
export const FAULTS = [
  ["The cloud", "Slow: answers after 10 s", { kind: "delay", seconds: 10 }],
  ["The cloud", "Hangs for 60 s, then 504", { kind: "hang" }],
  ["The cloud", "Cuts the connection", { kind: "drop" }],
  ["The cloud", "500 with JSON", { kind: "status", status: 500, body: "json" }],
  ["The cloud", "504 with HTML", { kind: "status", status: 504, body: "html" }],
  ["The cloud", "429 too often", { kind: "status", status: 429, body: "empty" }],
  ["The cloud", "401 wrong token", { kind: "status", status: 401, body: "empty" }],
  ["The cloud", "200 with HTML", { kind: "status", status: 200, body: "html" }],
  ["The cloud", "200 with broken JSON", { kind: "status", status: 200, body: "truncated" }],
  ["The code", "Log out first", { kind: "qr", type: "error", message: "Instance has auth. You need to make log out" }],
  ["The code", "Not ready", { kind: "qr", type: "error", message: "not_ready" }],
  ["The code", "Messenger unreachable", { kind: "qr", type: "error", message: "timeout" }],
  ["The code", "No picture", { kind: "qr", type: "qrCode", message: "dGhpcyBpcyBubyBwaWN0dXJl" }],
  ["The state", "A word never seen", { kind: "state", state: "somethingNew" }],
  ["The state", "null", { kind: "state", state: null }],
  ["The account", "Not paid for", { kind: "expired" }],
  ["The account", "Deleted", { kind: "deleted" }],
];

/** Name a fault in force. */
export function faultWords(rule) {
  const offered = FAULTS.find(([, , fault]) =>
    Object.entries(fault).every(([key, value]) => rule[key] === value));
  const name = offered ? offered[1] : rule.kind;
  const whose = rule.id_instance === null ? " · all instances" : "";
  const where = rule.method ? ` · ${rule.method}` : "";
  const left = rule.left === null ? "" : ` · ${rule.left} left`;
  return name + whose + where + left;
}
