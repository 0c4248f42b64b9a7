"""Distributions as `pip` leaves them behind: modules, and a folder of metadata that names them."""

from pathlib import Path


def write_distribution(
    folder: Path,
    name: str,
    version: str,
    *,
    plugin: str,
    text: str,
    requires: str = "seqpipe",
) -> None:
    """Install a plugin into a folder that's on the path.

    Args:
        folder: Becomes a folder of packages, like ``site-packages``.
        name: The distribution's name.
        version: Its version.
        plugin: The plugin's name, as its entry point has it.
        text: Its only module.
        requires: What it needs.
    """
    folder.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    metadata = folder / f"{module}-{version}.dist-info"
    metadata.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines.append(f"Requires-Dist: {requires}")
    (metadata / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    entry_points = f"[seqpipe]\n{plugin} = {module}\n"
    (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    (metadata / "RECORD").write_text(f"{module}.py,,\n", encoding="utf-8")
