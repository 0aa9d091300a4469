/**
 * The card of GREEN-API for Home Assistant's dashboards.
 *
 * One element without a build step. It finds the entities of an instance by the
 * instance's device, shows what they say and presses their buttons. Its element
 * tree is built once; afterwards only what has changed is written, so nothing
 * that is being typed gets lost.
 */

const TAG = "green-api-card";
const DOMAIN = "green_api";
const DOCUMENTATION = "https://github.com/green-api/green-api-home-assistant";

// JSON, for the test that compares the languages.
const TEXTS = {
  "en": {
    "card": "The login QR of a GREEN-API instance, its state, and all it takes to link it.",
    "field_device_id": "Instance",
    "field_name": "Title",
    "field_compact": "Compact",
    "help_name": "If it is empty, the name of the device is shown.",
    "help_compact": "Without the steps, without the buttons that are seldom needed, and without a picture when there is no code.",
    "choose": "Choose an instance in the settings of this card.",
    "gone": "The instance of this card is not set up any more. Choose another one in the settings of the card.",
    "lacks": "Disabled or missing: {names}. Entities are enabled on the device's page.",
    "open_device": "Open the device",
    "no_picture": "The picture could not be loaded. It is tried again by itself.",
    "alt": "Login QR for {messenger}",
    "says_showing": "Scan this code to link {messenger}.",
    "says_waiting": "The code is on its way. The first one can take a few minutes.",
    "says_expired": "Nobody has scanned a code in time. Take the phone, then ask for a new one.",
    "says_idle": "To link {messenger}, ask for a code.",
    "says_password": "{messenger} wants the two-factor password of the account.",
    "says_password_admin_only": "{messenger} wants the two-factor password of the account. An administrator can enter it.",
    "says_asks_pairing": "{messenger} gives a code that is entered on the phone. Have the phone at hand: it is valid for two and a half minutes.",
    "says_asks_phone": "{messenger} sends a code to the account with this number, in the app or by SMS.",
    "says_pairing": "Enter this code on the phone.",
    "says_pairing_lost": "A pairing code was given and may still be in use. Until it is over, there is no QR.",
    "says_code": "{messenger} has sent a code to the account, in the app or by SMS.",
    "says_authorized": "{messenger} is linked. Nothing is left to do.",
    "says_starting": "The instance is starting, which takes up to five minutes.",
    "says_suspended": "{messenger} has suspended the account for a while. It stays linked.",
    "says_yellow_card": "{messenger} suspects spam: sending is suspended. A reboot of the instance may lift that.",
    "says_blocked": "{messenger} has blocked the account, or GREEN-API the instance.",
    "says_sleep_mode": "The phone has been switched off or offline for too long.",
    "says_unknown": "GREEN-API does not say in which state the instance is.",
    "says_unavailable": "The instance cannot be reached at the moment. Home Assistant keeps trying.",
    "left": "Valid for another {time}",
    "left_none": "The next code is about to come.",
    "seconds": "{seconds} s",
    "minutes": "{minutes}:{seconds} min",
    "steps": "How to scan",
    "step_whatsapp_1": "Open WhatsApp on the phone.",
    "step_whatsapp_2": "Go to Settings → Linked devices (on Android: ⋮ → Linked devices).",
    "step_whatsapp_3": "Tap “Link a device” and point the camera at the code.",
    "step_telegram_1": "Open Telegram on the phone.",
    "step_telegram_2": "Go to Settings → Devices.",
    "step_telegram_3": "Tap “Link desktop device” and point the camera at the code.",
    "step_max_1": "Open MAX on the phone.",
    "step_max_2": "Go to Settings → Devices.",
    "step_max_3": "Choose to sign in on another device by QR, and point the camera at the code.",
    "step_pairing_1": "Open WhatsApp on the phone: Settings → Linked devices.",
    "step_pairing_2": "Tap “Link a device”, then “Link with phone number instead”.",
    "step_pairing_3": "Enter the code.",
    "new_code": "New code",
    "qr_instead": "Show a QR instead",
    "by_phone": "Link by phone number",
    "phone_number": "Phone number",
    "phone_example": "With country code, for example +44 7911 123456.",
    "get_pairing_code": "Get a code",
    "start_phone_login": "Send the code",
    "pairing_code": "Pairing code: {code}",
    "code": "Code from the message",
    "password": "Two-factor password",
    "password_optional": "Two-factor password, if there is one",
    "password_help": "It is handed on and not kept.",
    "send": "Send",
    "cancel": "Cancel",
    "logout": "Log out",
    "logout_title": "Log out {name}?",
    "logout_text": "{messenger} will not be linked any more, and no message is sent or received. To link it again, somebody has to scan a code.",
    "reboot": "Reboot",
    "reboot_title": "Reboot {name}?",
    "reboot_text": "This takes up to five minutes, in which no message is sent or received.",
    "busy_new_code": "Asking for a code …",
    "busy_phone": "Asking {messenger} for a code. This can take a minute.",
    "busy_code": "Handing the code on to {messenger}. This can take a minute.",
    "busy_password": "Handing the password on to {messenger}. This can take a minute.",
    "busy_logout": "Logging out …",
    "busy_reboot": "Rebooting …",
    "failed": "That did not work."
  },
  "ru": {
    "card": "QR-код входа инстанса GREEN-API, его состояние и всё, что нужно для привязки.",
    "field_device_id": "Инстанс",
    "field_name": "Заголовок",
    "field_compact": "Компактный вид",
    "help_name": "Если пусто, показывается имя устройства.",
    "help_compact": "Без шагов, без редко нужных кнопок и без картинки, пока кода нет.",
    "choose": "Выберите инстанс в настройках этой карточки.",
    "gone": "Инстанс этой карточки больше не настроен. Выберите другой в настройках карточки.",
    "lacks": "Отключено или отсутствует: {names}. Объекты включаются на странице устройства.",
    "open_device": "Открыть устройство",
    "no_picture": "Картинку загрузить не удалось. Попытка повторится сама.",
    "alt": "QR-код входа в {messenger}",
    "says_showing": "Отсканируйте этот код, чтобы привязать {messenger}.",
    "says_waiting": "Код скоро появится. Первый может занять несколько минут.",
    "says_expired": "Код вовремя никто не отсканировал. Возьмите телефон и запросите новый.",
    "says_idle": "Чтобы привязать {messenger}, запросите код.",
    "says_password": "{messenger} запрашивает пароль двухфакторной аутентификации аккаунта.",
    "says_password_admin_only": "{messenger} запрашивает пароль двухфакторной аутентификации аккаунта. Ввести его может администратор.",
    "says_asks_pairing": "{messenger} даёт код, который вводится на телефоне. Держите телефон под рукой: код действует две с половиной минуты.",
    "says_asks_phone": "{messenger} отправит код в аккаунт с этим номером, в приложение или по SMS.",
    "says_pairing": "Введите этот код на телефоне.",
    "says_pairing_lost": "Код привязки уже выдан и, возможно, ещё действует. Пока он не истёк, QR-кода нет.",
    "says_code": "{messenger} отправил код в аккаунт: в приложение или по SMS.",
    "says_authorized": "{messenger} привязан. Больше ничего делать не нужно.",
    "says_starting": "Инстанс запускается, это занимает до пяти минут.",
    "says_suspended": "{messenger} временно приостановил аккаунт. Привязка сохраняется.",
    "says_yellow_card": "{messenger} подозревает спам: отправка приостановлена. Перезапуск инстанса может это снять.",
    "says_blocked": "{messenger} заблокировал аккаунт или GREEN-API заблокировал инстанс.",
    "says_sleep_mode": "Телефон слишком долго выключен или не в сети.",
    "says_unknown": "GREEN-API не сообщает, в каком состоянии инстанс.",
    "says_unavailable": "Инстанс сейчас недоступен. Home Assistant продолжает попытки.",
    "left": "Действует ещё {time}",
    "left_none": "Сейчас появится следующий код.",
    "seconds": "{seconds} с",
    "minutes": "{minutes}:{seconds} мин",
    "steps": "Как отсканировать",
    "step_whatsapp_1": "Откройте WhatsApp на телефоне.",
    "step_whatsapp_2": "Перейдите в «Настройки» → «Связанные устройства» (на Android: ⋮ → «Связанные устройства»).",
    "step_whatsapp_3": "Нажмите «Связывание устройства» и наведите камеру на код.",
    "step_telegram_1": "Откройте Telegram на телефоне.",
    "step_telegram_2": "Перейдите в «Настройки» → «Устройства».",
    "step_telegram_3": "Нажмите «Подключить устройство» и наведите камеру на код.",
    "step_max_1": "Откройте MAX на телефоне.",
    "step_max_2": "Перейдите в «Настройки» → «Устройства».",
    "step_max_3": "Выберите вход на другом устройстве по QR-коду и наведите камеру на код.",
    "step_pairing_1": "Откройте WhatsApp на телефоне: «Настройки» → «Связанные устройства».",
    "step_pairing_2": "Нажмите «Связывание устройства», затем «Связать по номеру телефона».",
    "step_pairing_3": "Введите код.",
    "new_code": "Новый код",
    "qr_instead": "Показать QR-код",
    "by_phone": "Привязать по номеру телефона",
    "phone_number": "Номер телефона",
    "phone_example": "С кодом страны, например +7 912 345-67-89.",
    "get_pairing_code": "Получить код",
    "start_phone_login": "Прислать код",
    "pairing_code": "Код привязки: {code}",
    "code": "Код из сообщения",
    "password": "Пароль двухфакторной аутентификации",
    "password_optional": "Пароль двухфакторной аутентификации, если он есть",
    "password_help": "Пароль передаётся дальше и не сохраняется.",
    "send": "Отправить",
    "cancel": "Отмена",
    "logout": "Разлогинить",
    "logout_title": "Разлогинить {name}?",
    "logout_text": "{messenger} больше не будет привязан, и сообщения перестанут отправляться и приходить. Чтобы привязать его снова, придётся отсканировать код.",
    "reboot": "Перезапустить",
    "reboot_title": "Перезапустить {name}?",
    "reboot_text": "Это занимает до пяти минут, сообщения в это время не отправляются и не приходят.",
    "busy_new_code": "Запрашиваем код…",
    "busy_phone": "Запрашиваем код у {messenger}. Это может занять минуту.",
    "busy_code": "Передаём код в {messenger}. Это может занять минуту.",
    "busy_password": "Передаём пароль в {messenger}. Это может занять минуту.",
    "busy_logout": "Разлогиниваем…",
    "busy_reboot": "Перезапускаем…",
    "failed": "Не получилось."
  }
};

// What the card takes from the device: domain and translation key of each entity.
const ENTITIES = {
  picture: ["image", "login_qr"],
  state: ["sensor", "state"],
  login: ["sensor", "login"],
  account: ["sensor", "account"],
  newCode: ["button", "login"],
  logout: ["button", "logout"],
  reboot: ["button", "reboot"],
};

// Without these the card has little to say.
const NEEDED = ["state", "login", "picture"];

const LINKED = new Set(["authorized", "suspended", "yellow_card"]);

// In which a login goes on, or can begin.
const LINKABLE = new Set(["not_authorized", "pending_code"]);

const LOOKS = {
  authorized: { icon: "mdi:link-variant", color: "--success-color" },
  not_authorized: { icon: "mdi:qrcode-scan", color: "--info-color" },
  pending_code: { icon: "mdi:dialpad", color: "--info-color" },
  pending_password: { icon: "mdi:form-textbox-password", color: "--warning-color" },
  starting: { icon: "mdi:progress-clock", color: "--info-color" },
  suspended: { icon: "mdi:pause-circle-outline", color: "--warning-color" },
  yellow_card: { icon: "mdi:card", color: "--warning-color" },
  sleep_mode: { icon: "mdi:sleep", color: "--warning-color" },
  blocked: { icon: "mdi:cancel", color: "--error-color" },
};
const LOOKS_UNKNOWN = { icon: "mdi:help-circle-outline", color: "--disabled-color" };

// Of hass: whatever else changes, such as other entities, is none of our business.
const WATCHED = [
  "connected",
  "devices",
  "entities",
  "formatEntityAttributeValue",
  "formatEntityState",
  "language",
  "locale",
  "localize",
  "user",
];

// In which a code's own size is taken for its side on the screen, in px.
const SIDE_LEAST = 240;
const SIDE_MOST = 360;

// After this long a picture that could not be loaded is tried again, in ms.
const PICTURE_RETRY = 5000;

// How long a pairing code is valid, in ms.
const PAIRING_LIFE = 150_000;

const STYLE = `
  :host {
    display: block;
    height: 100%;
  }
  [hidden] {
    display: none !important;
  }
  ha-card {
    /* The theme's own blue is too faint on white for small text. */
    --wa-color-brand-fill-loud: color-mix(in srgb, var(--primary-color) 70%, #000);
    --wa-color-brand-on-normal: color-mix(in srgb, var(--primary-color) 60%, var(--primary-text-color));
    --wa-color-brand-on-quiet: color-mix(in srgb, var(--primary-color) 60%, var(--primary-text-color));
    box-sizing: border-box;
    height: 100%;
    overflow: hidden;
  }
  .content {
    container-type: inline-size;
    padding: 16px;
    color: var(--primary-text-color);
  }
  .stack,
  form {
    display: flex;
    flex-direction: column;
    gap: 12px;
  }
  form {
    gap: 8px;
  }
  h2,
  p,
  ol,
  figure {
    margin: 0;
  }
  /* In a language that runs the other way our texts are English, numbers included. */
  h2,
  p,
  li,
  label span,
  figcaption span {
    unicode-bidi: plaintext;
  }
  header {
    display: flex;
    align-items: center;
    gap: 12px;
  }
  header > div {
    min-width: 0;
  }
  h2 {
    font-size: var(--ha-font-size-l, 16px);
    font-weight: var(--ha-font-weight-medium, 500);
    line-height: 1.3;
    overflow-wrap: anywhere;
  }
  .badge {
    flex: none;
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    border-radius: 50%;
    color: var(--look);
    background: color-mix(in srgb, var(--look) 18%, transparent);
  }
  .state {
    color: var(--secondary-text-color);
    line-height: 1.4;
  }
  .hint {
    line-height: 1.45;
  }
  .problem {
    color: var(--secondary-text-color);
    line-height: 1.4;
  }
  .contents {
    display: contents;
  }
  figure {
    display: flex;
    flex-direction: column;
    align-items: center;
  }
  figcaption span {
    display: block;
    margin-top: 8px;
  }
  .plate {
    position: relative;
    box-sizing: border-box;
    width: 100%;
    min-width: 224px;
    max-width: calc(var(--side, 276px) + 24px);
    padding: 12px;
    border-radius: 16px;
    background: #fff;
  }
  img {
    display: block;
    width: 100%;
    min-width: 200px;
    aspect-ratio: 1;
    object-fit: contain;
    background: #fff;
    transition: opacity 0.2s;
  }
  .plate.still {
    padding: 0;
    overflow: hidden;
  }
  .plate:not(.still) img {
    image-rendering: pixelated;
  }
  img.dead {
    opacity: 0.12;
  }
  .ring {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    overflow: visible;
    pointer-events: none;
  }
  .ring rect {
    x: 2px;
    y: 2px;
    width: calc(100% - 4px);
    height: calc(100% - 4px);
    rx: 14px;
    fill: none;
    stroke-width: 4px;
    stroke: color-mix(in srgb, var(--primary-color) 18%, #fff);
  }
  .ring rect + rect {
    stroke: var(--primary-color);
    stroke-dasharray: 1;
    stroke-dashoffset: calc(1 - var(--left, 0));
    /* Drawn six times a second: a display on the wall has better to do than sixty. */
    transition: stroke-dashoffset 1s steps(6), stroke 0.3s;
  }
  .ring.soon rect + rect {
    stroke: var(--warning-color);
  }
  figcaption,
  .small {
    color: var(--secondary-text-color);
    font-size: var(--ha-font-size-s, 12px);
    line-height: 1.4;
    font-variant-numeric: tabular-nums;
  }
  ol {
    direction: ltr;
    padding-inline-start: 24px;
    line-height: 1.5;
  }
  li::marker {
    color: var(--secondary-text-color);
  }
  .pairing {
    display: flex;
    flex-direction: column;
    align-items: center;
    gap: 8px;
    padding: 16px 8px;
    border-radius: 12px;
    background: var(--secondary-background-color);
  }
  .pairing output {
    display: flex;
    gap: 0.4em;
    direction: ltr;
    unicode-bidi: isolate;
    font-family: var(--ha-font-family-code, monospace);
    font-size: min(32px, 11cqw);
    font-weight: 600;
    letter-spacing: 0.08em;
    outline-offset: 6px;
    user-select: all;
  }
  label {
    display: flex;
    flex-direction: column;
    gap: 4px;
    font-weight: var(--ha-font-weight-medium, 500);
  }
  input {
    box-sizing: border-box;
    width: 100%;
    min-height: 44px;
    padding: 8px 12px;
    border: 1px solid var(--secondary-text-color);
    border-radius: 8px;
    color: var(--primary-text-color);
    background: var(--card-background-color, transparent);
    font: inherit;
    font-weight: normal;
  }
  input:focus-visible {
    outline: 2px solid var(--primary-color);
    outline-offset: 1px;
    border-color: transparent;
  }
  :focus-visible {
    outline-color: var(--primary-color);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }
  .row.end {
    justify-content: flex-end;
  }
  .row.admin {
    padding-top: 8px;
    border-top: 1px solid var(--divider-color);
  }
  .row.admin ha-button {
    margin-inline-start: -8px;
  }
  .fill {
    width: 100%;
  }
  ha-button {
    --ha-button-height: 40px;
    max-width: 100%;
  }
  ha-icon {
    --mdc-icon-size: 20px;
  }
  .badge ha-icon {
    --mdc-icon-size: 24px;
  }
  ha-alert {
    display: block;
  }
  ha-alert:not(:defined) {
    padding: 8px;
    border-inline-start: 4px solid var(--error-color);
  }
  a {
    color: var(--primary-color);
  }
  dialog {
    box-sizing: border-box;
    width: min(420px, calc(100vw - 32px));
    padding: 24px;
    border: none;
    border-radius: var(--ha-border-radius-3xl, 24px);
    color: var(--primary-text-color);
    background: var(--ha-dialog-surface-background, var(--card-background-color));
    box-shadow: 0 8px 32px rgb(0 0 0 / 40%);
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 50%);
  }
  @container (max-width: 260px) {
    .plate {
      padding: 8px;
      min-width: 216px;
      margin-inline: -8px;
    }
    .row ha-button {
      width: 100%;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    img,
    .ring rect + rect {
      transition: none;
    }
  }
`;

// ------------------------------------------------------------------ texts

function languageOf(hass) {
  const spoken = hass?.locale?.language || hass?.language || document.documentElement.lang;
  const language = spoken.toLowerCase().split("-")[0];
  return language in TEXTS ? language : "en";
}

function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function textOf(hass, key, values) {
  return fill(TEXTS[languageOf(hass)][key], values);
}

/** What is known of the person before a card exists. */
function presentHass() {
  return document.querySelector("home-assistant")?.hass;
}

// ------------------------------------------------------------------ entities

/** Return the entity ids of a device by what they are to the card. */
function entitiesOf(hass, deviceId) {
  const found = {};
  for (const entity of Object.values(hass.entities ?? {})) {
    if (entity.device_id !== deviceId || entity.platform !== DOMAIN) continue;
    const domain = entity.entity_id.split(".")[0];
    for (const [role, [wanted, key]] of Object.entries(ENTITIES)) {
      if (domain === wanted && entity.translation_key === key) found[role] = entity.entity_id;
    }
  }
  return found;
}

function firstDevice(hass) {
  const entities = Object.values(hass?.entities ?? {});
  return entities.find((entity) => entity.platform === DOMAIN && entity.device_id)?.device_id;
}

function usable(state) {
  return state !== undefined && state.state !== "unavailable";
}

// ------------------------------------------------------------------ elements

/** Make an element: attributes, listeners by `on…`, then children and texts. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function makeRing() {
  const svg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const ring = svg("svg");
  const [track, life] = [svg("rect"), svg("rect")];
  life.setAttribute("pathLength", "1");
  ring.setAttribute("class", "ring");
  ring.setAttribute("aria-hidden", "true");
  ring.dataset.part = "ring";
  ring.append(track, life);
  return ring;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element, visible) {
  // Not the property: drawings have none.
  element.toggleAttribute("hidden", !visible);
}

/** Show or hide a form; nothing that was typed waits in a hidden one. */
function showForm(form, visible) {
  if (!visible && !form.hidden) form.reset();
  show(form, visible);
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// ------------------------------------------------------------------ countdown

/**
 * How long something is valid, by the browser's stopwatch.
 *
 * The clocks of browser and server need not agree, so what begins while the card
 * looks on begins now. Only for what was there before is the browser's clock asked.
 */
class Countdown {
  constructor(key, from, until, seenBegin) {
    this.key = key;
    this.total = until - from;
    const age = Date.now() - from;
    const known = !seenBegin && age > 0 && age < this.total;
    this.began = performance.now() - (known ? age : 0);
  }

  prolong(from, until) {
    this.total = until - from;
  }

  /** In ms, never below 0. */
  get left() {
    return Math.max(0, this.total - (performance.now() - this.began));
  }

  /** Of the whole life, from 1 down to 0. */
  get share() {
    return this.total > 0 ? this.left / this.total : 0;
  }
}

class Pairing {
  /** Take a code that has just been given. */
  constructor(code) {
    this.code = code;
    this.life = new Countdown(code, 0, PAIRING_LIFE, true);
  }

  get isOver() {
    return this.life.left === 0;
  }
}

// ------------------------------------------------------------------ the card

// When Home Assistant's page starts, it replaces the registry of elements and what
// they extend. An element from before that would not be found, now and then.
await customElements.whenDefined("home-assistant");

class GreenApiCard extends HTMLElement {
  #hass;
  #config = {};
  #ids = {};
  #at = {};
  #countdown = null;
  #timer;
  #retry;
  #phase;
  #live = false;
  #pairing = null;
  #asksForPhone = false;
  #busy = null;
  #error = "";
  #question = null;
  #picture = "";
  #pictureFailed = false;

  static getConfigForm() {
    const text = (key) => textOf(presentHass(), key);
    return {
      schema: [
        {
          name: "device_id",
          required: true,
          selector: { device: { filter: [{ integration: DOMAIN }] } },
        },
        { name: "name", selector: { text: {} } },
        { name: "compact", selector: { boolean: {} } },
      ],
      computeLabel: (field) => text(`field_${field.name}`),
      computeHelper: (field) =>
        field.name === "device_id" ? undefined : text(`help_${field.name}`),
    };
  }

  static getStubConfig(hass) {
    return { device_id: firstDevice(hass) ?? "" };
  }

  constructor() {
    super();
    this.attachShadow({ mode: "open" });
    this.#build();
  }

  connectedCallback() {
    this.#live = false;
    this.#update();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#timer = this.#retry = undefined;
    this.#at.confirm.close();
    this.#resetForms();
  }

  setConfig(config) {
    if (!config || typeof config !== "object") throw new Error("There is no configuration.");
    for (const [name, type] of [
      ["device_id", "string"],
      ["name", "string"],
      ["compact", "boolean"],
    ]) {
      const value = config[name];
      if (value !== undefined && value !== null && typeof value !== type) {
        throw new Error(`${name} has to be a ${type}.`);
      }
    }
    if (config.device_id !== this.#config.device_id) this.#forget();
    this.#config = config;
    this.#find();
    this.#update();
  }

  set hass(hass) {
    const before = this.#hass;
    this.#hass = hass;
    if (before && !this.#concerns(before, hass)) return;
    if (before?.entities !== hass.entities) this.#find();
    if (!hass.connected) this.#live = false;
    this.#update();
  }

  get hass() {
    return this.#hass;
  }

  getCardSize() {
    return this.#at.figure.hidden ? 3 : 9;
  }

  getGridOptions() {
    return { columns: 12, min_columns: 10, rows: "auto" };
  }

  // ---------------------------------------------------------------- what is known

  #concerns(before, now) {
    if (WATCHED.some((name) => before[name] !== now[name])) return true;
    return Object.values(this.#ids).some((id) => before.states[id] !== now.states[id]);
  }

  #find() {
    const deviceId = this.#config.device_id;
    this.#ids = this.#hass && deviceId ? entitiesOf(this.#hass, deviceId) : {};
  }

  /** Another instance is shown: nothing of the former one may be left. */
  #forget() {
    this.#countdown = this.#phase = this.#pairing = this.#question = null;
    this.#asksForPhone = this.#live = false;
    this.#error = "";
    this.#picture = "";
    this.#at.confirm.close();
    this.#resetForms();
  }

  #resetForms() {
    for (const form of [this.#at.phoneForm, this.#at.codeForm, this.#at.passwordForm]) form.reset();
  }

  #state(role) {
    return this.#hass.states[this.#ids[role]];
  }

  #text(key, values) {
    return textOf(this.#hass, key, { messenger: this.#messenger, name: this.#name, ...values });
  }

  get #device() {
    return this.#hass.devices?.[this.#config.device_id];
  }

  get #messenger() {
    return this.#device?.model ?? "";
  }

  get #name() {
    const device = this.#device;
    return this.#config.name || device?.name_by_user || device?.name || "GREEN-API";
  }

  /** Gather what the parts of the card show or hide by. */
  #look() {
    const state = this.#state("state")?.state;
    const login = this.#state("login");
    const phase = login?.state;
    const whatsapp = this.#messenger === "WhatsApp";
    const wantsPassword = !whatsapp && (state === "pending_password" || phase === "password");
    return {
      state,
      phase,
      whatsapp,
      wantsPassword,
      admin: this.#hass.user?.is_admin === true,
      linked: LINKED.has(state),
      linkable: LINKABLE.has(state) && !wantsPassword,
      problem: login?.attributes.problem,
      detail: login?.attributes.detail,
      compact: this.#config.compact === true,
    };
  }

  // ---------------------------------------------------------------- drawing

  #update() {
    if (!this.#hass || !this.isConnected) return;
    const focused = this.shadowRoot.activeElement;
    const there = this.#device !== undefined && Object.keys(this.#ids).length > 0;
    const look = this.#look();
    this.#follow(look);
    this.#drawTexts();
    this.#drawHeader(look, there);
    this.#drawMissing(look, there);
    this.#drawForms(look, there);
    this.#drawPicture(look, there);
    this.#drawSteps(look, there);
    this.#drawButtons(look, there);
    this.#drawError();
    this.#drawTime();
    this.#keepTime();
    this.#keepFocus(focused);
  }

  /** Let time and what was asked for follow the login. */
  #follow(look) {
    const attributes = this.#state("login")?.attributes ?? {};
    const showing = look.phase === "showing";
    const [from, until] = showing
      ? [attributes.issued_at, attributes.expires_at]
      : [attributes.began_at, attributes.ends_at];
    const timed = (showing || look.phase === "phone_code") && from && until;
    this.#time(
      timed && `${look.phase} ${from}`,
      Date.parse(from),
      Date.parse(until),
    );
    const left = this.#phase === "phone_code" && look.phase !== "phone_code";
    // The login's sensor may be disabled, so its phase alone does not tell.
    if (left || !look.linkable || this.#pairing?.isOver) this.#pairing = null;
    if (!look.linkable || look.phase === "phone_code") this.#asksForPhone = false;
    if (look.linked && this.#phase !== look.phase) this.#error = "";
    this.#phase = look.phase;
    this.#live = this.#hass.connected !== false;
  }

  #time(key, from, until) {
    if (!key) this.#countdown = null;
    else if (this.#countdown?.key === key) this.#countdown.prolong(from, until);
    else this.#countdown = new Countdown(key, from, until, this.#live);
  }

  #drawTexts() {
    setAttribute(this.#at.content, "lang", languageOf(this.#hass));
    setAttribute(this.#at.state, "lang", this.#hass.language ?? "en");
    for (const [element, key] of this.#at.texts) write(element, this.#text(key));
  }

  #drawHeader(look, there) {
    const at = this.#at;
    const { icon, color } = LOOKS[look.state] ?? LOOKS_UNKNOWN;
    setAttribute(at.icon, "icon", icon);
    at.badge.style.setProperty("--look", `var(${color})`);
    write(at.name, this.#name);
    const state = this.#state("state");
    write(at.state, there && state ? this.#hass.formatEntityState(state) : "");
    write(at.hint, there ? this.#hint(look) : "");
    show(at.hint, at.hint.textContent !== "");
    const problem = there && !look.linked && look.problem ? this.#problem(look) : "";
    write(at.problem, problem);
    show(at.problem, problem !== "");
    const account = this.#state("account");
    const known = look.linked && usable(account) && account.state !== "unknown";
    write(at.account, known ? account.state : "");
    show(at.account, known);
  }

  #hint(look) {
    if (this.#busy) return this.#text(`busy_${this.#busy}`);
    if (look.state === undefined) return "";
    if (look.wantsPassword)
      return this.#text(look.admin ? "says_password" : "says_password_admin_only");
    if (!look.linkable)
      return `says_${look.state}` in TEXTS.en ? this.#text(`says_${look.state}`) : "";
    // For a stored login that is in the way, the problem says it all.
    if (look.phase === undefined || look.problem === "needs_logout") return "";
    if (look.phase === "phone_code") {
      if (!look.whatsapp) return this.#text("says_code");
      return this.#text(this.#pairing ? "says_pairing" : "says_pairing_lost");
    }
    if (this.#asksForPhone)
      return this.#text(look.whatsapp ? "says_asks_pairing" : "says_asks_phone");
    if (look.phase === "showing")
      return usable(this.#state("picture")) ? this.#text("says_showing") : "";
    return this.#text(
      ["waiting", "expired"].includes(look.phase) ? `says_${look.phase}` : "says_idle",
    );
  }

  #problem(look) {
    const told = this.#hass.formatEntityAttributeValue(this.#state("login"), "problem");
    return look.detail ? `${told}: ${look.detail}` : told;
  }

  #drawMissing(look, there) {
    const at = this.#at;
    const absent = there ? NEEDED.filter((role) => this.#state(role) === undefined) : [];
    let text = "";
    if (!there) text = this.#text(this.#config.device_id ? "gone" : "choose");
    else if (absent.length)
      text = this.#text("lacks", { names: absent.map((role) => this.#nameOf(role)).join(", ") });
    write(at.missingText, text);
    show(at.missing, text !== "");
    setAttribute(
      at.deviceLink,
      "href",
      `/config/devices/device/${encodeURIComponent(this.#config.device_id ?? "")}`,
    );
    show(at.deviceLink, there && look.admin);
  }

  #nameOf(role) {
    const [domain, key] = ENTITIES[role];
    return (
      this.#hass.localize(`component.${DOMAIN}.entity.${domain}.${key}.name`) || `${domain}.${key}`
    );
  }

  #drawPicture(look, there) {
    const at = this.#at;
    const picture = there ? this.#state("picture") : undefined;
    const wanted = !look.compact || look.phase === "showing" || look.phase === "waiting";
    const address = picture?.attributes.entity_picture;
    const visible =
      !look.linked && wanted && !this.#isElsewhere && usable(picture) && Boolean(address);
    const code = look.phase === "showing";
    show(at.figure, visible);
    at.plate.classList.toggle("still", !code);
    setAttribute(at.qr, "alt", code ? this.#text("alt") : "");
    show(at.ring, code);
    show(at.noPicture, visible && this.#pictureFailed);
    this.#load(
      visible ? `${address}&state=${encodeURIComponent(picture.state)}` : "",
      picture?.state ?? "",
    );
  }

  /** Fetch each picture once: its address changes more often than what it shows. */
  #load(address, version) {
    if (!address) {
      this.#at.qr.removeAttribute("src");
      this.#picture = "";
      this.#pictureFailed = false;
    } else if (version !== this.#picture) {
      this.#picture = version;
      this.#at.qr.src = this.#hass.hassUrl(address);
    }
  }

  #takePicture(failed) {
    clearTimeout(this.#retry);
    const { qr, plate } = this.#at;
    const side = qr.naturalWidth;
    // A code is sharpest when each of its pixels is one of the screen.
    if (!plate.classList.contains("still") && side >= SIDE_LEAST && side <= SIDE_MOST) {
      plate.style.setProperty("--side", `${side}px`);
    }
    if (failed) {
      // Its address may have changed in the meantime.
      this.#retry = setTimeout(() => {
        this.#picture = "";
        this.#update();
      }, PICTURE_RETRY);
    }
    if (failed !== this.#pictureFailed) {
      this.#pictureFailed = failed;
      this.#update();
    }
  }

  /** Whether the login goes on without a QR, so that one would only distract. */
  get #isElsewhere() {
    const { pairing, phoneForm, codeForm, passwordForm } = this.#at;
    return [pairing, phoneForm, codeForm, passwordForm].some((item) => !item.hidden);
  }

  #drawForms(look, there) {
    const at = this.#at;
    const admin = there && look.admin;
    // The login counts as begun before it is known whether a code was given.
    const asking = this.#busy === "phone";
    const code = this.#pairing?.code ?? "";
    // In two groups, as the phone asks for it.
    write(at.pairingCode.firstChild, code.slice(0, code.length / 2));
    write(at.pairingCode.lastChild, code.slice(code.length / 2));
    setAttribute(
      at.pairingCode,
      "aria-label",
      this.#text("pairing_code", { code: [...code].join(" ") }),
    );
    show(at.pairing, there && code !== "");
    showForm(at.phoneForm, admin && (this.#asksForPhone || asking));
    write(at.phoneSubmitText, this.#text(look.whatsapp ? "get_pairing_code" : "start_phone_login"));
    showForm(
      at.codeForm,
      admin && !look.whatsapp && look.phase === "phone_code" && look.linkable && !asking,
    );
    showForm(at.passwordForm, admin && look.wantsPassword);
  }

  #drawSteps(look, there) {
    const at = this.#at;
    const pairing = !at.pairing.hidden;
    const scanning = there && look.phase === "showing" && !look.compact && !at.figure.hidden;
    const kind = pairing ? "pairing" : this.#messenger.toLowerCase();
    const known = `step_${kind}_1` in TEXTS.en;
    if (known)
      at.stepItems.forEach((item, index) => write(item, this.#text(`step_${kind}_${index + 1}`)));
    show(at.steps, known && (scanning || pairing));
    show(at.stepsTitle, !pairing);
  }

  #drawButtons(look, there) {
    const at = this.#at;
    const asked = look.phase === "phone_code";
    const rests = look.phase === "expired" || look.phase === "idle";
    const can = (role) => there && usable(this.#state(role));
    show(at.newCode, can("newCode") && look.linkable && (asked || rests) && at.phoneForm.hidden);
    write(at.newCodeText, this.#text(asked ? "qr_instead" : "new_code"));
    setAttribute(at.newCode, "appearance", asked ? "plain" : "accent");
    show(
      at.byPhone,
      there && look.admin && look.linkable && !asked && !this.#asksForPhone && !look.compact,
    );
    const stuck = look.problem === "needs_logout";
    const seldom = there && look.admin && (!look.compact || stuck);
    show(at.logout, seldom && can("logout") && (!look.linkable || stuck));
    show(at.reboot, seldom && can("reboot") && !look.compact);
    // What cannot be done any more is not asked about either.
    if (at[this.#question]?.hidden) at.confirm.close();
    show(
      at.adminRow,
      [at.byPhone, at.logout, at.reboot].some((button) => !button.hidden),
    );
    for (const button of at.buttons) {
      // The one that was pressed keeps the focus, which a disabled one cannot.
      button.loading = this.#busy !== null && button === at.doing[this.#busy];
      button.disabled = this.#busy !== null && !button.loading;
    }
    at.content.setAttribute("aria-busy", String(this.#busy !== null));
  }

  #drawError() {
    write(this.#at.errorText, this.#error);
    show(this.#at.error, this.#error !== "");
  }

  // ---------------------------------------------------------------- time

  #keepTime() {
    const runs = this.#countdown !== null || this.#pairing !== null;
    if (runs && !this.#timer) {
      this.#timer = setInterval(() => this.#tick(), 1000);
    } else if (!runs && this.#timer) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tick() {
    if (this.#pairing?.isOver) this.#update();
    else this.#drawTime();
  }

  #drawTime() {
    const { ring, qr, countdown, pairingLeft, codeLeft } = this.#at;
    const seconds = Math.ceil((this.#countdown?.left ?? 0) / 1000);
    const showing = this.#phase === "showing" && this.#countdown !== null;
    const dead = showing && seconds === 0;
    ring.style.setProperty("--left", showing ? this.#countdown.share.toFixed(4) : "0");
    ring.classList.toggle("soon", showing && this.#countdown.share < 0.25);
    setAttribute(ring, "data-left", String(showing ? seconds : 0));
    qr.classList.toggle("dead", dead);
    show(countdown, showing);
    const left = this.#countdown ? this.#validFor(seconds) : "";
    for (const element of [countdown, codeLeft]) write(element, left);
    const pairing = this.#pairing;
    write(pairingLeft, pairing ? this.#validFor(Math.ceil(pairing.life.left / 1000)) : "");
  }

  #validFor(seconds) {
    return this.#text(seconds ? "left" : "left_none", { time: this.#duration(seconds) });
  }

  #duration(seconds) {
    if (seconds < 60) return this.#text("seconds", { seconds });
    const rest = String(seconds % 60).padStart(2, "0");
    return this.#text("minutes", { minutes: Math.floor(seconds / 60), seconds: rest });
  }

  // ---------------------------------------------------------------- focus

  /** Do not let the keyboard fall off the card when what had it is gone. */
  #keepFocus(focused) {
    if (!focused || (focused.checkVisibility?.() ?? true)) return;
    const { phoneForm, codeForm, passwordForm, pairing, pairingCode, name } = this.#at;
    const form = [phoneForm, codeForm, passwordForm].find((item) => !item.hidden);
    const next = form?.querySelector("input") ?? (pairing.hidden ? name : pairingCode);
    next.focus();
  }

  // ---------------------------------------------------------------- doing

  /** Have something done, one thing at a time; return whether it worked. */
  async #do(what, work) {
    if (this.#busy) return false;
    this.#busy = what;
    this.#error = "";
    this.#update();
    const deviceId = this.#config.device_id;
    let error = "";
    try {
      await work();
    } catch (err) {
      error = await this.#explain(err);
    } finally {
      this.#busy = null;
    }
    if (deviceId === this.#config.device_id) this.#error = error;
    this.#update();
    return error === "";
  }

  async #explain(err) {
    const {
      translation_domain: domain,
      translation_key: key,
      translation_placeholders: values,
    } = err ?? {};
    let text;
    try {
      if (domain && key) {
        const localize = await this.#hass.loadBackendTranslation("exceptions", domain);
        text = localize(`component.${domain}.exceptions.${key}.message`, values);
      }
    } catch {
      // Not every interface that shows cards has translations.
    }
    return text || err?.message || this.#text("failed");
  }

  #press(role) {
    return this.#hass.callService("button", "press", {}, { entity_id: this.#ids[role] }, false);
  }

  // Not by the action: Home Assistant keeps the data of actions in its database.
  #act(action, data) {
    return this.#hass.callWS({
      type: `${DOMAIN}/${action}`,
      device_id: this.#config.device_id,
      ...data,
    });
  }

  async #askNewCode() {
    if (!(await this.#do("new_code", () => this.#press("newCode")))) return;
    this.#pairing = null;
    this.#update();
  }

  #openPhoneForm() {
    this.#asksForPhone = true;
    this.#error = "";
    this.#update();
    this.#at.phoneForm.querySelector("input").focus();
  }

  #closePhoneForm() {
    this.#asksForPhone = false;
    this.#error = "";
    this.#at.phoneForm.reset();
    this.#update();
    this.#at.byPhone.focus();
  }

  async #sendPhone(event) {
    const data = this.#take(event);
    const deviceId = this.#config.device_id;
    const { whatsapp } = this.#look();
    const done = await this.#do("phone", async () => {
      const given = whatsapp
        ? await this.#act("get_authorization_code", data)
        : await this.#act("start_authorization", data);
      if (deviceId !== this.#config.device_id) return;
      if (given?.code) this.#pairing = new Pairing(given.code);
      this.#asksForPhone = false;
    });
    if (done || deviceId !== this.#config.device_id) return;
    this.#asksForPhone = true;
    this.#update();
    const { phoneForm } = this.#at;
    // A typing error is easier to mend than a number to type again.
    if (this.isConnected && !phoneForm.hidden)
      phoneForm.elements.phone_number.value = data.phone_number;
  }

  #sendCode(event) {
    const { code, password } = this.#take(event);
    this.#do("code", () =>
      this.#act("send_authorization_code", { code, ...(password && { password }) }),
    );
  }

  #sendPassword(event) {
    const { password } = this.#take(event);
    this.#do("password", () => this.#act("send_authorization_password", { password }));
  }

  /** Return what a form holds, and empty it. */
  #take(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const values = Object.fromEntries(new FormData(form));
    form.reset();
    return values;
  }

  #ask(what) {
    const at = this.#at;
    this.#question = what;
    write(at.confirmTitle, this.#text(`${what}_title`));
    write(at.confirmText, this.#text(`${what}_text`));
    write(at.yesText, this.#text(what));
    at.confirm.showModal();
    at.no.focus();
  }

  #answer(yes) {
    const what = this.#question;
    this.#at.confirm.close();
    if (yes && what) this.#do(what, () => this.#press(what));
  }

  // ---------------------------------------------------------------- building

  #build() {
    const at = (this.#at = { texts: [], buttons: [], doing: {} });
    const style = make("style", {}, STYLE);
    at.content = make("div", { class: "content" });
    at.content.append(
      make(
        "div",
        { class: "stack" },
        ...this.#buildHeader(),
        this.#buildMissing(),
        this.#buildError(),
        this.#buildPicture(),
        this.#buildPairing(),
        this.#buildSteps(),
        ...this.#buildForms(),
        ...this.#buildButtons(),
      ),
    );
    this.shadowRoot.append(style, make("ha-card", {}, at.content, this.#buildConfirm()));
  }

  /** Return an element whose text is one of ours, in whatever language is spoken. */
  #said(tag, key, attributes) {
    const element = make(tag, attributes);
    this.#at.texts.push([element, key]);
    return element;
  }

  #button(part, text, onclick, attributes = {}, icon = "") {
    const button = make("ha-button", { "data-part": part, onclick, ...attributes });
    if (icon) button.append(make("ha-icon", { slot: "start", icon }));
    button.append(text);
    this.#at.buttons.push(button);
    return button;
  }

  #buildHeader() {
    const at = this.#at;
    at.icon = make("ha-icon");
    at.badge = make("div", { class: "badge", "aria-hidden": "true" }, at.icon);
    at.name = make("h2", { "data-part": "name", tabindex: "-1" });
    at.state = make("p", { class: "state", "data-part": "state" });
    at.account = make("p", { class: "state", "data-part": "account", dir: "auto" });
    at.hint = make("p", { class: "hint", "data-part": "hint" });
    at.problem = make("p", { class: "problem", "data-part": "problem" });
    const told = make(
      "div",
      {},
      at.name,
      make("div", { "aria-live": "polite" }, at.state),
      at.account,
    );
    const more = make("div", { class: "contents", "aria-live": "polite" }, at.hint, at.problem);
    return [make("header", {}, at.badge, told), more];
  }

  #buildMissing() {
    const at = this.#at;
    at.missingText = make("span");
    at.deviceLink = this.#said("a", "open_device");
    at.missing = make(
      "ha-alert",
      { "alert-type": "warning", "data-part": "missing" },
      at.missingText,
      " ",
      at.deviceLink,
    );
    at.missing.hidden = true;
    return at.missing;
  }

  #buildError() {
    const at = this.#at;
    at.errorText = make("span");
    at.error = make("ha-alert", { "alert-type": "error", "data-part": "error" }, at.errorText);
    at.error.hidden = true;
    return at.error;
  }

  #buildPicture() {
    const at = this.#at;
    at.qr = make("img", {
      "data-part": "qr",
      alt: "",
      draggable: "false",
      onload: () => this.#takePicture(false),
      onerror: () => this.#takePicture(true),
    });
    at.ring = makeRing();
    at.plate = make("div", { class: "plate" }, at.qr, at.ring);
    at.countdown = make("span", { "data-part": "countdown", role: "timer" });
    at.noPicture = this.#said("span", "no_picture");
    at.figure = make(
      "figure",
      { "data-part": "picture" },
      at.plate,
      make("figcaption", {}, at.countdown, at.noPicture),
    );
    at.figure.hidden = true;
    return at.figure;
  }

  #buildPairing() {
    const at = this.#at;
    at.pairingCode = make(
      "output",
      { "data-part": "pairing-code", tabindex: "-1" },
      make("span"),
      make("span"),
    );
    at.pairingLeft = make("span", { class: "small", role: "timer" });
    at.pairing = make("div", { class: "pairing" }, at.pairingCode, at.pairingLeft);
    at.pairing.hidden = true;
    return at.pairing;
  }

  #buildSteps() {
    const at = this.#at;
    at.stepItems = [1, 2, 3].map(() => make("li"));
    at.stepsTitle = this.#said("p", "steps", { class: "small" });
    at.steps = make(
      "div",
      { "data-part": "steps" },
      at.stepsTitle,
      make("ol", {}, ...at.stepItems),
    );
    at.steps.hidden = true;
    return at.steps;
  }

  #field(name, key, attributes, help) {
    const id = `help-${name}-${key}`;
    const input = make("input", { name, required: "", autocomplete: "off", ...attributes });
    const label = make("label", {}, this.#said("span", key), input);
    if (!help) return [label];
    input.setAttribute("aria-describedby", id);
    return [label, this.#said("p", help, { class: "small", id })];
  }

  #form(what, submit, fields, submitText, ...others) {
    const form = make("form", { "data-part": `${what}-form`, onsubmit: submit }, ...fields);
    const send = () => form.requestSubmit();
    this.#at.doing[what] = this.#button("submit", submitText, send);
    form.append(make("div", { class: "row end" }, ...others, this.#at.doing[what]));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.localName === "input") {
        event.preventDefault();
        send();
      }
    });
    form.hidden = true;
    return form;
  }

  #buildForms() {
    const at = this.#at;
    const password = { type: "password" };
    at.phoneSubmitText = make("span");
    at.codeLeft = make("p", { class: "small", role: "timer" });
    const cancel = this.#button(
      "cancel",
      this.#said("span", "cancel"),
      () => this.#closePhoneForm(),
      { appearance: "plain" },
    );
    at.phoneForm = this.#form(
      "phone",
      (event) => this.#sendPhone(event),
      this.#field(
        "phone_number",
        "phone_number",
        { type: "tel", autocomplete: "tel", dir: "ltr" },
        "phone_example",
      ),
      at.phoneSubmitText,
      cancel,
    );
    at.phoneForm.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#closePhoneForm();
    });
    const code = {
      inputmode: "numeric",
      autocomplete: "one-time-code",
      dir: "ltr",
      // Blanks alone are no code.
      pattern: ".*\\S.*",
    };
    at.codeForm = this.#form(
      "code",
      (event) => this.#sendCode(event),
      [
        ...this.#field("code", "code", code),
        ...this.#field("password", "password_optional", password, "password_help"),
        at.codeLeft,
      ],
      this.#said("span", "send"),
    );
    at.codeForm.elements.password.required = false;
    at.passwordForm = this.#form(
      "password",
      (event) => this.#sendPassword(event),
      this.#field("password", "password", password, "password_help"),
      this.#said("span", "send"),
    );
    return [at.passwordForm, at.codeForm, at.phoneForm];
  }

  #buildButtons() {
    const at = this.#at;
    at.newCodeText = make("span");
    at.newCode = this.#button(
      "new-code",
      at.newCodeText,
      () => this.#askNewCode(),
      { class: "fill" },
      "mdi:qrcode",
    );
    const plain = { appearance: "plain" };
    at.byPhone = this.#button(
      "by-phone",
      this.#said("span", "by_phone"),
      () => this.#openPhoneForm(),
      plain,
      "mdi:cellphone-key",
    );
    at.logout = this.#button(
      "logout",
      this.#said("span", "logout"),
      () => this.#ask("logout"),
      plain,
      "mdi:logout",
    );
    at.reboot = this.#button(
      "reboot",
      this.#said("span", "reboot"),
      () => this.#ask("reboot"),
      plain,
      "mdi:restart",
    );
    at.adminRow = make("div", { class: "row admin" }, at.byPhone, at.logout, at.reboot);
    Object.assign(at.doing, { new_code: at.newCode, logout: at.logout, reboot: at.reboot });
    return [at.newCode, at.adminRow];
  }

  #buildConfirm() {
    const at = this.#at;
    at.confirmTitle = make("h2", { id: "confirm-title" });
    at.confirmText = make("p", { id: "confirm-text", class: "hint" });
    at.yesText = make("span");
    at.no = this.#button("no", this.#said("span", "cancel"), () => this.#answer(false), {
      appearance: "plain",
    });
    at.yes = this.#button("yes", at.yesText, () => this.#answer(true), { variant: "danger" });
    at.confirm = make(
      "dialog",
      {
        "data-part": "confirm",
        role: "alertdialog",
        "aria-labelledby": "confirm-title",
        "aria-describedby": "confirm-text",
        onclose: () => (this.#question = null),
      },
      make(
        "div",
        { class: "stack" },
        at.confirmTitle,
        at.confirmText,
        make("div", { class: "row end" }, at.no, at.yes),
      ),
    );
    return at.confirm;
  }
}

// ------------------------------------------------------------------ registration

if (!customElements.get(TAG)) {
  customElements.define(TAG, GreenApiCard);
  window.customCards ??= [];
  window.customCards.push({
    type: TAG,
    name: "GREEN-API",
    get description() {
      return textOf(presentHass(), "card");
    },
    preview: true,
    documentationURL: DOCUMENTATION,
    getEntitySuggestion(hass, entityId) {
      const entity = hass.entities?.[entityId];
      if (entity?.platform !== DOMAIN || !entity.device_id) return null;
      return { config: { type: `custom:${TAG}`, device_id: entity.device_id } };
    },
  });
}
