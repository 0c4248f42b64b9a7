"""Which software a run used, on which machine."""

import importlib.metadata
import os
import platform

from seqpipe import __version__
from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders.fasttext import library_version
from seqpipe.plugins import host

_PACKAGES = ("spacy", "thinc", "confection", "torch", "numpy", "safetensors")


def versions() -> dict[str, str]:
    """Return the versions of Python, of seqpipe, and of the packages that it's built on."""
    found = {"python": platform.python_version(), "seqpipe": __version__}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    try:
        # All builds of it install the same module: this says which one that is.
        found["fasttext"] = library_version()
    except EmbedderError as error:
        found["fasttext"] = str(error)
    return found


def plugin_versions() -> dict[str, str]:
    """Return the distributions, with versions, of the plugins that were loaded, by plugin name."""
    return {plugin.name: str(plugin.owner) for plugin in host().loaded}


def machine() -> dict[str, str | int | None]:
    """Return what the run's speed depends on."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }
