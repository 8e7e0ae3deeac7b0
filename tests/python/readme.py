"""Run README's Python examples, one after the other, as one program."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def examples() -> list[str]:
    """The fenced blocks marked as Python."""
    return re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)


def main() -> dict[str, object]:
    """Run them; return the variables they leave."""
    variables: dict[str, object] = {}
    for number, source in enumerate(examples(), 1):
        exec(compile(source, f"README.md, example {number}", "exec"), variables)
    return variables


if __name__ == "__main__":
    main()
    print(f"{len(examples())} examples of README.md run")
