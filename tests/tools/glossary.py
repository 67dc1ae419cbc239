"""Write `notebooks/glossary.md`: each term that a lesson sets in bold, with the sentence in which it first serves.

    python -m tests.tools.glossary
"""

import re

from tests.course import LESSONS, ROOT, read_cells

PAGE = ROOT / "notebooks" / "glossary.md"
TAIL = re.compile(r"^## (?:What could go wrong|Exercises|Quiz|Summary|References)", flags=re.M)
HEAD = """# Glossary

Each term that a lesson sets in bold, with the sentence in which it first serves, and the lesson.
"""
STRESSED = {  # in bold for another reason
    "ridge, logarithms", "network, logarithms", "target of shape (b,)", *"""
10 flights' notice, a bearing out, a function from `helpers`, a light head, a load out, a mean loss, accept,
accuracy, age, alarm, align, average of the weights, batches of 250, blocks, both limits are kept, both ways,
brightness, by kind, calibrate anew, cap, ceiling, cell, charts, cheapest, comparable, copy the cleanest,
correlation, data sets, dealt, demands, deviation, drop, engines, exact, exam, features, five folds, flipped, floor,
follow the error, fraction, gap, global, groups, held out, hit, hits, honest, imitate, in the real shop, in the
textbook shop, invented, known drifts, label 20, last 30 flights, level, maps, mask, mean, missing, mixed, modes,
moved by the step, network, new, new feeds, new threshold, no `zero_grad`, no inputs at all, no network at all, not,
not standardised, nothing, on your own pictures, one, orders, paired, pieces, pixel statistics, position, promises,
proper, quantiles, random windows, real, retake, retrain, ridge, ridge on a window, sales, same features, second
sensor, silence, similarity, simple methods, single reading, spikes, state, step, stuck, summed loss, swapped,
synthetic, take the model's word, target, test, test set, the last hour's value, the module, the
placebo, the prices, the recommendation, the result, the textbook's limit fails, the training bearings alone, the
usual rule, training, trees, trees and networks, trends, truth, uncapped, uniform, unit that changes, untrained,
variety, wanders, weather, weeks, whole history, whole tiles, windows, with room, your own data, your turn, zero
""".replace("\n", " ").strip().split(", ")}


def glossary() -> str:
    """The page, from the lessons as they are."""
    found: dict[str, str] = {}
    for path in LESSONS:
        text = "\n\n".join(cell["source"] for cell in read_cells(path) if cell["cell_type"] == "markdown")
        text = TAIL.split(re.sub(r"^(?:\||```|#|\$\$).*$", "", text, flags=re.M))[0]
        for block in re.split(r"\n\s*\n|\n(?=- |\d\. )", text):
            before = ""
            for sentence in re.split(r"(?<=[.?!:])\s+(?=[A-Z*])", " ".join(block.split()).removeprefix("- ")):
                sentence = f"{before} {sentence}" if before and len(sentence.split()) < 6 else sentence
                before = sentence
                for term in re.findall(r"\*\*([^*]+)\*\*", sentence):
                    short = len(term.split()) <= 4 and not re.search(r"[.:?!]$|^\d+$", term)
                    if short and term.lower() not in STRESSED and len(sentence) > len(term) + 10:
                        plain = sentence.replace("**", "").rstrip(":")
                        found.setdefault(term.lower(), f"- **{term}**, [{path.stem[:2]}]({path.name}): {plain}")
    return "\n".join([HEAD, *(found[term] for term in sorted(found)), ""])


if __name__ == "__main__":
    PAGE.write_text(glossary(), "utf-8")
