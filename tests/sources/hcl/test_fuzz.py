"""Whatever a configuration holds, reading it ends and raises nothing, and a policy beside it is still read."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpguard.sources.hcl.configurations import take_configurations
from mcpguard.sources.reading import Reading
from tests.sources.hcl.test_configurations import API_POLICY, APIM, VALUE, XML
from tests.sources.hcl.test_pairs import DIRECTORY, GATEWAY, MODULES

_TEXTS = [GATEWAY, DIRECTORY, MODULES["main.tf"], APIM + VALUE + API_POLICY % 'templatefile("p.xml", { tenant = "é" })']
_PIECES = [
    "${",
    "}",
    "{",
    '"',
    "<<-X\n",
    "X\n",
    "%{ for x in ",
    "%{ endif }",
    "[*]",
    "(",
    "]",
    "\n",
    "?",
    "...",
    "\\",
    "é",
    "\0",
    "local.a",
]


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A configuration with pieces cut out and put in."""
    text = draw(st.sampled_from(_TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 30))
        text = text[:start] + draw(st.sampled_from(_PIECES)) + text[end:]
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken())
def test_nothing_raises(text: str) -> None:
    readings = [Reading("main.tf", text.encode("utf-8"), text_format="hcl"), Reading("p.xml", XML.encode())]
    take_configurations(readings)
    for reading in readings:
        assert reading.artifact().path == reading.path
        for resource in reading.resources:
            assert resource.origin.artifact == reading.path
