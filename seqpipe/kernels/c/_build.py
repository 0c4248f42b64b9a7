"""Compiles kernels in C, and finds torch's own OpenMP for their threads."""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import torch

from seqpipe.kernels._cache import load_cached

_PROCESS: Final = os.getpid()


def available_threads() -> int:
    """Return how many threads torch computes with, or 1 in a forked process."""
    # A forked process doesn't inherit the threads that OpenMP still believes to be there.
    return torch.get_num_threads() if os.getpid() == _PROCESS else 1


@functools.cache
def openmp() -> tuple[Any, Any]:
    """Return two functions of torch's own OpenMP: to run a function on its threads, and to count them; or Nones.

    It's torch's thread pool, since the threads of a second one would compete with it for the cores.
    """
    near = sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*"))
    for name in (None, *map(str, near)):
        try:
            library = ctypes.CDLL(name)
            functions = (library.GOMP_parallel, library.omp_get_num_threads)
        except (OSError, AttributeError):
            continue
        return tuple(ctypes.cast(each, ctypes.c_void_p) for each in functions)  # type: ignore[return-value]
    return None, None


# Strict enough for NaN and infinity; a product and a sum may be fused.
_FLAGS: Final = [
    # Measured to be as fast as -O3, and compiled in a third of the time.
    *("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic"),
    *("-std=gnu11", "-shared", "-fPIC"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
    # Vectorises the loops that are marked so; starts no threads.
    "-fopenmp-simd",
]


class BuildError(Exception):
    """There's no compiler, or it fails."""


def build(source: str) -> ctypes.CDLL:
    """Compile C, or take it from the cache, and load it.

    It's compiled for this machine's processor, or for the one that `SEQPIPE_MARCH` names in the compiler's
    terms ("x86-64-v2"); `CFLAGS` is ignored, since conda sets it to a processor of 2004.

    Raises:
        BuildError: There's no compiler, or it fails.
    """
    compiler = find_compiler()
    # "native" differs between machines that share a home folder.
    processors = _processor(), os.environ.get("SEQPIPE_MARCH", "")
    key = "\0".join([source, *_FLAGS, *compiler, _version(compiler), *processors])
    name = hashlib.sha256(key.encode()).hexdigest()[:32]

    def compile_in(folder: Path) -> bytes:
        return _compile(compiler, source, folder)

    try:
        return load_cached(name, ".so", compile_in, lambda path: ctypes.CDLL(str(path)))
    except OSError as error:
        raise BuildError(f"no folder for compiled kernels: {error}") from error


def find_compiler() -> tuple[str, ...]:
    """Return the command of a C compiler: that in `CC`, or else the first of cc, gcc, clang.

    `CC` may have arguments, such as ``ccache gcc``.

    Raises:
        BuildError: There's none.
    """
    wanted = os.environ.get("CC")
    calls = [[wanted], _words(wanted)] if wanted else [["cc"], ["gcc"], ["clang"]]
    for program, *given in calls:
        path = shutil.which(program)
        if path:
            return path, *given
    raise BuildError("there's no C compiler" + (f" called {wanted!r} (CC)" if wanted else ""))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command) or [command]
    except ValueError:  # an unbalanced quotation mark
        return [command]


def _compile(compiler: tuple[str, ...], source: str, folder: Path) -> bytes:
    """Compile a source in a folder of its own, and return the library."""
    file, made = folder / "kernel.c", folder / "kernel.so"
    file.write_text(source, encoding="utf-8")
    wanted = os.environ.get("SEQPIPE_MARCH")
    native: tuple[list[str], ...] = (["-march=native"], ["-mcpu=native"], [])
    for tuned in ([f"-march={wanted}"],) if wanted else native:
        command = [*compiler, *_FLAGS, *tuned, str(file), "-o", str(made), "-lm"]
        # Its temporary files are code as well, which nobody else may replace.
        environment = {**os.environ, "TMPDIR": str(folder)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode == 0:
            return made.read_bytes()
    raise BuildError(
        f"{' '.join(compiler)} fails: {done.stderr.replace(str(file), file.name).strip()[:500]}"
    )


@functools.cache
def _version(compiler: tuple[str, ...]) -> str:
    try:
        done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{' '.join(compiler)} can't be run: {error}") from error
    return done.stdout


@functools.cache
def _processor() -> str:
    """Return what identifies the processor: machines with different ones may share a home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    wanted = ("model name", "flags", "Features")
    return "".join(sorted({line for line in lines if line.startswith(wanted)}))
