"""The reader: nothing lost, nothing raised, everything in its place."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mcpguard.policy.csharp import analyse
from mcpguard.policy.reader import MAX_DEPTH, read
from mcpguard.policy.tree import Comment, Document, Element, Text


def only(document: Document) -> Element:
    assert len(document.roots) == 1
    return document.roots[0]


def codes(text: str) -> list[str]:
    return [expression.code for expression in read(text).expressions()]


def test_quotes_and_angles_inside_an_attribute_expression() -> None:
    text = '<when condition="@(context.Request.Headers.GetValueOrDefault("x", "<a>") == "b" && 1 < 2)" other="1"></when>'
    document = read(text)
    element = only(document)
    assert document.problems == ()
    value = element.attribute("condition")
    assert value is not None and value.expression is not None
    assert value.expression.code == 'context.Request.Headers.GetValueOrDefault("x", "<a>") == "b" && 1 < 2'
    assert text[value.expression.start : value.expression.end] == value.text
    assert element.attribute("other") is not None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<value>@((string)context.Variables["a"])</value>', '(string)context.Variables["a"]'),
        (
            "<value>@(context.Request.Body.As<string>(preserveContent: true))</value>",
            "context.Request.Body.As<string>(preserveContent: true)",
        ),
        (
            '<set-body>@{ if (a < b && c[0] == "}") { return "</set-body>"; } return ""; }</set-body>',
            ' if (a < b && c[0] == "}") { return "</set-body>"; } return ""; ',
        ),
        ('<v>@(@"a""(" + b)</v>', '@"a""(" + b'),
        ('<v>@($"{x("}")} {{" + y)</v>', '$"{x("}")} {{" + y'),
        ("<v>@(c == '\"' || d == '\\'')</v>", "c == '\"' || d == '\\''"),
        ("<v a=\"@(x.Variables['a)b'] == 'c')\"/>", "x.Variables['a)b'] == 'c'"),  # no C#, but it ends
        ("<v>@{ // it's not closed (\n return 1; }</v>", " // it's not closed (\n return 1; "),
        ("<v>@{ /* ) } ' */ return 1; }</v>", " /* ) } ' */ return 1; "),
        ("<v>@(a &lt; &quot;)&quot;)</v>", 'a < ")"'),
        ("<v a='@(&quot;a(&quot;)'/>", '"a("'),
        ("<v a='@(\"a\")'/>", '"a"'),
        ('<v a="@(x.Headers[\\"a\\"])"/>', 'x.Headers[ "a "]'),
        ("<v><![CDATA[@(a < b)]]></v>", "a < b"),
    ],
)
def test_expressions_of_every_spelling(text: str, code: str) -> None:
    assert codes(text) == [code]
    assert read(text).problems == ()


def test_escaped_and_raw_expressions_in_one_file() -> None:
    text = '<p><a v="@(x == &quot;1&quot;)"/><a v="@(x == "1")"/></p>'
    assert codes(text) == ['x == "1"', 'x == "1"']


def test_texts_between_apostrophes_end_like_characters() -> None:
    """No C#, but generators write it (seen in Azure-Samples/Apim-Samples); the analysis says that it is none."""
    code = """context.Request.Headers.ContainsKey('Retry-After)') && x == '\\''"""
    document = read(f'<p><a v="@({code})"/></p>')
    assert document.problems == () and codes(f'<p><a v="@({code})"/></p>') == [code]
    assert not analyse(code, False).understood


def test_comments_bom_declaration_and_fragments_of_text() -> None:
    document = read('\ufeff<?xml version="1.0"?><!-- @( not an expression --><policies/>tail')
    assert [type(node) for node in document.nodes] == [Comment, Element, Text]
    assert document.problems == ()


def test_several_roots_and_named_values() -> None:
    document = read('<a b="{{one}}"/>{{two-values}}<c/>')
    assert [root.name for root in document.roots] == ["a", "c"]
    value = document.roots[0].attribute("b")
    assert value is not None and value.named_values == ("one",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<a b="@(c">', "an expression is not closed"),
        ("<a>@{ return 1;</a>", "an expression is not closed"),
        ("<a><b></a>", "<b> is closed by </a>"),
        ("<a></b></a>", "</b> closes nothing"),
        ("<a>", "<a> is never closed"),
        ("<!-- a", "'<!--' without '-->'"),
        ("<a b=1></a>", "not an attribute of <a>: 'b=1'"),
        (
            '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
            "a DOCTYPE has no place in a policy; it was skipped and nothing is expanded from it",
        ),
    ],
)
def test_what_is_broken_is_named(text: str, message: str) -> None:
    assert message in [problem.message for problem in read(text).problems]


def test_what_follows_a_broken_part_is_read() -> None:
    text = '<policies><inbound><set-header name="@(x("><value>v</value></set-header></inbound><backend><base /></backend></policies>'
    document = read(text)
    backend = only(document).find("backend")
    assert document.problems and backend is not None and backend.find("base") is not None


def test_an_entity_of_a_doctype_is_not_expanded() -> None:
    document = read('<!DOCTYPE a [<!ENTITY e "boom">]><a>&e;</a>')
    assert only(document).content.text == "&e;"


def test_depth_is_bounded() -> None:
    document = read("<a>" * 100_000)
    depth, element = 0, only(document)
    while element.elements:
        depth, element = depth + 1, element.elements[0]
    assert depth <= MAX_DEPTH
    assert any("nested more than" in problem.message for problem in document.problems)


@given(st.text(alphabet="<>/=\"'@(){}[]$\\&;!-?ab \n", max_size=120))
def test_never_raises_and_loses_no_character(text: str) -> None:
    document = read(text)
    assert list(document.cuts) == sorted(set(document.cuts))
    assert (document.cuts[-1] if document.cuts else 0) == len(text)
    for expression in document.expressions():
        assert text[expression.start] == "@"
        assert 0 <= expression.start < expression.end <= len(text)


_NAMES = st.sampled_from(["policies", "inbound", "set-header", "value", "a.b"])
_PLAIN = st.text(alphabet="abc &<>\"' \n", max_size=8)


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> etree._Element:
    element = etree.Element(draw(_NAMES))
    for name in draw(st.lists(st.sampled_from(["name", "id", "x-y"]), unique=True, max_size=3)):
        element.set(name, draw(_PLAIN))
    element.text = draw(_PLAIN)
    if depth < 3:
        for child in draw(st.lists(trees(depth=depth + 1), max_size=3)):
            element.append(child)
            child.tail = draw(_PLAIN)
    return element


def _same(ours: Element, theirs: etree._Element) -> bool:
    attributes = {a.name: a.value.text for a in ours.attributes}
    text = "".join(child.value.text for child in ours.children if isinstance(child, Text))
    wanted = "".join(piece for piece in [theirs.text or "", *(c.tail or "" for c in theirs)] if not piece.isspace())
    children = list(theirs)
    return (
        ours.name == theirs.tag
        and attributes == {str(name): str(value) for name, value in theirs.attrib.items()}
        and text.split() == wanted.split()
        and len(ours.elements) == len(children)
        and all(_same(mine, other) for mine, other in zip(ours.elements, children, strict=True))
    )


@given(trees())
def test_well_formed_xml_reads_as_lxml_reads_it(tree: etree._Element) -> None:
    text = etree.tostring(tree, encoding="unicode")
    document = read(text)
    assert document.problems == ()
    assert _same(only(document), etree.fromstring(text.encode()))


@pytest.mark.parametrize(
    "unit", ['<a b="@(', "@(", "<x>@{", "/*", '<a b="@(/*', "<!DOCTYPE", "</a", "<a ", '"', "<a b='@(\"", '@{$"{']
)
def test_hostile_repetition_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.perf_counter()
        read.__wrapped__(text)
        return time.perf_counter() - start

    small, large = min(seconds(40_000) for _ in range(3)), seconds(400_000)
    assert large < 30 * small + 0.05
