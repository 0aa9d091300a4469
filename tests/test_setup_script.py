"""The set-up's decisions and errors, without a network: what it finds is faked."""

from collections.abc import Callable
import fcntl
import hashlib
import os
from pathlib import Path
import re
import select
import shlex
import shutil
import signal
import subprocess
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

# All that the scripts take from the system, so that nothing else is found there.
SYSTEM_COMMANDS = (
    *("awk", "bash", "cat", "cut", "df", "dirname", "find", "flock", "grep", "head"),
    *("id", "mkdir", "mv", "paste", "rm", "sed", "sha256sum", "sleep", "sort", "tail"),
    *("timeout", "touch", "tr"),
)

LIBRARY = "for part in common packages python environments broker browser npm; "
LIBRARY += "do . scripts/lib/$part.sh; done; "


class House:
    """A copy of the scripts, on a system of which we say what it has."""

    def __init__(self, root: Path) -> None:
        """Copy the scripts; the system has the usual small tools and nothing else."""
        self.root = root / "a clone's place"
        self.bin = root / "bin"
        self.home = root / "home"
        self.bin.mkdir()
        self.home.mkdir()
        for name in SYSTEM_COMMANDS:
            command = shutil.which(name)
            if command:
                (self.bin / name).symlink_to(command)
        for folder in ("scripts", "requirements"):
            shutil.copytree(ROOT / folder, self.root / folder)
        self.os_release = root / "os-release"
        self.system("fedora", "43")

    @property
    def venv(self) -> Path:
        """The folder that holds all that setup makes."""
        return self.root / ".venv"

    @property
    def environment(self) -> dict[str, str]:
        """What the scripts see of the outside."""
        return {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "OS_RELEASE": str(self.os_release),
            "APT_ETC": str(self.root / "apt"),
            "BROKER_PLACES": "",
        }

    def system(self, name: str, codename: str) -> None:
        """Say which distribution it is."""
        self.os_release.write_text(f'ID="{name}"\nVERSION_CODENAME={codename}\n')

    def command(self, name: str, script: str) -> None:
        """Put a command of ours on the PATH."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!{self.bin / 'bash'}\n{script}\n")
        path.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in the clone."""
        return subprocess.Popen(
            arguments,
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=30)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def setup(self, *parts: str) -> subprocess.CompletedProcess[str]:
        """Run scripts/setup."""
        return self.run("bash", "scripts/setup", *parts)

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run some lines with the scripts' functions at hand."""
        return self.run("bash", "-c", LIBRARY + script)

    def make(self, name: str, stamp: str) -> Path:
        """Lay down a finished environment, with a Python that starts."""
        python = self.venv / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!{self.bin / 'bash'}\n")
        python.chmod(0o755)
        (self.venv / name / ".stamp").write_text(stamp)
        return python

    def stamp(self, name: str) -> str:
        """Return the stamp that an up-to-date environment bears."""
        lock = shlex.quote(str(self.root / f"requirements/{name}.txt"))
        shown = self.shell(f'digest "$ROOT" "environment 1" @{lock}')
        return shown.stdout.strip()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a clone on a bare system."""
    return House(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "actual", "enough"),
    [
        ("0.9.0", "0.9.0", True),
        ("0.9.0", "0.13.9", True),
        ("0.9.0", "0.8.22", False),
        ("2.0", "2.0.11", True),
        ("2.0", "1.6.9", False),
        ("2.0", "2", True),
        ("2.0", "10.1", True),
        ("2.0.08", "2.0.9", True),
        ("2.0", "2.1.0-rc1", True),
        ("2.0", "", False),
    ],
)
def test_versions_are_compared_part_by_part(
    house: House, wanted: str, actual: str, enough: bool
) -> None:
    result = house.shell(f"version_at_least '{wanted}' '{actual}'")
    assert (result.returncode == 0) is enough


def test_what_is_up_to_date_is_left_alone(house: House) -> None:
    python = house.make("current", house.stamp("current"))
    house.make("floor", house.stamp("floor"))
    before = python.stat().st_ino

    result = house.setup("current", "floor")

    assert result.returncode == 0, result.stderr
    assert "Home Assistant 2026.11.0: .venv/current" in result.stderr
    assert "Home Assistant 2026.10.4: .venv/floor" in result.stderr
    assert "Making" not in result.stderr
    assert python.stat().st_ino == before
    assert house.shell("remembered PYTHON").stdout == str(python)


@pytest.mark.parametrize("change", ["lock", "python", "stamp"])
def test_what_is_out_of_date_is_made_anew(house: House, change: str) -> None:
    python = house.make("current", house.stamp("current"))
    lock = house.root / "requirements/current.txt"
    match change:
        case "lock":
            lock.write_text(lock.read_text() + "# changed\n")
        case "python":
            python.write_text("#!/nowhere/python\n")
        case "stamp":
            (python.parent.parent / ".stamp").unlink()

    # It then looks for a Python, which this system has not.
    result = house.setup("current")

    assert result.returncode == 1
    assert "There is no Python here" in result.stderr


def fake_uv(house: House, sync: str) -> None:
    """Put a uv on the PATH that knows a Python and syncs as told."""
    house.command(
        "uv",
        f"""case "$1 $2" in
        "--version ") echo "uv 0.13.9" ;;
        "python find") echo /somewhere/python3.14 ;;
        "venv --quiet")
          target="${{@: -1}}"
          mkdir -p "$target/bin"
          printf '#!{house.bin / "bash"}\\n' >"$target/bin/python"
          chmod +x "$target/bin/python" ;;
        "pip sync") {sync} ;;
        esac""",
    )
    (house.bin / "chmod").symlink_to(shutil.which("chmod") or "")


def test_a_new_environment_comes_into_place_whole(house: House) -> None:
    house.make("current", "of an older lock")
    fake_uv(house, 'touch "${4%/bin/python}/new"')

    result = house.setup("current")

    assert result.returncode == 0, result.stderr
    assert "Making .venv/current: Home Assistant 2026.11.0" in result.stderr
    assert (house.venv / "current/new").exists()
    assert (house.venv / "current/.stamp").read_text().strip() == house.stamp("current")
    assert not (house.venv / "tmp").exists()
    assert "Making" not in house.setup("current").stderr


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("cause: dns error: failed to lookup address", "Check the network connection"),
        ("No space left on device (os error 28)", "Make room on the disk"),
        ("No solution found when resolving dependencies", "Read the lines above"),
    ],
)
def test_a_failure_is_explained_and_breaks_nothing(
    house: House, message: str, remedy: str
) -> None:
    house.make("current", "of an older lock")
    fake_uv(house, f'echo "{message}"; exit 1')

    result = house.setup("current")

    assert result.returncode == 1
    assert message in result.stderr
    assert "error: The environment current could not be made." in result.stderr
    assert f"what helps: {remedy}" in result.stderr
    assert (house.venv / "current/.stamp").read_text() == "of an older lock"
    assert not (house.venv / "tmp").exists()


def test_an_old_uv_is_not_used(house: House) -> None:
    house.command("uv", 'echo "uv 0.8.22"')
    result = house.setup("current")
    assert result.returncode == 1
    assert "There is no Python here that could start the set-up." in result.stderr
    assert "Install Python 3.9 or newer with its venv module, or uv" in result.stderr


def test_without_any_python_314_it_says_so(house: House) -> None:
    fake_uv(house, "exit 1")
    uv = (house.bin / "uv").read_text()
    house.command(
        "uv",
        uv.partition("\n")[2].replace(
            "echo /somewhere/python3.14",
            "exit 2 ;; 'python install') echo dns error; exit 2",
        ),
    )
    result = house.setup("current")
    assert result.returncode == 1
    assert "error: Python 3.14.2 or newer is not here" in result.stderr
    assert "what helps: Check the network connection" in result.stderr


def test_too_little_disk_is_told_before_the_download(house: House) -> None:
    fake_uv(house, "exit 1")
    house.command("df", "printf 'Filesystem\\n/dev/x 9 9 102400 1%% /\\n'")
    result = house.setup("current")
    assert result.returncode == 1
    assert "1500 MB are needed, 100 MB are free" in result.stderr
    assert "Making" not in result.stderr


def test_without_a_broker_it_ends_with_a_status_of_its_own(house: House) -> None:
    result = house.setup("broker")
    assert result.returncode == 3
    assert "error: There is no Mosquitto 2 here." in result.stderr
    assert "what helps: Install Mosquitto 2" in result.stderr
    assert house.shell("remembered MOSQUITTO").stdout == ""
    assert "MOSQUITTO=''" in (house.venv / "paths.env").read_text()


def test_the_systems_broker_is_taken_if_it_is_new_enough(house: House) -> None:
    house.command("mosquitto", 'echo "mosquitto version 2.0.18"; exit 3')
    assert house.setup("broker").returncode == 0
    assert house.shell("remembered MOSQUITTO").stdout == str(house.bin / "mosquitto")

    house.command("mosquitto", 'echo "mosquitto version 1.6.9"; exit 3')
    assert house.setup("broker").returncode == 3


def test_the_systems_browser_is_taken_if_it_renders(house: House) -> None:
    house.command("chromium", "echo 'only a placeholder' >&2; exit 1")
    house.command("google-chrome", "echo '<p>it works</p>'")
    assert house.setup("browser").returncode == 0
    browser = house.bin / "google-chrome"
    assert house.shell("remembered CHROMIUM").stdout == str(browser)

    browser.unlink()
    house.command("chromium", "echo '<p>it works</p>'")
    assert house.setup("browser").returncode == 0
    assert house.shell("remembered CHROMIUM").stdout == str(house.bin / "chromium")


class NpmFile(NamedTuple):
    """A file that comes by npm."""

    part: str
    title: str
    package: str
    path: str

    @property
    def name(self) -> str:
        """Return its name in the part's folder."""
        return Path(self.path).name


CONTENT = b"var known\n"

NPM_FILES = [
    pytest.param(file, id=file.part)
    for file in (
        NpmFile("mqtt-js", "mqtt.js", "mqtt", "dist/mqtt.min.js"),
        NpmFile("axe", "axe-core", "axe-core", "axe.min.js"),
    )
]


def fake_npm(house: House, file: NpmFile, content: bytes) -> None:
    """Put an npm on the PATH whose registry has such a file.

    Asked to pack, it leaves an archive in the folder that the last words name.
    """
    for name in ("tar", "gzip"):
        program = shutil.which(name)
        assert program
        (house.bin / name).symlink_to(program)
    packed = house.root / "packed"
    target = packed / "package" / file.path
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    house.command(
        "npm",
        f"""while [ "$1" != --pack-destination ]; do shift; done
        tar -czf "$2/{file.package}-${{3#{file.package}@}}.tgz" \
          -C {shlex.quote(str(packed))} package""",
    )
    # The true file's hash would be that of what is too large to lie here.
    library = house.root / "scripts/lib/npm.sh"
    known = hashlib.sha256(CONTENT).hexdigest()
    library.write_text(re.sub("(?<=SHA256=).*", known, library.read_text()))


@pytest.mark.parametrize("file", NPM_FILES)
def test_file_comes_by_npm_and_is_left_alone_then(house: House, file: NpmFile) -> None:
    fake_npm(house, file, CONTENT)
    result = house.setup(file.part)
    assert result.returncode == 0, result.stderr
    files = sorted(path.name for path in (house.venv / file.part).iterdir())
    assert files == [".stamp", file.name]

    house.command("npm", "exit 1")
    assert house.setup(file.part).returncode == 0


@pytest.mark.parametrize("file", NPM_FILES)
def test_another_file_than_the_known_one_is_refused(
    house: House, file: NpmFile
) -> None:
    fake_npm(house, file, b"var other\n")
    result = house.setup(file.part)
    assert result.returncode == 5
    assert f"| The file {file.path} of {file.package} " in result.stderr
    assert not (house.venv / file.part).exists()


@pytest.mark.parametrize("file", NPM_FILES)
def test_without_npms_registry_it_ends_with_a_status_of_its_own(
    house: House, file: NpmFile
) -> None:
    house.command("npm", "echo 'npm error network connection refused' >&2; exit 1")
    result = house.setup(file.part)
    assert result.returncode == 5
    assert "| npm error network connection refused" in result.stderr
    assert f"error: {file.title} could not be had" in result.stderr
    assert "what helps: Check the network connection" in result.stderr
    assert not (house.venv / file.part).exists()


def test_an_unknown_part_is_refused(house: House) -> None:
    result = house.setup("brocker")
    assert result.returncode == 2
    assert "Unknown part: brocker" in result.stderr
    assert "Usage: scripts/setup" in result.stderr
    assert not house.venv.exists()


def test_a_folder_that_cannot_be_written_is_named(house: House) -> None:
    house.venv.write_text("in the way")
    result = house.setup("broker")
    assert result.returncode == 1
    assert f"The folder {house.venv} cannot be written." in result.stderr


def test_a_second_run_waits_for_the_first(house: House) -> None:
    house.make("current", house.stamp("current"))
    with (house.venv / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = house.start("bash", "scripts/setup", "current")
        assert process.stderr
        assert "Another set-up is running here" in process.stderr.readline()
        assert process.poll() is None
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_nothing_behind(
    house: House, ending: signal.Signals
) -> None:
    house.make("current", "of an older lock")
    pipe = house.root / "started"
    os.mkfifo(pipe)
    fake_uv(house, f"echo $$ >{shlex.quote(str(pipe))}; exec sleep 300")

    process = house.start("bash", "scripts/setup", "current")
    child = os.pidfd_open(int(pipe.read_text()))
    process.send_signal(ending)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Stopped. Run it again to go on." in err
    assert not (house.venv / "tmp").exists()
    assert (house.venv / "current/.stamp").read_text() == "of an older lock"
    # Readable means that it has ended.
    ended, _, _ = select.select([child], [], [], 30)
    os.close(child)
    assert ended


def test_what_a_killed_run_left_is_cleared_away(house: House) -> None:
    house.make("current", house.stamp("current"))
    left = house.venv / "tmp/current/half"
    left.mkdir(parents=True)
    assert house.setup("current").returncode == 0
    assert not left.exists()


@pytest.mark.parametrize("value", ["/plain", "/a b/c'd", '/$HOME/"x"', ""])
def test_paths_are_remembered_as_they_are(house: House, value: str) -> None:
    quoted = shlex.quote(value)
    result = house.shell(
        f'mkdir -p $WORK 2>/dev/null; mkdir -p "$WORK"; remember OTHER x;'
        f" remember KEY old; remember KEY {quoted}; remembered KEY"
    )
    assert result.stdout == value, result.stderr
    assert house.shell("remembered OTHER").stdout == "x"
    assert house.shell("remembered NOTHING").stdout == ""


SOURCES = """\
Types: deb deb-src
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://mirror.example/off
Suites: bookworm

Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/key.gpg
"""

LIST = """\
# the system's sources
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/security bookworm-security main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main
deb http://mirror.example/more bookworm contrib
"""


@pytest.fixture
def sources(house: House) -> Callable[[str, str], str]:
    """Return a function that writes the private sources for a suite."""
    house.system("debian", "bookworm")
    (house.root / "apt/sources.list.d").mkdir(parents=True)
    (house.root / "out").mkdir()

    def write(suite: str, kind: str) -> str:
        result = house.shell(f"write_sources {suite} out")
        assert result.returncode == 0, result.stderr
        return (house.root / f"out/machine.{kind}").read_text()

    return write


def test_modern_sources_are_led_to_another_suite(
    house: House, sources: Callable[[str, str], str]
) -> None:
    (house.root / "apt/sources.list.d/debian.sources").write_text(SOURCES)
    expected = (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: forky\n"
        "Components: main\nSigned-By: /usr/share/keyrings/key.gpg\n"
    )
    assert sources("forky", "sources") == expected
    assert sources("own", "sources") == expected.replace(
        "forky", "bookworm bookworm-updates"
    )


def test_old_sources_are_led_to_another_suite(
    house: House, sources: Callable[[str, str], str]
) -> None:
    (house.root / "apt/sources.list").write_text(LIST)
    assert sources("forky", "list").splitlines() == [
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian forky main",
        "deb http://mirror.example/more forky contrib",
    ]
    assert sources("own", "list").count(" bookworm ") == 2


def test_a_system_without_sources_is_told_apart(house: House) -> None:
    house.system("debian", "bookworm")
    (house.root / "out").mkdir()
    assert house.shell("write_sources own out").returncode == 1


@pytest.mark.parametrize(
    ("name", "supported", "suite"),
    [("debian", True, "forky"), ("ubuntu", True, "resolute"), ("fedora", False, "")],
)
def test_only_debian_and_ubuntu_give_packages(
    house: House, name: str, supported: bool, suite: str
) -> None:
    house.system(name, "x")
    for command in ("apt-get", "apt-config", "dpkg"):
        house.command(command, "exit 0")
    assert (house.shell("packages_supported").returncode == 0) is supported
    if supported:
        assert house.shell("newer_suite").stdout.strip() == suite
        (house.bin / "dpkg").unlink()
        assert house.shell("packages_supported").returncode == 1
