"""A plugin and a reader of our own, so that the checks are tested against known parts."""

import importlib.metadata
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import catalogue
import pytest
import spacy
from config_examples import GOOD

import seqpipe.plugins._host as plugin_host
from seqpipe.config import PipelineFileError, check, read_text
from seqpipe.hookspecs import hookimpl


def _never(*_args, **_settings):
    raise AssertionError("a check called a registered function")


def blanks(*, lower: bool = False):
    _never(lower)


def vectors(*, width: int = 100, rate: float = 0.1, names: Sequence[str] = ()):
    _never(width, rate, names)


def simple(input_width, width, *, forget_bias: float = 1.0):
    _never(input_width, width, forget_bias)


def unroll(
    input_width, *, cell: Callable[[int, int], object], width: int = 128, bidirectional: bool = True
):
    _never(input_width, cell, width, bidirectional)


def classes(input_width, output_width, *, pool: Literal["last", "mean", "attention"] = "last"):
    _never(input_width, output_width, pool)


classes.component = lambda settings: "textcat"


def rows(path: str, *, encoding: str | list[str] = "utf-8", part: str | None = None):
    _never(path, encoding, part)


def _offer(parts):
    def offer():
        return parts

    return offer


@pytest.fixture(autouse=True)
def acme(monkeypatch):
    """Install the plugin "acme", with one part of each kind and a reader, and one that's broken."""
    module = types.ModuleType("acme_plugin")
    offers = {
        "tokenizers": {"acme.Blanks.v1": blanks},
        "embedders": {"acme.Vectors.v1": vectors},
        "cells": {"acme.Simple.v1": simple, "acme.Twofold.v1": simple},
        "encoders": {"acme.Unroll.v1": unroll},
        "heads": {"acme.Classes.v1": classes},
    }
    for kind, parts in offers.items():
        setattr(module, f"seqpipe_{kind}", hookimpl(_offer(parts)))
    monkeypatch.setitem(sys.modules, "acme_plugin", module)
    entry_point = importlib.metadata.EntryPoint("acme", "acme_plugin", "seqpipe")
    broken = importlib.metadata.EntryPoint("broken", "acme_plugin:nothing", "seqpipe")
    host = plugin_host.Host([entry_point, broken])
    monkeypatch.setattr(plugin_host, "host", lambda: host)
    monkeypatch.setattr("seqpipe.plugins.host", lambda: host)
    monkeypatch.setitem(catalogue.REGISTRY, ("spacy", "readers", "acme.Rows.v1"), rows)
    monkeypatch.setitem(catalogue.REGISTRY, ("spacy", "callbacks", "acme.Danger.v1"), _never)
    spacy.registry.ensure_populated()
    return host


@pytest.fixture
def good():
    """Return the text of a file without errors."""
    return GOOD


@pytest.fixture
def errors_of():
    """Return a function from a file's text (and overrides) to what's wrong with it."""

    def find(text, *overrides):
        try:
            check(read_text(text, overrides=overrides))
        except PipelineFileError as error:
            return list(error.diagnostics)
        return []

    return find


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a pipeline file."""

    def write_file(content, name="pipeline.cfg") -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        path.write_bytes(data)
        return path

    return write_file
