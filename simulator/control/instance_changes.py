"""What the phone, and whoever owns it, can do to an instance."""

from collections.abc import Callable

from simulator.errors import BadInputError
from simulator.instance import Instance
from simulator.methods import METHODS
from simulator.timing import Timing

from .fields import Fields

type Change = Callable[[Instance, Fields], None]
"""Raises SimulatorError, and then changes nothing."""


def _scan(instance: Instance, fields: Fields) -> None:
    payload = fields.text_or_none("payload")
    fields.done()
    instance.scan(payload)


def _unlink(instance: Instance, fields: Fields) -> None:
    fields.done()
    instance.unlink()


def _set_state(instance: Instance, fields: Fields) -> None:
    state = fields.text_or_null("state")
    fields.done()
    instance.set_state(state)


def _set_password(instance: Instance, fields: Fields) -> None:
    password = fields.text_or_null("password")
    fields.done()
    instance.set_password(password)


def _enter_password(instance: Instance, fields: Fields) -> None:
    password = fields.text("password")
    fields.done()
    instance.enter_password(password)


def _enter_pairing_code(instance: Instance, fields: Fields) -> None:
    code = fields.text("code")
    fields.done()
    instance.enter_pairing_code(code)


def _set_account(instance: Instance, fields: Fields) -> None:
    account = instance.account
    phone = fields.text("phone", account.phone)
    name = fields.text("name", account.name)
    wid = fields.text_or_none("wid")
    fields.done()
    instance.set_account(phone=phone, name=name, wid=wid)


def _set_timing(instance: Instance, fields: Fields) -> None:
    timing = timing_from(fields, instance.timing)
    fields.done()
    instance.set_timing(timing)


def _set_settings(instance: Instance, fields: Fields) -> None:
    instance.set_settings(fields.rest())


def _suspend(instance: Instance, fields: Fields) -> None:
    seconds = fields.seconds("seconds")
    fields.done()
    instance.set_suspended_until(seconds)


def _set_online(instance: Instance, fields: Fields) -> None:
    online = fields.flag("online")
    fields.done()
    _require_method(instance, "getStatusInstance")
    instance.set_online(online=online)


def _set_stale(instance: Instance, fields: Fields) -> None:
    stale = fields.flag("stale")
    fields.done()
    instance.set_stale_credentials(stale=stale)


def _refuse_pairing(instance: Instance, fields: Fields) -> None:
    refuse = fields.flag("refuse")
    fields.done()
    _require_method(instance, "getAuthorizationCode")
    instance.set_refuse_pairing(refuse=refuse)


def _set_scan_text(instance: Instance, fields: Fields) -> None:
    text = fields.text("text")
    fields.done()
    _require_method(instance, "scanqrcode")
    instance.set_scan_text(text)


def timing_from(fields: Fields, default: Timing) -> Timing:
    """Read the times that are there; the default's for the others."""
    return Timing(
        start=fields.seconds("start_seconds", default.start),
        qr=fields.seconds("qr_seconds", default.qr),
        scan=fields.seconds("scan_seconds", default.scan),
        reboot=fields.seconds("reboot_seconds", default.reboot),
        ask_limit=fields.seconds("ask_limit_seconds", default.ask_limit),
    )


def _require_method(instance: Instance, name: str) -> None:
    messenger = instance.messenger
    if messenger not in METHODS[name].messengers:
        msg = f"{messenger.profile.title} has no {name}"
        raise BadInputError(msg)


CHANGES: dict[str, Change] = {
    "scan": _scan,
    "unlink": _unlink,
    "state": _set_state,
    "password": _set_password,
    "enter-password": _enter_password,
    "pairing": _enter_pairing_code,
    "account": _set_account,
    "timing": _set_timing,
    "settings": _set_settings,
    "suspended": _suspend,
    "online": _set_online,
    "stale": _set_stale,
    "refuse-pairing": _refuse_pairing,
    "scan-text": _set_scan_text,
}
"""By the last part of the path that it is posted to."""
