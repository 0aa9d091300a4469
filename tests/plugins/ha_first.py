"""Load Home Assistant before the test libraries, as the real process does.

Home Assistant puts replacements in place of some libraries when it is imported,
so it has to come before whatever imports the originals. Pytest loads this module
by ``-p`` ahead of every other plugin.
"""

import importlib

import homeassistant  # noqa: F401  # imported for its effect: the aliases

logger = importlib.import_module("homeassistant.components.logger")
if not hasattr(logger, "_clear_logger_overwrites"):
    # The test plugin still looks for this helper in the package itself.
    helpers = importlib.import_module("homeassistant.components.logger.helpers")
    logger._clear_logger_overwrites = helpers._clear_logger_overwrites  # type: ignore[attr-defined]
