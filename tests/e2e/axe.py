"""What keeps people out of a page, as axe-core finds it."""

from typing import Any

from playwright.async_api import Page

from demo.places import ROOT

AXE = ROOT / ".venv" / "axe" / "axe.min.js"

# The worse half of axe's four grades.
_GRAVE = ["serious", "critical"]

_RUN = """
async ([tag, grave]) => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.filter(({impact}) => grave.includes(impact)).flatMap(
    ({id, help, nodes}) => nodes.map(({target, html, failureSummary}) => ({
      ours: target.flat().some((part) => part.includes(tag)),
      text: `${id}: ${help}\\n${target.flat().join(" ")}\\n${html}\\n${failureSummary}`,
    })));
}
"""


async def grave_faults(page: Page, tag: str) -> tuple[list[str], list[str]]:
    """Return what is wrong in elements of this name, and in the rest of the page."""
    assert AXE.exists(), "there is no axe-core: run scripts/setup axe"
    if not await page.evaluate("'axe' in window"):
        await page.add_script_tag(path=AXE)
    found: list[dict[str, Any]] = await page.evaluate(_RUN, [tag, _GRAVE])
    ours = [item["text"] for item in found if item["ours"]]
    others = [item["text"] for item in found if not item["ours"]]
    return ours, others
