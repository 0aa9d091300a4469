// What the page says of states.

/** Each state: [words, mood, what the screen says while it shows no code]. */
export const STATES = {
  null: ["Coming up", "wait", "The new instance is coming up."],
  notAuthorized: ["Not authorized", "calm", ""],
  authorized: ["Authorized", "good", ""],
  starting: ["Starting", "wait", "The instance is starting."],
  pendingPassword: ["Password wanted", "wait", "One step is left: the account has a two-factor password."],
  pendingCode: ["Code wanted", "wait", "The messenger waits for its code."],
  yellowCard: ["Yellow card", "bad", "Sending is suspended. A reboot ends it."],
  suspended: ["Suspended", "bad", "The messenger has suspended the account for a while."],
  blocked: ["Blocked", "bad", "The messenger has blocked the account."],
  sleepMode: ["Asleep", "wait", "The phone is off."],
};
