"""The cloud's parts as JSON, for the control API and the page."""

from typing import TYPE_CHECKING

from simulator.methods import METHODS

from .fault_fields import rule_as_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud
    from simulator.instance import Instance
    from simulator.qr import Code
    from simulator.request_log import Request


def instance_as_json(instance: Instance, *, full: bool) -> dict[str, object]:
    """Return an instance; the time and the secrets only where asked."""
    account, timing, code = instance.account, instance.timing, instance.code
    shown: dict[str, object] = {
        "id_instance": instance.id_instance,
        "messenger": instance.messenger,
        "title": instance.messenger.profile.title,
        "state": instance.state,
        "linked": bool(instance.state and instance.state.linked),
        "account": {
            "phone": account.phone,
            "name": account.name,
            "wid": account.wid,
        },
        "two_factor": instance.messenger.profile.two_factor,
        "has_password": instance.password is not None,
        "timing": {
            "start": timing.start,
            "qr": timing.qr,
            "scan": timing.scan,
            "reboot": timing.reboot,
        },
        "code": code_as_json(code) if code else None,
    }
    if full:
        shown |= {
            "now": instance.clock.now(),
            "token": instance.token,
            "password": instance.password,
        }
    return shown


def code_as_json(code: Code) -> dict[str, object]:
    """Return a login code; times are the clock's seconds."""
    return {
        "number": code.number,
        "payload": code.payload,
        "issued_at": code.issued_at,
        "expires_at": code.expires_at,
    }


def request_as_json(request: Request) -> dict[str, object]:
    """Return a logged request."""
    return {
        "number": request.number,
        "at": request.at,
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
        "methods": list(METHODS),
        "instances": [instance_as_json(item, full=False) for item in cloud.list()],
        "faults": [rule_as_json(rule) for rule in cloud.faults.list()],
    }
