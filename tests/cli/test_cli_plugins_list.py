"""``seqpipe plugins``: what is installed, who offers it, and what's wrong with what can't be used."""

import json
import os
import subprocess
import sys

import pytest

from seqpipe.hookspecs import KINDS
from seqpipe.plugins import Host

GOOD = """
class Words:
    "Words, by white space."

    def __call__(self, text):
        return text.split()

@hookimpl
def seqpipe_tokenizers():
    return {"acme.Words.v1": Words}
"""

TROUBLE_KEYS = ["reason", "fix", "traceback"]
#: Of the JSON, what somebody's script may rely on.
PLUGIN_KEYS = ["name", "package", "version", "state", "seconds", *TROUBLE_KEYS]
PART_KEYS = ["name", "kind", "plugin", "package", "version", "code", *TROUBLE_KEYS]


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch):
    for name in ("SEQPIPE_PLUGINS", "SEQPIPE_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def listed(called):
    """Return the plugins and the parts of a list in JSON by their names."""
    found = json.loads(called.out)
    return tuple({each["name"]: each for each in found[key]} for key in ("plugins", "parts"))


def lines_about(called, name):
    return [line.split() for line in called.out.splitlines() if name in line.split()]


def test_every_part_has_its_kind_and_its_owner(call, install):
    install("acme", GOOD)
    called = call("plugins")
    assert (called.code, called.err) == (0, "")
    assert lines_about(called, "acme.Words.v1") == [["acme.Words.v1", "acme-parts", "1.2"]]
    assert [each[0] for each in lines_about(called, "seqpipe.LSTM.v1")] == ["seqpipe.LSTM.v1"]
    headings = [line for line in called.out.splitlines() if line in KINDS]
    assert headings == list(KINDS)
    under_tokenizers = called.out.split("embedders\n")[0]
    assert "acme.Words.v1" in under_tokenizers and "seqpipe.Regex.v1" in under_tokenizers


def test_every_plugin_has_its_state_and_the_time_its_import_took(call, install):
    install("acme", GOOD)
    (line,) = lines_about(call("plugins"), "acme")
    assert line[:6] == ["acme", "acme-parts", "1.2", "loaded", "1", "part"]
    assert line[7] in ("ms", "s")


def test_broken_plugin_is_listed_with_reason_and_fix_and_disturbs_nobody(call, install):
    install("broken", "import missing_of_a_test", requires=["missing-of-a-test>=2"])
    install("acme", GOOD)
    called = call("plugins")
    assert called.code == 0
    assert [line[3] for line in lines_about(called, "broken")] == ["quarantined"]
    assert "No module named 'missing_of_a_test'" in called.out
    assert "try: pip install" in called.out
    assert "acme.Words.v1" in called.out and "1 in quarantine" in called.out
    assert "Traceback" not in called.out and called.err == ""


def test_traceback_is_printed_on_request(call, install):
    module = install("broken", "def fail():\n    raise RuntimeError('no drive')\n\nfail()\n")
    assert f"{module}.py" not in call("plugins").out
    shown = call("plugins", "--traceback").out
    assert f"{module}.py" in shown and "in fail" in shown


def test_plugin_that_is_not_allowed_is_listed_and_not_imported(call, install, monkeypatch):
    install("acme", GOOD)
    module = install("other", "raise AssertionError('imported')")
    monkeypatch.setenv("SEQPIPE_PLUGINS", "acme")
    called = call("plugins")
    assert called.code == 0
    assert lines_about(called, "other")[0][3:5] == ["not", "allowed"]
    assert "SEQPIPE_PLUGINS doesn't allow " in called.out
    assert "acme.Words.v1" in called.out
    assert module not in sys.modules


@pytest.mark.parametrize("strict", [False, True])
def test_allowed_plugin_that_is_not_installed_is_reported(call, install, monkeypatch, strict):
    install("acme", GOOD)
    monkeypatch.setenv("SEQPIPE_PLUGINS", "acme,acne")
    if strict:
        monkeypatch.setenv("SEQPIPE_STRICT_PLUGINS", "1")
    called = call("plugins")
    assert called.code == (1 if strict else 0)
    assert "SEQPIPE_PLUGINS lists acne, which isn't installed" in called.out
    assert json.loads(call("plugins", "--json").out)["missing"] == ["acne"]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_quarantine_is_an_error_if_that_is_wished_and_the_list_is_printed(
    call, install, monkeypatch, strict, arguments
):
    install("broken", "raise RuntimeError('no drive')")
    if strict:
        monkeypatch.setenv("SEQPIPE_STRICT_PLUGINS", "1")
    called = call("plugins", *arguments)
    assert called.code == (1 if strict else 0)
    assert "no drive" in called.out and "seqpipe.LSTM.v1" in called.out
    assert called.err == ""


def test_strict_list_without_trouble_is_no_error(call, monkeypatch):
    monkeypatch.setattr("seqpipe.plugins.host", lambda: Host([], strict=True))
    assert call("plugins", "--json").code == 0


def test_empty_environment_is_reported(call, monkeypatch):
    monkeypatch.setattr("seqpipe.plugins.host", lambda: Host([]))
    called = call("plugins")
    assert called.code == 0 and "no plugin is installed" in called.out
    assert json.loads(call("plugins", "--json").out) == {
        "strict": False,
        "missing": [],
        "plugins": [],
        "parts": [],
    }


def test_json_has_everything_under_stable_names(call, install):
    install("acme", GOOD)
    module = install("broken", "raise RuntimeError('no drive')")
    called = call("plugins", "--json")
    plugins, parts = listed(called)
    assert list(json.loads(called.out)) == ["strict", "missing", "plugins", "parts"]
    assert all(list(plugin) == PLUGIN_KEYS for plugin in plugins.values())
    assert all(list(part) == PART_KEYS for part in parts.values())
    assert plugins["acme"] | {"seconds": 0} == {
        **dict.fromkeys(PLUGIN_KEYS),
        "name": "acme",
        "package": "acme-parts",
        "version": "1.2",
        "state": "loaded",
        "seconds": 0,
    }
    assert plugins["broken"]["state"] == "quarantined"
    assert "no drive" in plugins["broken"]["reason"] and "pip" in plugins["broken"]["fix"]
    assert f"{module}.py" in plugins["broken"]["traceback"]
    assert parts["seqpipe.LSTM.v1"]["code"] == "seqpipe.parts.cells:LSTM"
    assert parts["acme.Words.v1"]["code"].endswith(":Words")


def test_plugin_that_prints_and_warns_when_imported_disturbs_no_json(call, install):
    loud = "import sys, warnings\nprint('hello')\nsys.stdout.write('you')\nwarnings.warn('old')\n"
    install("acme", loud + GOOD)
    called = call("plugins", "--json")
    plugins, _ = listed(called)
    assert plugins["acme"]["state"] == "loaded"
    assert called.err == "hello\nyou"


def test_names_are_not_broken_or_cut_in_pipes(call, install, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    name = f"acme.{'Long' * 30}.v1"
    install("acme", GOOD.replace("acme.Words.v1", name), package="acme-" + "parts" * 20)
    assert [line[0] for line in lines_about(call("plugins"), name)] == [name]


def test_words_of_other_scripts_and_brackets_are_printed_as_they_are(call, install):
    text = GOOD.replace("acme.Words.v1", "größe.词.v1").replace("Words", "Wörter")
    install("größe", text)
    install("broken", "raise RuntimeError('[red]:smile: ünlucky')")
    out = call("plugins").out
    assert "größe.词.v1" in out and "[red]:smile: ünlucky" in out
    assert "größe.词.v1" in listed(call("plugins", "--json"))[1]


def test_encoding_that_lacks_a_character_is_no_error(install, site):
    install("größe", GOOD.replace("acme.Words.v1", "größe.词.v1"))
    done = run("plugins", site=site, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert r"gr\xf6\xdfe.\u8bcd.v1" in done.stdout


@pytest.mark.parametrize(
    ("option", "command", "said"),
    [
        ("--json", "show", "--json: put it after `show`"),
        ("--traceback", "check", "--traceback: put it after `check`"),
        ("--traceback", "show", "--traceback: put it after `show`"),
        ("--json", "new", "--json: `new` takes none"),
    ],
)
def test_options_before_a_command_are_refused(call, option, command, said):
    more = ["--kind", "cell"] if command == "new" else []
    called = call("plugins", option, command, "seqpipe.LSTM.v1", *more)
    assert called.code == 2
    assert said in called.err


BAD_REFERENCES = """
@hookimpl
def seqpipe_tokenizers():
    return {
        "badref.Missing.v1": "missing_of_a_test:Words",
        "badref.Typo.v1": "NAME:Wrods",
        "badref.Broken.v1": "module_of_a_test_broken:Words",
        "badref.Good.v1": "NAME:seqpipe_tokenizers",
    }
"""


@pytest.fixture
def badref(install, site, monkeypatch):
    """Install a plugin three of whose references lead nowhere."""
    monkeypatch.setenv("SEQPIPE_PLUGINS", "badref")
    (site / "module_of_a_test_broken.py").write_text("raise RuntimeError('no drive')\n")
    module = install("badref", BAD_REFERENCES)
    file = site / f"{module}.py"
    file.write_text(file.read_text().replace("NAME", module))


def test_part_whose_module_does_not_exist_is_broken_and_nothing_is_imported(call, badref):
    called = call("plugins")
    assert (called.code, called.err) == (0, "")
    assert lines_about(called, "badref.Missing.v1")[0][3:] == ["broken"]
    assert (
        "No module named 'missing_of_a_test'" in called.out
        and "try: files of it are missing" in called.out
    )
    assert "shows where" not in called.out
    assert "1 part broken" in called.out
    assert "module_of_a_test_broken" not in sys.modules
    _, parts = listed(call("plugins", "--json"))
    assert [name for name, part in parts.items() if part["reason"]] == ["badref.Missing.v1"]
    assert parts["badref.Missing.v1"]["fix"]


def test_every_reference_is_followed_if_that_is_wished(call, badref, monkeypatch):
    monkeypatch.setenv("SEQPIPE_STRICT_PLUGINS", "1")
    called = call("plugins")
    assert (called.code, called.err) == (1, "")
    for name in ("Missing", "Typo", "Broken"):
        assert lines_about(called, f"badref.{name}.v1")[0][3:] == ["broken"]
    assert lines_about(called, "badref.Good.v1")[0][3:] == []
    assert "3 parts broken" in called.out and "in <module>" not in called.out
    assert "in <module>" in call("plugins", "--traceback").out
    called = call("plugins", "--json")
    _, parts = listed(called)
    assert called.code == 1 and len([part for part in parts.values() if part["reason"]]) == 3
    assert "no drive" in parts["badref.Broken.v1"]["traceback"]


def test_program_and_code_in_c_that_print_disturb_no_json(install, site):
    """Both write past Python; what C code prints waits in a buffer of its own in a pipe."""
    loud = "import ctypes, os\nos.system('echo hello')\nctypes.CDLL(None).puts(b'you')\n"
    install("acme", (loud if os.name == "posix" else "") + GOOD)
    for command in (["plugins", "--json"], ["plugins", "show", "acme", "--json"]):
        done = run(*command, site=site, SEQPIPE_PLUGINS="acme")
        assert json.loads(done.stdout) and done.returncode == 0
        assert os.name != "posix" or sorted(done.stderr.split()) == ["hello", "you"]


@pytest.mark.skipif(os.name != "posix", reason="it takes a shell")
@pytest.mark.parametrize(
    ("after", "code", "said"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        ("| true", 1, ""),
        (">/dev/full", 1, "error: stdout can't be written"),
    ],
)
def test_stdout_that_takes_nothing_is_no_traceback(after, code, said):
    if "full" in after and not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("there's no full disk")
    command = f"{{ '{sys.executable}' -m seqpipe plugins --json; echo $? >&3; }} {after}"
    done = subprocess.run(
        ["bash", "-c", f"{{ sleep 0.1; {command}; }} 3>&1"], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == str(code)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert done.stderr.startswith(said)


def run(*arguments, site, code="", **environment):
    """Run seqpipe in a fresh process that finds the packages of a folder too."""
    code = f"import sys\nsys.argv = ['seqpipe', *{arguments!r}]\n" + (
        code or "from seqpipe.cli import main\nmain()"
    )
    env = {**os.environ, "PYTHONPATH": str(site), **environment}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env=env,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def test_listing_imports_no_part(install, site):
    install("acme", '@hookimpl\ndef seqpipe_cells():\n    return {"acme.Cell.v1": "torch:Cell"}\n')
    code = (
        "from seqpipe.cli import main\ntry:\n    main()\nfinally:\n"
        "    heavy = ('torch', 'spacy', 'thinc', 'numpy', 'griffe', 'confection')\n"
        "    print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = run("plugins", site=site, code=code, SEQPIPE_PLUGINS="acme")
    assert "acme.Cell.v1" in done.stdout and "seqpipe.LSTM.v1" in done.stdout
    assert (done.returncode, done.stderr) == (0, "[]\n")
