"""The quick way through front matter reads what YAML reads, or steps aside."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcpguard.engine.registry import _plain, built_in_folder


def test_every_built_in_page_goes_the_quick_way() -> None:
    for page in built_in_folder().glob("*/*/rule.md"):
        text = page.read_text(encoding="utf-8").split("\n---\n")[0].removeprefix("---\n")
        assert _plain(text) == yaml.safe_load(text), page


@given(
    st.lists(
        st.tuples(st.sampled_from(["id", "title", "reads"]), st.text(alphabet="ab1.,:;#[]{}'\"-&*!| \n", max_size=12)),
        max_size=3,
    )
)
def test_the_quick_way_agrees_or_steps_aside(pairs: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{name}: {value}" for name, value in pairs)
    found = _plain(text)
    if found:
        assert found == yaml.safe_load(text)
