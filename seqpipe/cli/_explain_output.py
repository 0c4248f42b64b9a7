"""Prints an explanation: a bar for each word that mattered."""

from collections import Counter, defaultdict
from typing import Final

from rich.console import Console
from rich.text import Text

from seqpipe.explanation import Explained, Explanation
from seqpipe.explanation import told as told_of
from seqpipe.reporting import escaped

_BAR: Final = 20
_STYLES: Final = {True: "blue", False: "dark_orange3"}


def print_explanation(console: Console, explanation: Explanation, *, most: int) -> None:
    """Print which words mattered most.

    Args:
        console: Where to.
        explanation: What's printed.
        most: How many words of each label.
    """
    for each in explanation.explained:
        score = explanation.scores.get(each.label)
        heading = each.label or "attention"
        shown = "" if score is None else f"   score {score:.4f}"
        console.print(Text(f"{escaped(heading)}{shown}", "bold"))
        console.print(told_of(explanation, each))
        _print_words(console, explanation, each, most)


def _print_words(console: Console, explanation: Explanation, each: Explained, most: int) -> None:
    """Print a bar for each word, for all its places in the text together."""
    sums: defaultdict[str, float] = defaultdict(float)
    counts = Counter[str]()
    for word, number in zip(explanation.words, each.words, strict=True):
        if word.strip():
            sums[word.lower()] += number
            counts[word.lower()] += 1
    ranked = sorted(sums, key=lambda word: -abs(sums[word]))
    largest = max((abs(sums[word]) for word in ranked), default=0.0)
    for word in ranked[:most]:
        bar = "█" * max(1, round(_BAR * abs(sums[word]) / largest)) if largest else ""
        line = Text(f"  {sums[word]:+.4f}  ")
        line.append(f"{bar:<{_BAR}}", _STYLES[sums[word] > 0])
        times = f" ×{counts[word]}" if counts[word] > 1 else ""
        line.append(f"  {escaped(word)}{times}")
        console.print(line)
    if left := ranked[most:]:
        rest = sum(each.words) - sum(sums[word] for word in ranked[:most])
        console.print(f"  {rest:+.4f}  {'':<{_BAR}}  {len(left):,} other words")
