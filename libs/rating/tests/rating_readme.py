"""What stands in the README that the tests run?"""

from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def readme_block(language: str) -> str:
    """The README's first block of a language."""
    return README.read_text().split(f"```{language}\n")[1].split("```")[0]
