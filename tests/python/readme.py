"""Run README's Python examples, one after the other, as one program."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def examples(page: Path = README, language: str = "python") -> list[str]:
    """The fenced blocks of a page that are marked as Python, or as another language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def main(page: Path = README, language: str = "python") -> dict[str, object]:
    """Run the examples of a page, and return their variables.

    Those of README that need an extra are marked as ``python`` and the name of the extra.
    """
    variables: dict[str, object] = {}
    for number, source in enumerate(examples(page, language), 1):
        exec(compile(source, f"{page.name}, example {number}", "exec"), variables)
    return variables


if __name__ == "__main__":
    main()
    print("the Python of README.md runs")
