"""``seqpipe plugins check``: what's checked, what's printed of it, and the exit code.

The checks themselves are made up; those that there are have their tests in ``tests/testing``.
"""

import itertools
import json
import signal
import subprocess
import sys
import unittest

import pytest

from seqpipe.cli.plugins import _check_output
from seqpipe.errors import PluginError
from seqpipe.scaffold import new_plugin
from seqpipe.testing import Outcome

GOOD = """
@hookimpl
def seqpipe_tokenizers():
    return {"acme.Words.v1": str.split, "acme.Others.v1": str.split}
"""


def outcome(name, state="passed", detail="", **more):
    return Outcome(name, f"The sentence of {name}.", state, detail, 0.25, **more)


@pytest.fixture
def kit(monkeypatch):
    """Return a list of outcomes that replaces the outcomes of the checks of each part."""
    outcomes = [outcome("is_made"), outcome("is_quick", detail="12 words/s")]

    def run_checks(kind, factory):
        for each in outcomes:
            if isinstance(each, BaseException):
                raise each
            yield each

    monkeypatch.setattr(_check_output, "factory_of", lambda part: part.offer)
    monkeypatch.setattr(_check_output, "run_checks", run_checks)
    monkeypatch.setenv("SEQPIPE_PLUGINS", "acme,other,broken")
    return outcomes


def lines(called):
    return [" ".join(line.split()) for line in called.out.splitlines()]


def test_part_that_keeps_its_contract_is_ok(call, install, kit):
    install("acme", GOOD)
    called = call("plugins", "check", "acme.Words.v1")
    assert (called.code, called.err) == (0, "")
    assert lines(called) == [
        "ok acme.Words.v1 2 passed 0.5 s",
        "is_quick: 12 words/s",
        "",
        "1 part: 2 passed; 0.5 s",
    ]


def test_failed_check_says_what_is_broken_and_by_what(call, install, kit):
    install("acme", GOOD)
    kit.insert(1, outcome("is_right", "failed", "it's wrong\n\nsmallest input:\n    lengths = [1]"))
    called = call("plugins", "check", "acme.Words.v1")
    assert called.code == 1
    assert "FAILED acme.Words.v1 2 passed, 1 failed 0.8 s" in lines(called)
    start = lines(called).index("failed is_right 0.25 s")
    assert lines(called)[start + 1 : start + 6] == [
        *("The sentence of is_right.", "", "it's wrong", "", "smallest input:")
    ]
    # What it looks like is up to the kit.
    assert "smallest input:\n                      lengths = [1]\n" in called.out
    assert lines(called)[-1] == "1 part: 2 passed, 1 failed; 0.8 s"


def test_traceback_of_what_a_check_raised_is_printed_on_request(call, install, kit):
    install("acme", GOOD)
    try:
        int("x")
    except ValueError as error:
        kit.append(outcome("is_right", "failed", "it raised ValueError", cause=error))
    assert "Traceback" not in call("plugins", "check", "acme.Words.v1").out
    assert 'int("x")' in call("plugins", "check", "acme.Words.v1", "--traceback").out
    (part,) = json.loads(call("plugins", "check", "acme.Words.v1", "--json").out)["parts"]
    assert 'int("x")' in part["checks"][-1]["traceback"]


def test_skipped_checks_are_grouped_by_reason(call, install, kit):
    install("acme", GOOD)
    kit.extend([outcome("on_a_gpu", "skipped", "there's no GPU"), outcome("odd", "skipped")])
    called = call("plugins", "check", "acme")
    assert called.code == 0
    skipped = lines(called)[lines(called).index("skipped") + 1 :]
    assert skipped == [
        *("there's no GPU:", "on_a_gpu of 2 parts"),
        *("no reason is given:", "odd of 2 parts"),
        *("", "2 parts: 4 passed, 4 skipped; 2.0 s"),
    ]


def test_verbose_lists_every_check_when_it_has_ended(call, install, kit):
    install("acme", GOOD)
    kit.append(outcome("on_a_gpu", "skipped", "there's no GPU"))
    called = call("plugins", "check", "acme.Words.v1", "--verbose")
    assert lines(called)[:7] == [
        "acme.Words.v1",
        "passed is_made 0.25 s",
        "passed is_quick 0.25 s",
        "12 words/s",
        "skipped on_a_gpu 0.25 s",
        "there's no GPU",
        "ok acme.Words.v1 2 passed, 1 skipped 0.8 s",
    ]


def test_failures_of_several_parts_are_named_once_more_at_the_end(call, install, kit):
    install("acme", GOOD)
    kit.append(outcome("is_right", "failed", "it's wrong"))
    called = call("plugins", "check", "acme")
    failed = lines(called)[lines(called).index("failed") + 1 :]
    assert failed[:2] == ["acme.Words.v1: is_right", "acme.Others.v1: is_right"]


def test_part_of_which_nothing_is_checked_is_not_good(call, install, kit, monkeypatch):
    install("acme", GOOD)

    def factory_of(part):
        raise unittest.SkipTest("its setting `size` has no default")

    monkeypatch.setattr(_check_output, "factory_of", factory_of)
    called = call("plugins", "check", "acme")
    assert called.code == 1
    assert lines(called) == [
        "skipped acme.Words.v1 no check 0.0 s",
        "skipped acme.Others.v1 no check 0.0 s",
        "",
        "not checked",
        "its setting `size` has no default:",
        "acme.Words.v1, acme.Others.v1",
        "",
        "2 parts: no check; 2 parts not checked; 0.0 s",
    ]
    found = json.loads(call("plugins", "check", "acme", "--json").out)
    assert [part["reason"] for part in found["parts"]] == ["its setting `size` has no default"] * 2
    assert found["parts"][0]["checks"] == [] and found["unchecked"] == [
        *("acme.Words.v1", "acme.Others.v1")
    ]


def test_part_whose_checks_are_all_skipped_is_not_good(call, install, kit):
    install("acme", GOOD)
    kit[:] = [outcome("on_a_gpu", "skipped", "there's no GPU")]
    called = call("plugins", "check", "acme.Words.v1")
    assert called.code == 1
    assert lines(called)[-1] == "1 part: 1 skipped; 1 part not checked; 0.2 s"


def test_part_that_cannot_be_had_has_failed(call, install, kit, monkeypatch):
    install("acme", GOOD)

    def factory_of(part):
        raise PluginError(f"{part.name} can't be imported")

    monkeypatch.setattr(_check_output, "factory_of", factory_of)
    called = call("plugins", "check", "acme.Words.v1")
    assert called.code == 1
    assert lines(called) == [
        "FAILED acme.Words.v1 no check 0.0 s",
        "acme.Words.v1 can't be imported",
        "",
        "1 part: no check; 1 part not checked; 0.0 s",
    ]


@pytest.mark.parametrize("target", ["acme", "acme.Cell.v1"])
def test_traceback_of_a_part_that_cannot_be_imported_is_printed(
    call, install, site, monkeypatch, target
):
    monkeypatch.setenv("SEQPIPE_PLUGINS", "acme")
    (site / "module_of_a_test_cells.py").write_text("def fail():\n    1 / 0\n\nfail()\n")
    offer = '{"acme.Cell.v1": "module_of_a_test_cells:Cell"}'
    install("acme", f"@hookimpl\ndef seqpipe_cells():\n    return {offer}\n")
    called = call("plugins", "check", target)
    assert called.code == 1
    assert "ZeroDivisionError" in called.out and "in fail" not in called.out
    assert "try: pip install --upgrade" in called.out
    called = call("plugins", "check", target, "--traceback")
    assert "in fail" in called.out and "frozen importlib" not in called.out
    (part,) = json.loads(call("plugins", "check", target, "--json").out)["parts"]
    assert "in fail" in part["traceback"] and part["fix"] and part["checks"] == []


def test_all_plugins_are_checked_if_none_is_named(call, install, kit):
    install("acme", GOOD)
    install("unwanted", "raise AssertionError('imported')")
    called = call("plugins", "check")
    assert called.code == 0
    checked = [line.split()[1] for line in lines(called) if line.startswith("ok ")]
    assert {"acme.Words.v1", "seqpipe.LSTM.v1"} <= set(checked)
    assert "the plugin unwanted: SEQPIPE_PLUGINS doesn't allow it" in lines(called)


def test_plugin_in_quarantine_fails_and_the_others_are_checked(call, install, kit):
    install("acme", GOOD)
    install("broken", "raise RuntimeError('no drive')")
    called = call("plugins", "check")
    assert called.code == 1
    assert "FAILED the plugin broken" in lines(called)
    assert "no drive" in called.out and "try: pip" in called.out
    assert any(line.startswith("ok acme.Words.v1") for line in lines(called))
    assert "1 plugin can't be used" in lines(called)[-1]
    found = json.loads(call("plugins", "check", "--json").out)
    assert [plugin["name"] for plugin in found["quarantined"]] == ["broken"]
    assert "no drive" in found["quarantined"][0]["reason"]
    # Selected by name there's nothing else to report.
    called = call("plugins", "check", "broken")
    assert called.code == 1 and "no drive" in called.err and called.out == ""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("acme.Wrods.v1", "did you mean 'acme.Words.v1'?"),
        ("acne", "did you mean 'acme'?"),
        ("./acme", "there's no folder ./acme"),
        (__file__, f"{__file__} is a file: give the folder of a plugin's package"),
        ("empty", "there's nothing to check"),
    ],
)
def test_what_cannot_be_checked_is_an_error(call, install, kit, monkeypatch, target, said):
    install("acme", GOOD)
    install("empty", "@hookimpl\ndef seqpipe_cells():\n    return {}\n")
    monkeypatch.delenv("SEQPIPE_PLUGINS")
    called = call("plugins", "check", target)
    assert called.code == 1
    assert called.err.startswith("error: ") and said in called.err and called.out == ""


@pytest.mark.parametrize("verbose", [[], ["--verbose"]])
def test_plugin_that_prints_while_it_is_checked_disturbs_no_json(
    call, install, kit, monkeypatch, verbose
):
    install("acme", "import os\nos.system('echo hello')\n" + GOOD)

    def loud_checks(kind, factory):
        subprocess.run(["echo", "and"], check=True)
        print("you")
        yield outcome("is_made")

    monkeypatch.setattr(_check_output, "run_checks", loud_checks)
    called = call("plugins", "check", "acme.Words.v1", "--json", *verbose)
    assert called.err == "hello\nand\nyou\n"
    assert json.loads(called.out) == {
        "counts": {"passed": 1, "failed": 0, "skipped": 0},
        "unchecked": [],
        "quarantined": [],
        "not_allowed": [],
        "note": None,
        "parts": [
            {
                "name": "acme.Words.v1",
                "kind": "tokenizers",
                "package": "acme-parts",
                "version": "1.2",
                "reason": None,
                "fix": None,
                "traceback": None,
                "checks": [
                    {
                        "name": "is_made",
                        "contract": "The sentence of is_made.",
                        "state": "passed",
                        "detail": "",
                        "seconds": 0.25,
                        "traceback": None,
                    }
                ],
            }
        ],
    }


def test_ctrl_c_stops_and_says_what_was_done(call, install, kit, monkeypatch):
    install("acme", GOOD)
    left = []
    # The real one leaves no process to go on with.
    monkeypatch.setattr("os._exit", lambda code: left.append(code) or sys.exit(code))
    kit.append(KeyboardInterrupt())
    called = call("plugins", "check", "acme")
    assert called.code == 130 and left == [130]
    assert "stopped; until then 1 part: 2 passed; 0.5 s" in called.err


def test_part_of_ours_keeps_its_contract(call):
    called = call("plugins", "check", "seqpipe.Whitespace.v1", "--verbose")
    assert called.code == 0 and called.err == ""
    assert "passed can_be_made" in lines(called)[1]
    assert lines(called)[-1].startswith("1 part: ")


def test_ctrl_c_stops_the_process_that_checks():
    command = [sys.executable, "-m", "seqpipe", "plugins", "check", "seqpipe.SpacyRules.v1", "-v"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while "passed" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.strip().startswith("stopped; until then 1 part: ") and "Traceback" not in err


class TestFolder:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch, site, kit):
        """Make the package of a plugin and go to the folder that it lies in."""
        number = next(_names)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", sys.path.copy())
        made = new_plugin(f"of-a-test-{number}", "tokenizers")
        yield made
        for name in [name for name in sys.modules if name.startswith(made.module)]:
            del sys.modules[name]

    def test_package_that_is_not_installed_is_checked_where_it_lies(self, call, folder):
        called = call("plugins", "check", folder.folder.name)
        assert (called.code, called.err) == (0, "")
        assert lines(called)[0] == f"ok {folder.part} 2 passed 0.5 s"
        (part,) = json.loads(call("plugins", "check", f"./{folder.folder}", "--json").out)["parts"]
        assert (part["package"], part["version"]) == (folder.distribution, "0.1.0")

    def test_package_in_this_folder_is_checked(self, call, folder, monkeypatch):
        monkeypatch.chdir(folder.folder)
        assert lines(call("plugins", "check", "."))[0].startswith(f"ok {folder.part}")

    def test_module_beside_pyproject_is_found(self, call, folder):
        (folder.folder / "src" / folder.module).rename(folder.folder / folder.module)
        assert call("plugins", "check", str(folder.folder)).code == 0

    def test_package_whose_module_is_broken_fails(self, call, folder):
        module = folder.folder / "src" / folder.module / "__init__.py"
        module.write_text("raise RuntimeError('no drive')", encoding="utf-8")
        called = call("plugins", "check", str(folder.folder))
        assert called.code == 1
        assert f"FAILED the plugin {folder.plugin}" in lines(called) and "no drive" in called.out
        assert f"try: fix it in {module.resolve()}, line 1" in lines(called)
        assert "Traceback" not in called.out and "pip install" not in called.out
        called = call("plugins", "check", str(folder.folder), "--traceback")
        assert "Traceback" in called.out and "raise RuntimeError" in called.out

    def test_package_made_for_another_seqpipe_fails(self, call, folder):
        edit(folder, "dependencies = [", 'dependencies = ["seqpipe>=99", ')
        called = call("plugins", "check", str(folder.folder))
        assert called.code == 1 and "requires seqpipe>=99" in called.out
        assert "pyproject.toml" in called.out and "another version" not in called.out

    def test_copy_that_is_installed_is_checked_and_that_is_reported(self, call, folder, site):
        copy = site / folder.module
        (folder.folder / "src" / folder.module).rename(copy)
        info = site / f"{folder.module}-3.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {folder.distribution}\nVersion: 3.1\n")
        (info / "entry_points.txt").write_text(f"[seqpipe]\n{folder.plugin} = {folder.module}\n")
        called = call("plugins", "check", str(folder.folder))
        assert called.code == 0
        assert lines(called)[0].startswith(f"note: this checks an installed copy, {copy}")
        assert f"pip install --editable {folder.folder}" in lines(called)[0]
        found = json.loads(call("plugins", "check", str(folder.folder), "--json").out)
        assert found["parts"][0]["version"] == "3.1" and str(copy) in found["note"]

    @pytest.mark.parametrize(
        ("project", "said"),
        [
            ("", "declares no plugin"),
            ("[project]\nname = 'x'\n", "declares no plugin"),
            ("[project.entry-points]\nseqpipe = 3\n", "declares no plugin"),
            ("[project\n", "can't be read"),
            ("\udce9", "can't be read"),
            (None, "contains no pyproject.toml"),
        ],
    )
    def test_folder_of_something_else_is_an_error(self, call, folder, project, said):
        file = folder.folder / "pyproject.toml"
        if project is None:
            file.unlink()
        else:
            file.write_bytes(project.encode("utf-8", "surrogateescape"))
        called = call("plugins", "check", str(folder.folder))
        assert called.code == 1 and called.out == ""
        assert said in called.err and "pyproject.toml" in called.err

    def test_name_of_an_installed_plugin_is_no_folder(self, call, folder, install):
        install("acme", GOOD)
        folder.folder.rename("acme")
        assert "acme.Words.v1" in call("plugins", "check", "acme").out
        assert folder.part in call("plugins", "check", "./acme").out


_names = itertools.count()


def edit(made, before, after):
    file = made.folder / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
