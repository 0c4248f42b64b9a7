"""Virtual environments that tests install packages into."""

import sys
import sysconfig
import venv
from pathlib import Path

from e2e.small_world import python


def make_environment(folder):
    """Make a virtual environment that sees the packages of this one, and return its Python."""
    venv.EnvBuilder(symlinks=sys.platform != "win32").create(folder)
    bin = "Scripts" if sys.platform == "win32" else "bin"
    executable = str(folder / bin / "python")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = Path(python(where, cwd=folder, executable=executable).strip())
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({path!r})" for path in sorted(paths)]
    (site_packages / "these.pth").write_text("\n".join(lines), encoding="utf-8")
    return executable
