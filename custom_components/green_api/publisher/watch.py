"""The repair issue for a broker that stays away."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN, LOGGER
from ..coordinator import GreenApiConfigEntry
from .settings import PublishSettings

# A broker that is updated, or a router, is back by then.
LIMIT: Final = timedelta(minutes=5)

# A connection that comes and goes is none: so long all has to go well.
CALM: Final = timedelta(minutes=1)


class BrokerWatch:
    """Raise an issue when messages have not got out for long; drop it when they do."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: GreenApiConfigEntry,
        settings: PublishSettings,
    ) -> None:
        """Take whose messages they are."""
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._issue_id = f"broker_away_{entry.entry_id}"
        self._limit: CALLBACK_TYPE | None = None
        self._calm: CALLBACK_TYPE | None = None
        self._due = False
        self._away = False
        self._problem = ""

    @callback
    def take(self, problem: str | None) -> None:
        """Take why not all has got out that was to be said, None when all has."""
        if problem is None:
            if self._calm is None and (self._limit or self._due or self._away):
                self._calm = async_call_later(self._hass, CALM, self._recover)
            return
        self._problem = problem
        if self._calm is not None:
            self._calm()
            self._calm = None
        if self._due:
            self._entry.async_create_task(self._hass, self._raise())
        elif self._limit is None and not self._away:
            self._limit = async_call_later(self._hass, LIMIT, self._take_limit)

    @callback
    def close(self) -> None:
        """Drop the issue and wait for nothing."""
        self._due = self._away = False
        for stop in filter(None, (self._limit, self._calm)):
            stop()
        self._limit = self._calm = None
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)

    @callback
    def _recover(self, _now: datetime) -> None:
        self._calm = None
        if self._away:
            LOGGER.info("All of %s gets out by MQTT again", self._entry.title)
        self.close()

    async def _take_limit(self, _now: datetime) -> None:
        self._limit = None
        self._due = True
        if self._calm is None:
            await self._raise()

    async def _raise(self) -> None:
        self._due = False
        self._away = True
        problem = self._problem
        LOGGER.warning(
            "Not everything of %s has got out by MQTT for %s: %s",
            self._entry.title,
            LIMIT,
            problem,
        )
        placeholders = {"title": self._entry.title}
        key = "broker_away_home_assistant"
        if (settings := self._settings.broker) is not None:
            key = "broker_away"
            placeholders |= {
                "host": settings.host,
                "port": str(settings.port),
                "problem": await self._text(problem),
            }
        if self._away:
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                self._issue_id,
                is_fixable=False,
                is_persistent=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key=key,
                translation_placeholders=placeholders,
            )

    async def _text(self, problem: str) -> str:
        """Return the words for a problem in Home Assistant's language."""
        texts = await async_get_translations(
            self._hass, self._hass.config.language, "exceptions", [DOMAIN]
        )
        return texts.get(f"component.{DOMAIN}.exceptions.{problem}.message", "")
