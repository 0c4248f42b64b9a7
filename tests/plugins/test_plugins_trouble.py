"""What's wrong with a plugin is reported with a probable fix, and a traceback from its own code on."""

import dataclasses

import pytest

from seqpipe.errors import PluginError
from seqpipe.plugins import Host, Owner, Trouble, trouble_of
from seqpipe.plugins._owner import owner_of
from seqpipe.plugins._trouble import TroubleError, describe_error, import_guarded

OWNER = Owner("acme-parts", "1.0", ("missing-of-a-test[all]>=2,<3", "torch>=2"))


@pytest.fixture
def trouble(plugin):
    """Return a function from a module's text to the trouble of importing it."""

    def importing(text, owner=OWNER):
        with pytest.raises(TroubleError) as caught:
            import_guarded(plugin("acme", text), "the plugin 'acme'", owner)
        return caught.value.trouble

    return importing


def test_reason_and_fix_make_one_message(trouble):
    found = trouble("raise RuntimeError('no such drive')")
    assert found.reason == "the plugin 'acme' can't be imported (RuntimeError: no such drive)"
    assert str(found) == f"{found.reason}; {found.fix}"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("import missing_of_a_test", 'pip install "missing-of-a-test[all]<3,>=2"'),
        ("import missing_of_a_test.part", 'pip install "missing-of-a-test[all]<3,>=2"'),
        ("import other_missing.part", "pip install acme-parts, which installs what it needs; "
         "else pip install other_missing"),
        ("from seqpipe.hookspecs import seqpipe_readers", "pip install --upgrade seqpipe acme-parts"),
        ("import seqpipe.no_such_module", "pip install --upgrade seqpipe acme-parts"),
        ("import NAME.part", "files of it are missing: pip install --force-reinstall"),
        ("def broken(:", "written for another Python version: pip install --upgrade acme-parts"),
        ("import sys; sys.exit(3)", "pip install --upgrade acme-parts, or pip uninstall acme-parts"),
        ("raise ImportError('no display')", "pip uninstall acme-parts"),
    ],
)  # fmt: skip
def test_fix_fits_what_went_wrong(trouble, text, fix):
    assert fix in trouble(text).fix


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("import missing_of_a_test", 'pip install "missing-of-a-test[all]<3,>=2"'),
        (
            "import other_missing.part",
            "correct the name in {folder}; if it's of another package, install",
        ),
        ("from seqpipe.hookspecs import seqpipe_readers", "fix it in {file}, line 2"),
        ("import NAME.part", "correct the name in {folder}"),
        ("\n\ndef broken(:", "fix it in {file}, line 4"),
        ("def fail():\n    import json\n    json.loads('')\nfail()", "fix it in {file}, line 4"),
    ],
)
def test_author_is_reported_where_to_mend_it(plugin, tmp_path, text, fix):
    entry_point = plugin("acme", text)
    owner = dataclasses.replace(OWNER, folder=tmp_path)
    with pytest.raises(TroubleError) as caught:
        import_guarded(entry_point, "it", owner)
    found = caught.value.trouble.fix
    assert fix.format(folder=tmp_path, file=tmp_path / f"{entry_point.module}.py") in found
    assert "--upgrade" not in found and "uninstall" not in found


@pytest.mark.parametrize(
    ("hook", "line"),
    [("return 5", ""), ("return {'other.Cell.v1': dict}", ""), ("1 / 0", ", line 4")],
)
def test_author_is_reported_where_the_contract_is_broken(plugin, tmp_path, hook, line):
    entry_point = plugin("acme", f"@hookimpl\ndef seqpipe_cells():\n    {hook}\n")
    (found,) = Host([entry_point], folder=tmp_path).survey()
    place = tmp_path / f"{entry_point.module}.py" if line else tmp_path
    assert found.trouble.fix == f"fix it in {place}{line}"


def test_trouble_is_read_from_errors_of_seqpipe():
    error = PluginError("it's wrong")
    assert trouble_of(error) == Trouble("it's wrong", "") and str(trouble_of(error)) == "it's wrong"
    try:
        raise error from ValueError("deeper")
    except PluginError as raised:
        assert trouble_of(raised) == Trouble("it's wrong", "", "ValueError: deeper")


def test_plugin_whose_files_are_missing_is_to_be_reinstalled(plugin, tmp_path):
    entry_point = plugin("acme", "", owner="acme-parts")
    (tmp_path / f"{entry_point.module}.py").unlink()
    with pytest.raises(TroubleError) as caught:
        import_guarded(entry_point, "it", owner_of(entry_point))
    found = caught.value.trouble
    assert found.fix == (
        "files of it are missing: pip install --force-reinstall --no-deps acme-parts"
    )
    assert found.traceback.startswith("ModuleNotFoundError: No module named 'plugin_of_a_test")


def test_traceback_has_no_frames_of_the_machinery(trouble):
    found = trouble("def fail():\n    raise RuntimeError('no such drive')\nfail()\n")
    lines = found.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "RuntimeError: no such drive"
    files = [line for line in lines if line.lstrip().startswith("File ")]
    assert len(files) == 2 and all("plugin_of_a_test" in line for line in files)


def test_traceback_shows_what_led_to_the_error(trouble):
    found = trouble(
        """
        try:
            import missing_of_a_test
        except ImportError as error:
            raise RuntimeError("acme needs more") from error
        """
    )
    assert "No module named 'missing_of_a_test'" in found.traceback
    assert "direct cause" in found.traceback and "importlib" not in found.traceback


def test_error_that_cannot_be_shown_is_still_reported(trouble):
    found = trouble(
        """
        class Odd(Exception):
            def __str__(self):
                raise ValueError

        raise Odd
        """
    )
    assert "(Odd: without a message that can be shown)" in found.reason
    assert "Odd" in found.traceback


def test_error_without_a_message_is_its_type():
    assert (
        describe_error(MemoryError()) == "MemoryError"
        and describe_error(ValueError("x")) == "ValueError: x"
    )


def test_ctrl_c_passes(plugin):
    with pytest.raises(KeyboardInterrupt):
        import_guarded(plugin("acme", "raise KeyboardInterrupt"), "it", OWNER)
