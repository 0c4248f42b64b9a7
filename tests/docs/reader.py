"""Does what a page shows, as somebody would who follows it from its top to its end.

Of a page's fenced blocks,

- those with a title are files, and one in the language ``diff`` changes a file;
- Python without a title is run: what's between two blocks of commands is one script;
- ``console`` is run too, each line that begins with ``$``; one that ends with ``&`` goes on until the page's end, and
  the page does once it has printed an address. What follows is its output: ``…``
  matches anything within a line, on a line of its own for any lines, and runs of blanks or of blank
  lines count as one. It succeeds, unless a line that it prints begins with FAILED or an error. On a page
  without files, commands are about files of the reader's, and aren't run;
- ``text`` is something that a script prints.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from docs.pages import ROOT, Block, blocks
from ready import run_ready

import seqpipe

_PROGRAMS = {
    "python": [sys.executable],
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    "seqpipe": [sys.executable, "-m", "seqpipe"],
}
_BUILD = [sys.executable, "-m", "hatchling", "build"]

#: These would get something from an index of packages, or put something there.
_NOT_RUN = (
    "pip install build twine",
    "pip install seqpipe-acorn",
    "pip install plugins/seqpipe-chinese",
    "python -m twine upload --repository testpypi dist/*",
    "python -m twine upload dist/*",
)

#: Pages show this release, whichever it is by now.
_RELEASE = "seqpipe 0.1.0"


class Reader:
    """Works in a folder, and has an environment to install into.

    Args:
        folder: Where to make both.

    Attributes:
        folder: The working directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "here"
        self._installed = folder / "installed"
        self.folder.mkdir()
        self._installed.mkdir()
        self._script = ""
        self._printed = ""
        self._going_on: list[subprocess.Popen[str]] = []

    def follow(self, page: Path) -> None:
        """Do what a page shows, and compare what comes of it with what the page says."""
        try:
            self._follow(page)
        finally:
            for process in self._going_on:
                process.terminate()
                process.communicate(timeout=60)

    def _follow(self, page: Path) -> None:
        has_files = any(block.title for block in blocks(page))
        for block in blocks(page):
            where = f"{page.name}:{block.line}"
            if block.title:
                self._write(block)
            elif block.language == "python":
                self._script += f"# {where}\n{block.text}\n"
            elif block.language == "console" and has_files:
                self._run_script()
                self._run_commands(block.text, where)
        self._run_script()
        for block in blocks(page):
            if block.language == "text" and not block.title:
                assert block.text in self._printed, f"{page.name}:{block.line}"

    def _write(self, block: Block) -> None:
        file = self.folder / block.title
        text = block.text
        if block.language == "diff":
            text = changed(file.read_text(encoding="utf-8"), block.text)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _run_script(self) -> None:
        if self._script:
            (self.folder / "page.py").write_text(self._script, encoding="utf-8")
            done = self._run([sys.executable, "page.py"])
            assert done.returncode == 0, done.stdout
            (self.folder / "page.py").unlink()
            self._printed += done.stdout
            self._script = ""

    def _run_commands(self, text: str, where: str) -> None:
        for command, shown in commands(text):
            done = self._do(command)
            if done is None:
                continue
            message = f"{where}: $ {command}\n{done.stdout}"
            assert not shown or agrees(shown, done.stdout), message
            fails = re.search(r"^(?:FAILED |error: |\S+Error: )", shown, re.MULTILINE)
            assert bool(done.returncode) is bool(fails), message

    def _do(self, command: str) -> subprocess.CompletedProcess[str] | None:
        if command in _NOT_RUN:
            return None
        if command.startswith("pip install --editable "):
            return self._install()
        if command.startswith("pip uninstall "):
            return self._uninstall()
        if command == "python -m build":
            return self._run(_BUILD)
        words = shlex.split(command)
        settings = [words.pop(0) for _ in words[:] if re.match(r"[A-Z_]+=", words[0])]
        assert words[0] in _PROGRAMS, f"nobody knows how to run {command!r}"
        more = dict(setting.split("=", 1) for setting in settings)
        if words[-1] == "&":
            return self._start(_PROGRAMS[words[0]] + words[1:-1])
        return self._run(_PROGRAMS[words[0]] + words[1:], **more)

    def _start(self, command: list[str]) -> None:
        process = subprocess.Popen(
            command, cwd=self.folder, env=self._environment(), text=True, stdout=subprocess.PIPE
        )
        self._going_on.append(process)
        assert process.stdout is not None
        assert any("http://" in line for line in process.stdout), command

    def _install(self) -> subprocess.CompletedProcess[str]:
        """Install what's here as it is, as `pip` does: the metadata are copied, the code stays."""
        self._uninstall()
        done = self._run([*_BUILD, "--target", "wheel", "--directory", str(self._installed)])
        for wheel in self._installed.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                named = [name for name in archive.namelist() if ".dist-info/" in name]
                archive.extractall(self._installed, named)
        return done

    def _uninstall(self) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(self._installed)
        self._installed.mkdir()
        return subprocess.CompletedProcess([], 0, "")

    def _run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        env = self._environment(**more)
        return run_ready(command, cwd=self.folder, env=env, merged=True)

    def _environment(self, **more: str) -> dict[str, str]:
        mine = [self._installed, self.folder / "src", self.folder, ROOT]
        left_out = ("SEQPIPE_PLUGINS", "SEQPIPE_STRICT_PLUGINS", "PYTEST_ADDOPTS")
        kept = {name: text for name, text in os.environ.items() if name not in left_out}
        path = [*map(str, mine), *filter(None, [kept.get("PYTHONPATH")])]
        settings = {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**kept, **settings, "PYTHONPATH": os.pathsep.join(path), **more}


def changed(text: str, diff: str) -> str:
    """Return a text with a change made to it, whose lines begin with a space, ``-`` or ``+``."""
    lines = diff.splitlines(keepends=True)
    # A line of white space may have lost its first blank.
    old = "".join(line[1:] or "\n" for line in lines if line[0] != "+")
    new = "".join(line[1:] or "\n" for line in lines if line[0] != "-")
    assert text.count(old) == 1, f"this isn't there, or not once:\n{old}"
    return text.replace(old, new)


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with what it's said to print."""
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    return [(command, shown) for command, shown in found]


def agrees(shown: str, printed: str) -> bool:
    """Say whether a page shows what was printed."""
    printed = printed.replace(f"seqpipe {seqpipe.__version__}", _RELEASE)
    # What pytest adds where it took a minute.
    printed = re.sub(r"(passed in [\d.]+s) \(\d+:\d\d:\d\d\)", r"\1", printed)
    pattern = "".join(
        r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in _lines(shown)
    )
    return bool(re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))))


def _lines(text: str) -> list[str]:
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    return [line for line, after in zip(lines, [*lines[1:], "end"], strict=True) if line or after]
