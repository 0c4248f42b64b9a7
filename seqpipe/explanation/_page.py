"""An explanation as a page: the text with its words coloured, in one file that loads nothing and runs nothing."""

from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment

from seqpipe.explanation._explain import Explained, Explanation
from seqpipe.pages import source_hash

#: Blue and orange of Okabe and Ito's palette, which those who are colour-blind tell apart.
_COLOURS: Final = {"p": (0, 114, 178), "n": (213, 94, 0)}
#: Degrees of each colour.
_LEVELS: Final = 9


def draw_page(explanation: Explanation, *, title: str) -> str:
    """Draw an explanation as an HTML page.

    Args:
        explanation: What's drawn.
        title: Stands above.
    """
    style = (files(__package__) / "page.css").read_text(encoding="utf-8") + _levels()
    template = (files(__package__) / "page.html.jinja").read_text(encoding="utf-8")
    ranked = sorted(explanation.scores.items(), key=lambda item: -item[1])[:5]
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(template)
        .render(
            title=title,
            style=style,
            style_hash=source_hash(style),
            scores="Scores: " + ", ".join(f"{label} {score:.4f}" for label, score in ranked),
            explained=[_drawn(explanation, each) for each in explanation.explained],
        )
    )


def _levels() -> str:
    # By classes, as the page's security policy lets no style stand at an element.
    return "".join(
        f".{sign}{level} {{ background: rgba({r}, {g}, {b}, {0.65 * level / _LEVELS:.3f}); }}\n"
        for sign, (r, g, b) in _COLOURS.items()
        for level in range(1, _LEVELS + 1)
    )


def _drawn(explanation: Explanation, each: Explained) -> dict[str, Any]:
    most = max(map(abs, each.words), default=0.0)
    words = [
        {
            "text": text,
            "space": space,
            "number": f"{number:+.4f}",
            "level": _level(number, most),
        }
        for text, space, number in zip(
            explanation.words, explanation.spaces, each.words, strict=True
        )
    ]
    return {
        "heading": each.label or "attention",
        "note": told(explanation, each),
        "words": words,
    }


def _level(number: float, most: float) -> str:
    level = round(_LEVELS * abs(number) / most) if most else 0
    return f"{'p' if number > 0 else 'n'}{level}" if level else ""


def told(explanation: Explanation, each: Explained) -> str:
    """Return what the numbers of an explanation are, in words."""
    if explanation.method == "attention":
        return "How much of the head's attention each word has; the weights add up to 1."
    if explanation.method == "leave-one-out":
        return "By how much the log-odds of the label's score fall without the word."
    assert each.total is not None
    return (
        f"Contributions to the logit, by integrated gradients: they add up to {each.total:+.4f}, the mean difference to "
        f"{each.baseline}, but for {each.error:.1g}; {each.shared_out:.2g} of that was shared out."
    )
