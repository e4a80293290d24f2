"""Does the README's example print what the README says?"""

import contextlib
import io

from rating_readme import README, readme_block

import rating


def test_the_example_prints_what_the_readme_says(classic_text: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(readme_block("python"), {"TARIFF": classic_text})  # noqa: S102  # our own README
    assert printed.getvalue() == readme_block("text")


def test_the_readme_names_every_public_function() -> None:
    text = README.read_text()
    functions = [name for name in rating.__all__ if name.islower()]
    assert [name for name in functions if f"`{name}" not in text] == []
