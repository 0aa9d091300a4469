"""The cloud's parts as JSON, for the control API and the page."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from simulator.methods import METHODS

from .fault_fields import rule_as_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud
    from simulator.instance import Instance
    from simulator.notifications import Notification
    from simulator.qr import Code
    from simulator.request_log import Request
    from simulator.webhooks import WebhookResult


def instance_as_json(instance: Instance, *, full: bool) -> dict[str, object]:
    """Return an instance; the time and the secrets only where asked."""
    messenger, code = instance.messenger, instance.code
    until, notifications = instance.suspended_until, instance.notifications
    settings = asdict(instance.settings)
    shown: dict[str, object] = {
        "id_instance": instance.id_instance,
        "messenger": messenger,
        "title": messenger.profile.title,
        "methods": [
            name for name, method in METHODS.items() if messenger in method.messengers
        ],
        "two_factor": messenger.profile.two_factor,
        "state": instance.state,
        "linked": bool(instance.state and instance.state.linked),
        "suspended_until": until.isoformat() if until else None,
        "online": instance.online,
        "stale_credentials": instance.stale_credentials,
        "refuse_pairing": instance.refuse_pairing,
        "scan_text": instance.scan_text,
        "account": asdict(instance.account),
        "has_password": instance.password is not None,
        "timing": asdict(instance.timing),
        "code": code_as_json(code) if code else None,
        "pairing": _pairing_as_json(instance),
        "phone_code": _phone_code_as_json(instance),
        "notifications": {
            "waiting": len(notifications.list()),
            "last_result": _result_as_json(notifications.last_result),
        },
        "settings": settings,
    }
    if full:
        return shown | {
            "now": instance.clock.now(),
            "token": instance.token,
            "password": instance.password,
        }
    del settings["webhookUrlToken"]
    return shown


def code_as_json(code: Code) -> dict[str, object]:
    """Return a login code; times are the clock's seconds."""
    return {
        "number": code.number,
        "payload": code.payload,
        "issued_at": code.issued_at,
        "expires_at": code.expires_at,
    }


def notification_as_json(notification: Notification) -> dict[str, object]:
    """Return a notification that waits."""
    return asdict(notification)


def request_as_json(request: Request) -> dict[str, object]:
    """Return a logged request."""
    return {
        "number": request.number,
        "at": request.at,
        "ended_at": request.ended_at,
        "wall": request.wall.isoformat(),
        "id_instance": request.id_instance,
        "method": request.method,
        "verb": request.verb,
        "prefix": request.prefix,
        "status": request.status,
        "ok": request.ok,
        "fault": request.fault,
    }


def cloud_as_json(cloud: Cloud) -> dict[str, object]:
    """Return what the page shows, but for the requests and the time.

    Holds no token.
    """
    return {
        "speed": cloud.clock.speed,
        "instances": [instance_as_json(item, full=False) for item in cloud.list()],
        "faults": [rule_as_json(rule) for rule in cloud.faults.list()],
    }


def _pairing_as_json(instance: Instance) -> dict[str, object] | None:
    # Without the code: a person reads it where it was asked for.
    if instance.pairing_code is None:
        return None
    return {"expires_at": instance.pairing_expires_at}


def _phone_code_as_json(instance: Instance) -> dict[str, object] | None:
    if instance.phone_code is None:
        return None
    return {
        "code": instance.phone_code,
        "expires_at": instance.phone_code_expires_at,
    }


def _result_as_json(result: WebhookResult | None) -> dict[str, object] | None:
    return None if result is None else {"ok": result.ok, **asdict(result)}
