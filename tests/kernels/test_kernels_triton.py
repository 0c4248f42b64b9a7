"""The engine in Triton's language, in processes of their own: see the files that they run."""

import functools
import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ready import run_ready
from triton_jobs import lift

from seqpipe.kernels.triton import _engine, _render
from seqpipe.kernels.triton._engine import supports
from seqpipe.parts.cells import LSTM

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton isn't installed"
)
CPU = torch.device("cpu")


def run_pytest(run, file, folder):
    """Run the tests of a file of this folder in a process of their own."""
    options = ["-q", "-p", "no:cacheprovider"]
    done = run(
        [sys.executable, "-m", "pytest", *options, Path(__file__).with_name(file)],
        env=os.environ | {"SEQPIPE_CACHE": str(folder), "TRITON_CACHE_DIR": str(folder / "triton")},
        # Blocks that wait for what nobody writes wait for ever.
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_triton
@pytest.mark.slow
def test_computes_what_eager_computes(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    run = functools.partial(subprocess.run, capture_output=True, text=True, check=False)
    run_pytest(run, "triton_interpreted.py", tmp_path)


@needs_triton
@pytest.mark.slow
def test_compiles_for_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    run_pytest(functools.partial(run_ready, cwd=tmp_path), "triton_compiled.py", tmp_path)


def test_says_that_triton_is_missing(monkeypatch):
    monkeypatch.setattr(_engine, "_is_installed", lambda: False)
    assert "isn't installed" in supports(torch.float32, CPU)


def test_imports_without_triton():
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "import seqpipe.kernels.triton._engine as engine\n"
        "import torch\n"
        "print(engine.supports(torch.float32, torch.device('cpu')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "isn't installed" in done.stdout


@needs_triton
def test_says_what_else_it_cannot_do(monkeypatch):
    monkeypatch.setattr(_engine, "_is_interpreted", lambda: False)
    assert "float64" in supports(torch.float64, CPU)
    assert "NVIDIA" in supports(torch.float32, CPU)
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert "older" in supports(torch.float32, cuda)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    assert supports(torch.float32, cuda) is None


def test_source_is_found_without_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path))
    source = "def answer():\n    return 42\n"
    for _ in range(2):
        module = _render.load_module(source)
        assert module.answer() == 42
        assert inspect.getsource(module.answer) == source
    # Nothing of what's run can be changed by somebody else.
    assert not list(tmp_path.iterdir())


def test_source_is_python():
    compile(_render.render_triton(lift(LSTM(2, 3), noisy=True)), "kernel", "exec")
