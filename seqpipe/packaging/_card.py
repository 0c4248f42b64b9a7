"""The card of a model (Mitchell et al. 2019): what it predicts, what it has learnt from, how good it is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_NOT_STATED: Final = "Not stated."
#: More labels or classes than these aren't listed.
_MOST: Final = 60


def write_card(
    meta: Mapping[str, Any], report: Mapping[str, Any] | None, *, intended_use: str = ""
) -> str:
    """Return a model's card, as Markdown.

    Args:
        meta: The pipeline's meta.json.
        report: The report.json of the run that trained it; None if there's none.
        intended_use: What it's for, and what it isn't for.
    """
    name = f"{meta['lang']}_{meta['name']}"
    sections = [
        f"# {name} {meta['version']}",
        meta.get("description") or "A pipeline made by seqpipe, to be used in spaCy.",
        _usage(name),
        "## Intended use",
        intended_use or _NOT_STATED,
        "## What it predicts",
        "\n".join(_labels(meta)) or "Vectors of words and texts.",
        "## Data",
        "\n".join(_data(report)) or _NOT_STATED,
        "## Scores",
        "\n".join(_scores(report)) or _NOT_STATED,
        "## Training",
        "\n".join(_training(report)) or _NOT_STATED,
        "## Licence and author",
        "\n".join(
            f"- {what}: {meta.get(key) or 'not stated'}"
            for what, key in (("Licence", "license"), ("Author", "author"), ("Address", "url"))
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _usage(name: str) -> str:
    return f'```python\nimport spacy\n\nnlp = spacy.load("{name}")\n```'


def _labels(meta: Mapping[str, Any]) -> Iterator[str]:
    for component, labels in (meta.get("labels") or {}).items():
        if labels and component != "wide":
            yield f"- `{component}`: {_listed(labels)}"


def _data(report: Mapping[str, Any] | None) -> Iterator[str]:
    data: Mapping[str, Any] = (report or {}).get("data") or {}
    if rows := data.get("rows"):
        counts = ", ".join(f"{count:,} {part}" for part, count in rows.items())
        yield f"- Texts: {counts}"
    if data.get("skipped"):
        yield f"- Rows left out: {len(data['skipped']):,}"
    if labels := data.get("labels"):
        yield f"- Labels: {_listed(labels)}"
    if data.get("fingerprint"):
        yield f"- Fingerprint of the data: `{data['fingerprint']}`"


def _scores(report: Mapping[str, Any] | None) -> Iterator[str]:
    test: Mapping[str, Any] = (report or {}).get("test") or {}
    if not test:
        return
    yield "On the test part, which nothing was fitted or chosen on:"
    yield ""
    heads: Mapping[str, Any] = test.get("heads") or {"": test}
    for name, figures in heads.items():
        before = f"`{name}` " if name else ""
        for figure, value in figures.items():
            if isinstance(value, float):
                yield f"- {before}{figure}: {value:.4f}"
        yield from _classes(figures.get("classes") or figures.get("labels"))


def _classes(classes: Any) -> Iterator[str]:
    if not isinstance(classes, Mapping) or not 0 < len(classes) <= _MOST:
        return
    yield ""
    yield "| label | precision | recall | F | count |"
    yield "|---|---|---|---|---|"
    for label, score in classes.items():
        numbers = " | ".join(f"{score[key]:.3f}" for key in ("precision", "recall", "f"))
        shown = str(label).replace("|", "\\|").replace("\n", " ")
        yield f"| {shown} | {numbers} | {score.get('texts', score.get('count', ''))} |"


def _training(report: Mapping[str, Any] | None) -> Iterator[str]:
    if not report:
        return
    if (seed := report.get("seed")) is not None:
        yield f"- Seed: {seed}"
    if total := (report.get("timings") or {}).get("total"):
        yield f"- Time: {total:.0f} s"
    versions = report.get("versions") or {}
    if versions:
        yield f"- Versions: {', '.join(f'{name} {version}' for name, version in versions.items())}"
    if plugins := report.get("plugins"):
        yield f"- Plugins: {', '.join(str(each) for each in plugins.values())}"


def _listed(labels: Sequence[Any]) -> str:
    shown = ", ".join(f"`{label}`" for label in labels[:_MOST])
    return shown + (f" and {len(labels) - _MOST:,} more" if len(labels) > _MOST else "")
