"""Generates C from a recurrence, and lays out the structs that its functions take."""

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from seqpipe.kernels._cache import load_cached
from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Program, Term
from seqpipe.kernels.ir._recurrence import Recurrence

INTEGERS: Final = ("sequences", "rows", "width", "chunks", "members", "reverse")
POINTERS: Final = (
    *("start", "length", "place", "input_bias", "weight", "bias", "parameters", "mask"),
    *(
        "gates",
        "gate_rows",
        "separate",
        "noises",
        "initial",
        "last",
        "outputs",
        "states",
        "operands",
    ),
    *("d_outputs", "d_gates", "d_recurrent", "d_sums", "d_initial", "barriers"),
)
#: A `Job` of recurrence.c, up to `panels`: integers, pointers and the bound `clip`.
JOB_FIELDS: Final = (*INTEGERS, *POINTERS, "clip")
JOB: Final = struct.Struct(f"@{len(JOB_FIELDS) - 1}qd")

#: A `Product` of products.c, up to `workspace`.
PRODUCT_FIELDS: Final = ("rows", "depth", "columns", "kind", "left", "right", "out")
PRODUCT: Final = struct.Struct(f"@{len(PRODUCT_FIELDS)}q")

#: A `Pooling` of pooling.c, up to `kinds`.
POOLING_FIELDS: Final = (
    *("sequences", "width", "poolings", "start", "length", "place"),
    *("vectors", "pooled", "d_pooled", "d_vectors"),
)
POOLING: Final = struct.Struct(f"@{len(POOLING_FIELDS)}q")
#: An `Attention` of pooling.c.
ATTENTION_FIELDS: Final = (
    *("products", "bias", "query", "weights"),
    *("d_matches", "d_products", "d_sums"),
)

#: A `Chains` of chains.c, up to `next`.
CHAINS_FIELDS: Final = (
    *("sequences", "labels", "start", "length", "logits"),
    *("transitions", "transposed", "starts", "ends"),
    *("before", "after", "follows", "marginals", "log_scales", "best", "backpointers"),
)
CHAINS: Final = struct.Struct(f"@{len(CHAINS_FIELDS)}q")

#: An `Ngrams` of ngrams.c.
NGRAMS_FIELDS: Final = (
    *("texts", "words", "longer", "word_columns", "columns"),
    *("start", "number", "known", "part_start", "parts", "keys", "sizes", "first"),
    *("of_count", "of_column", "counts", "seen", "some", "found", "values", "end"),
)
NGRAMS: Final = struct.Struct(f"@{len(NGRAMS_FIELDS)}q")

#: A `Job` of cooccurrence.c: integers and pointers, and three numbers.
COOCCURRENCE_FIELDS: Final = (
    *(
        "width",
        "words",
        "architecture",
        "window",
        "negatives",
        "drawn",
        "pool",
        "slices",
        "threads",
    ),
    *("capacity", "seed", "inputs", "outputs", "positions"),
    *("input_rows", "output_rows", "position_rows"),
    *("documents", "document_rows", "with_words", "only_documents"),
    *("members", "member_start", "frozen", "keep"),
    *("alias", "alias_share", "path", "path_sign", "path_start", "run_parallel"),
    *("tokens", "bounds", "count", "document", "first", "done", "total"),
    *("update", "loss_every", "sums"),
    *("rate", "settled", "longest"),
)
COOCCURRENCE: Final = struct.Struct(f"@{len(COOCCURRENCE_FIELDS) - 3}q3d")


def assert_layout(kind: str, fields: Sequence[str]) -> str:
    """Write assertions in C that a struct begins with these fields, of eight bytes each."""
    return "\n".join(
        f'_Static_assert(offsetof({kind}, {name}) == {8 * i}, "{name} has another offset");'
        for i, name in enumerate(fields)
    )


_FOLDER = Path(__file__).parent
_GIVEN = "const REAL (*gate)[LANES], const REAL (*separate)[LANES], const REAL (*state)[LANES], const REAL (*parameter)[LANES], const REAL (*noise)[LANES]"

#: The dtypes that there are kernels for, and their names in C.
C_TYPES: Final = {torch.float32: "float", torch.float64: "double"}


def render_c(recurrence: Recurrence, dtype: torch.dtype) -> str:
    """Write the kernel of a step in C.

    Args:
        recurrence: The step.
        dtype: One of `C_TYPES`.
    """
    return "\n".join(
        [
            *_preamble(dtype),
            *_constants(recurrence),
            _forward(recurrence),
            _backward(recurrence),
            _text("recurrence.c"),
            assert_layout("Job", (*JOB_FIELDS, "panels")),
        ]
    )


def render_products(dtype: torch.dtype) -> str:
    """Write the matrix products in C, for one of the dtypes in `C_TYPES`."""
    layout = assert_layout("Product", (*PRODUCT_FIELDS, "workspace"))
    return "\n".join([*_preamble(dtype), _text("products.c"), layout])


def render_pooling(dtype: torch.dtype) -> str:
    """Write the pooling of sequences in C, for one of the dtypes in `C_TYPES`."""
    layouts = (
        assert_layout("Pooling", (*POOLING_FIELDS, "kinds")),
        assert_layout("Attention", ATTENTION_FIELDS),
    )
    return "\n".join([*_preamble(dtype), _text("pooling.c"), *layouts])


def render_chains() -> str:
    """Write the sums over sequences of labels in C."""
    layout = assert_layout("Chains", (*CHAINS_FIELDS, "next"))
    return "\n".join([*_preamble(torch.float64), _text("chains.c"), layout])


def render_ngrams() -> str:
    """Write the counting of n-grams in C."""
    return "\n".join([_text("ngrams.c"), assert_layout("Ngrams", NGRAMS_FIELDS)])


def render_cooccurrence() -> str:
    """Write the training of vectors of what co-occurs in C."""
    layout = assert_layout("Job", COOCCURRENCE_FIELDS)
    return "\n".join([*_preamble(torch.float32), _text("cooccurrence.c"), layout])


def _preamble(dtype: torch.dtype) -> list[str]:
    real = C_TYPES[dtype]
    return [
        f"#define REAL {real}",
        f"#define IS_DOUBLE {int(real == 'double')}",
        _text("maths.c"),
        _text("tiles.c"),
    ]


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _constants(recurrence: Recurrence) -> list[str]:
    sizes = recurrence.sizes
    fused = [g if g in recurrence.fused else -1 for g in sizes.recurrent]
    separated = [
        recurrence.separate.index(g) if g in recurrence.separate else -1 for g in sizes.recurrent
    ]
    return [
        f"#define GATES {sizes.gates}",
        f"#define RECURRENT {len(sizes.recurrent)}",
        f"#define SEPARATE {len(recurrence.separate)}",
        f"#define STATES {sizes.states}",
        f"#define PARAMETERS {sizes.parameters}",
        f"#define NOISES {sizes.noises}",
        f"static const int FUSED_INTO[] = {{{', '.join(map(str, fused or [-1]))}}};",
        f"static const int SEPARATED_AS[] = {{{', '.join(map(str, separated or [-1]))}}};",
    ]


def _input_expressions(recurrence: Recurrence) -> dict[str, str]:
    """Return the C expression of each input of a program."""
    sizes = recurrence.sizes
    return {
        **{recurrence.input_name(g): f"gate[{g}]" for g in range(sizes.gates)},
        **{f"h{g}": f"separate[{i}]" for i, g in enumerate(recurrence.separate)},
        **{f"s{i}": f"state[{i}]" for i in range(sizes.states)},
        **{f"p{i}": f"parameter[{i}]" for i in range(sizes.parameters)},
        **{f"n{i}": f"noise[{i}]" for i in range(sizes.noises)},
        **{f"k{g}": f"gate[{g}]" for g in range(sizes.gates)},
        **{f"d{i}": f"d_next[{i}]" for i in range(sizes.states)},
    }


def _forward(recurrence: Recurrence) -> str:
    sizes = recurrence.sizes
    outputs = {f"s{i}": f"next[{i}]" for i in range(sizes.states)}
    outputs |= {f"k{g}": f"saved[{g}]" for g in range(sizes.gates)}
    body = _loop(recurrence.forward, _input_expressions(recurrence), outputs)
    return f"static inline void step_forward({_GIVEN}, REAL (*restrict next)[LANES], REAL (*restrict saved)[LANES]) {body}"


def _backward(recurrence: Recurrence) -> str:
    given = _input_expressions(recurrence)
    outputs = {name: f"d_{given[name]}" for name in recurrence.backward.outputs}
    results = ("d_gate", "d_separate", "d_state", "d_parameter")
    parameters = ", ".join(f"REAL (*restrict {name})[LANES]" for name in results)
    body = _loop(recurrence.backward, given, outputs)
    return f"static inline void step_backward({_GIVEN}, const REAL (*d_next)[LANES], {parameters}) {body}"


def _loop(program: Program, given: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """Write a program as a loop over lanes."""
    lines = [
        f"const REAL {name} = {given[name]}[l];" for name in program.inputs if name in program.used
    ]
    for each in program.instructions:
        operation = OPERATIONS[each.operation]
        kind = "int" if operation.is_mask else "REAL"
        value = operation.c.format(*(_term(a) for a in each.arguments))
        lines.append(f"const {kind} {each.result} = {value};")
    lines += [f"{outputs[name]}[l] = {_term(term)};" for name, term in program.outputs.items()]
    return (
        # Without the pragma, GCC turns comparisons into branches, and doesn't vectorise.
        "{\n    #pragma omp simd\n    for (int l = 0; l < LANES; l++) {\n        "
        + "\n        ".join(lines)
        + "\n    }\n}"
    )


def _term(term: Term) -> str:
    if isinstance(term, str):
        return term
    return f"((REAL){term!r})".replace("inf", "INFINITY").replace("nan", "NAN")


# Compiles kernels in C, and finds torch's own OpenMP for their threads.


_PROCESS: Final = os.getpid()
#: What `own_threads` set; None outside of it.
_own_threads: int | None = None


@contextlib.contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Let kernels compute with so many threads, while torch's operations keep the number that it has itself.

    Results don't depend on this number: work is divided, and sums are added up, in the same way for any. It's for
    the whole process.
    """
    global _own_threads
    before, _own_threads = _own_threads, count
    try:
        yield
    finally:
        _own_threads = before


def has_own_threads() -> bool:
    """Say whether the number of threads is that of `own_threads`, and not torch's."""
    return _own_threads is not None


def available_threads() -> int:
    """Return how many threads kernels compute with: torch's number, or that of `own_threads`; 1 in a forked process."""
    # A forked process doesn't inherit the threads that OpenMP still believes to be there.
    if os.getpid() != _PROCESS:
        return 1
    return torch.get_num_threads() if _own_threads is None else _own_threads


def find_parallel() -> tuple[Any, Any]:
    """Return what runs a function on several threads: our pool with `own_threads`, or else OpenMP; see `openmp`."""
    return (_pool(), None) if has_own_threads() else openmp()


def find_pool() -> int | None:
    """Return the address of the function of our pool of threads; None if it can't be compiled."""
    address: int | None = getattr(_pool(), "value", None)
    return address


@functools.cache
def _pool() -> Any:
    """Return the function of pool.c, whose threads can't form teams; None if it can't be compiled."""
    try:
        return ctypes.cast(build(_text("pool.c")).seqpipe_parallel, ctypes.c_void_p)
    except BuildError:
        return None


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
    *("-std=gnu11", "-shared", "-fPIC", "-pthread"),
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
    names = processor(), os.environ.get("SEQPIPE_MARCH", "")
    key = "\0".join([source, *_FLAGS, *compiler, _version(compiler), *names])
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
    if wanted:
        raise BuildError(
            f"there's no C compiler called {wanted!r} (CC); unset CC, or name one that's there"
        )
    raise BuildError(f"there's no C compiler; {_how_to_install()}")


def _how_to_install() -> str:
    """Say how a C compiler is installed on this machine."""
    if sys.platform == "darwin":
        return "`xcode-select --install` installs one"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "install gcc or clang"
    names = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    packages = {
        "debian": "sudo apt install build-essential",
        "ubuntu": "sudo apt install build-essential",
        "fedora": "sudo dnf install gcc",
        "rhel": "sudo dnf install gcc",
    }
    command = next((packages[name] for name in packages if name in names), None)
    return f"`{command}` installs one" if command else "install gcc or clang"


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
