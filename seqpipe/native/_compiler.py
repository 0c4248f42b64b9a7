"""Compiles C on the machine where it runs, and loads it."""

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from seqpipe.compilers import BuildError, find_compiler
from seqpipe.native._cache import load_cached

_FOLDER: Final = Path(__file__).parent

# Strict enough for NaN and infinity; a product and a sum may be fused.
_FLAGS: Final = [
    # Measured to be as fast as -O3, and compiled in a third of the time.
    *("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic"),
    *("-std=gnu11", "-shared", "-fPIC", "-pthread"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
    # Vectorises the loops that are marked so; starts no threads.
    "-fopenmp-simd",
]


def build(source: str) -> ctypes.CDLL:
    """Compile C, or take it from the cache, and load it.

    It's compiled for this machine's processor, or for the one that `SEQPIPE_MARCH` names in the compiler's
    terms ("x86-64-v2"); `CFLAGS` is ignored, since conda sets it to a processor of 2004.

    Raises:
        BuildError: There's no compiler, or it fails.
    """
    compiler = find_compiler()
    # "native" differs between machines that share a home folder.
    names = processor(), os.environ.get("SEQPIPE_MARCH", "")
    key = "\0".join([source, *_FLAGS, *compiler, _version(compiler), *names])
    name = hashlib.sha256(key.encode()).hexdigest()[:32]

    def compile_in(folder: Path) -> bytes:
        return _compile(compiler, source, folder)

    try:
        return load_cached(name, ".so", compile_in, lambda path: ctypes.CDLL(str(path)))
    except OSError as error:
        raise BuildError(f"no folder for compiled kernels: {error}") from error


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
    said = done.stderr.replace(str(file), file.name).strip()[:500]
    raise BuildError(
        f"the C compiler {' '.join(compiler)} fails ({said or f'exit code {done.returncode}'}); set CC to another"
    )


@functools.cache
def _version(compiler: tuple[str, ...]) -> str:
    try:
        done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{' '.join(compiler)} can't be run: {error}") from error
    return done.stdout


@functools.cache
def processor() -> str:
    """Return what identifies the processor: machines with different ones may share a home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    wanted = ("model name", "flags", "Features")
    return "".join(sorted({line for line in lines if line.startswith(wanted)}))


def preamble(real: str) -> list[str]:
    """Return the C that vectors and tiles of a type, float or double, are computed with."""
    return [
        f"#define REAL {real}",
        f"#define IS_DOUBLE {int(real == 'double')}",
        source_of("maths.c"),
        source_of("tiles.c"),
    ]


def source_of(name: str) -> str:
    """Return what a file of C of this package has."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def assert_layout(kind: str, fields: Sequence[str]) -> str:
    """Write assertions in C that a struct begins with these fields, of eight bytes each."""
    return "\n".join(
        f'_Static_assert(offsetof({kind}, {name}) == {8 * i}, "{name} has another offset");'
        for i, name in enumerate(fields)
    )
