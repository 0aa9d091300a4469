"""The documents' pictures can be made anew."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from demo.places import ROOT

IMAGES = ROOT / "docs" / "images"


def names(folder: Path) -> set[str]:
    """Return the names of the pictures, those for Russian aside."""
    return {path.name for path in folder.iterdir() if not path.stem.endswith("-ru")}


@pytest.mark.asyncio(loop_scope="module")
async def test_all_pictures_are_made(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        ROOT / "scripts" / "screenshots",
        *("--language", "en", "--out", tmp_path),
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, out.decode()
    assert names(tmp_path) == names(IMAGES)


def test_each_picture_is_there_in_both_languages() -> None:
    english = names(IMAGES)
    russian = {path.name for path in IMAGES.iterdir()} - english
    assert {name.replace(".", "-ru.") for name in english} == russian
