"""`seqpipe serve`: what ends it before it has begun, and what it warns of."""

import socket
import sys
from pathlib import Path

import pytest

MODEL = str(Path(__file__).parents[1] / "saved_models" / "text-classifier")


@pytest.fixture
def served(monkeypatch):
    """Have nothing served, and return the settings with which it would have been."""
    found = []

    def serve(settings, listening, *, workers, on_ready):
        found.append((settings, workers))
        on_ready()

    monkeypatch.setattr("seqpipe.serving.serve", serve)
    return found


def test_address_is_printed_when_the_model_is_loaded(call, served):
    called = call("serve", MODEL, "--port", "0", "--batch-wait", "5", "--top", "2")
    assert called.code == 0 and called.err == ""
    assert called.out.startswith(f"{MODEL} at http://127.0.0.1:")
    ((settings, workers),) = served
    assert (settings.batch_wait, settings.options["top"], workers) == (0.005, 2, 1)


@pytest.mark.parametrize("token", [None, "secret"])
def test_open_address_without_a_token_is_warned_of(call, served, monkeypatch, token):
    monkeypatch.delenv("SEQPIPE_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("SEQPIPE_TOKEN", token)
    called = call("serve", MODEL, "--host", "0.0.0.0", "--port", "0")
    assert called.code == 0
    assert ("warning: anybody who reaches 0.0.0.0" in called.err) is not bool(token)
    assert served[0][0].token == token


def test_empty_token_is_not_taken_for_none(call, served, monkeypatch):
    monkeypatch.setenv("SEQPIPE_TOKEN", "")
    called = call("serve", MODEL, "--port", "0")
    assert called.code == 1 and "SEQPIPE_TOKEN is empty" in called.err
    assert not served


def test_records_of_a_request_fit_into_the_queue_or_are_refused(call, served):
    assert call("serve", MODEL, "--port", "0", "--queue", "10").code == 0
    assert served[0][0].limits.records == 10
    called = call("serve", MODEL, "--port", "0", "--max-records", "5000")
    assert called.code == 1 and "a request may have 5,000" in called.err


def test_names_of_the_server_are_those_that_are_allowed(call, served):
    called = call("serve", MODEL, "--host", "localhost", "--port", "0", "--allow-host", "models")
    assert called.code == 0
    assert served[0][0].names == ("localhost", "models")


def test_port_that_is_taken_is_said(call):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        called = call("serve", MODEL, "--port", port)
    assert called.code == 1 and f"nobody can listen at 127.0.0.1, port {port}" in called.err


def test_missing_model_ends_it(call, tmp_path):
    called = call("serve", str(tmp_path / "none"), "--port", "0")
    assert called.code == 1 and called.out == ""
    assert "neither a folder nor an installed spaCy pipeline" in called.err


def test_setting_that_the_model_has_no_use_for_ends_it(call):
    called = call("serve", MODEL, "--port", "0", "--pair", "second")
    assert called.code == 1 and "doesn't compare pairs" in called.err


def test_missing_package_is_named(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    called = call("serve", MODEL, "--port", "0")
    assert called.code == 1 and "pip install 'seqpipe[serve]'" in called.err


def test_help_has_examples(call):
    assert "seqpipe serve $MODEL --host 0.0.0.0 --workers 4" in call("serve", "--help").out
