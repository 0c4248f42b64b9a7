"""Templates to texts.

Below ``templates/`` the folder ``common`` holds what every plugin has, and one folder for each kind what only
that has. The names of files and folders are templates too. What stands in ``fragments`` is included by others.
"""

from collections.abc import Mapping
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

_ENDING: Final = ".jinja"


def render(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a plugin that offers a part of `kind`, by their POSIX paths, sorted.

    Args:
        kind: One of `seqpipe.hookspecs.KINDS`.
        values: What the templates may name.
    """
    environment = _environment()
    files = {}
    for template in environment.list_templates(extensions=[_ENDING[1:]]):
        folder, _, path = template.partition("/")
        if folder in ("common", kind):
            name = environment.from_string(path.removesuffix(_ENDING)).render(values)
            files[name] = environment.get_template(template).render(values)
    return dict(sorted(files.items()))


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("seqpipe.scaffold", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
