"""Hostile policies: large, deep, unclosed, circular, damaged. Nothing raises, nothing is lost, cost stays linear, depth bounded.

Times are ratios between two runs on the same machine, each the best of a few, so that they hold on any machine.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.core.facts import Known
from mcpguard.core.location import Location
from mcpguard.model.finding import Outcome
from mcpguard.policy.csharp import analyse, leading_text
from mcpguard.policy.effective import MAX_NODES, Either, Hole, Names, Node, Scope, ScopedPolicy, Statement, fold
from mcpguard.policy.reader import MAX_DEPTH, read
from mcpguard.policy.tree import Comment, Document, Element, Text, Value
from mcpguard.policy.vocabulary import check_vocabulary
from mcpguard.policy.wellformed import root_of
from tests.cli.policy_situations import Situation, i, v

ESTATES = Path(__file__).parents[2] / "fixtures" / "estates"
AT = Location("p.xml")
UNIT = (
    '<choose><when condition="@(context.Request.Headers.GetValueOrDefault("x", "<a>") == "b" && 1 < 2)">'
    '<set-header name="X-A" exists-action="override"><value>@(context.Request.IpAddress)</value></set-header></when>'
    '<otherwise><set-body>@{ if (a < b && c[0] == "}") { return $"{x("y")}"; } return ""; }</set-body></otherwise></choose>\n'
)


def best(action: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of processor time of the fastest of a few runs; the collector is off, as in the command line."""
    times = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            start = time.process_time()
            action()
            times.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(times)


def reading(text: str) -> Callable[[], Document]:
    return lambda: read.__wrapped__(text)


# -- what holds for whatever was read -----------------------------------------------------------------------------------


def assert_sound(document: Document) -> None:
    """Tokens cover the source; every node lies within its parent, after its elder siblings, where its text says it is."""
    text = document.text
    assert list(document.cuts) == sorted(set(document.cuts))
    pieces = [text[start:end] for start, end in zip((0, *document.cuts), document.cuts, strict=False)]
    assert "".join(pieces) == text
    stack: list[tuple[Sequence[Element | Text | Comment], int, int, int]] = [(document.nodes, 0, len(text), 1)]
    while stack:
        nodes, position, end, depth = stack.pop()
        assert not nodes or depth <= MAX_DEPTH + 1
        for node in nodes:
            where = node.value if isinstance(node, Text) else node
            assert position <= where.start <= where.end <= end
            position = where.end
            if isinstance(node, Text):
                assert_value(node.value, text)
            elif isinstance(node, Element):
                assert text.startswith(f"<{node.name}", node.start) and node.start < node.head_end <= node.end
                head = node.start
                for attribute in node.attributes:
                    value = attribute.value
                    assert head <= attribute.start < value.start <= value.end <= attribute.end <= node.head_end
                    assert text.startswith(attribute.name, attribute.start)
                    assert_value(value, text)
                    head = attribute.end
                stack.append((node.children, node.head_end, node.end, depth + 1))
    for problem in document.problems:
        assert 0 <= problem.start <= problem.end <= len(text) and problem.message


def assert_value(value: Value, text: str) -> None:
    position = value.start
    for expression in value.expressions:
        assert position <= expression.start < expression.end <= value.end
        assert text.startswith("@{" if expression.block else "@(", expression.start)
        assert len(expression.code) <= expression.end - expression.start - 3
        position = expression.end


def effective(document: Document) -> Sequence[Node]:
    """The document folded under and over itself, and as its own fragment."""
    scoped = ScopedPolicy(Scope.API, "a", Known(document), AT)
    fragments = {"f": ScopedPolicy(Scope.FRAGMENT, "f", Known(document), AT)}
    policy = fold([scoped, scoped], Names(fragments, None, {}, complete_names=True))
    return [*policy.inbound, *policy.backend, *policy.outbound, *policy.on_error]


def assert_bounded(nodes: Sequence[Node]) -> None:
    stack = [(node, 1) for node in nodes]
    seen = 0
    while stack and seen < 4 * MAX_NODES:
        node, depth = stack.pop()
        seen += 1
        assert depth <= 2 * MAX_DEPTH + 4
        match node:
            case Statement(children=children):
                stack.extend((child, depth + 1) for child in children)
            case Either(branches=branches):
                stack.extend((child, depth + 1) for branch in branches for child in branch)
            case Hole(unknown=unknown):
                assert unknown.missing and unknown.remedy


def assert_survives(text: str) -> None:
    """Everything that looks at a policy text looks at this one."""
    document = read.__wrapped__(text)
    assert_sound(document)
    for expression in document.expressions():
        analyse.__wrapped__(expression.code, expression.block)
        leading_text.__wrapped__(expression.code, expression.block)
    for remark in check_vocabulary(document, "API"):
        assert 0 <= remark.start <= remark.end <= len(text)
    assert_bounded(effective(document))
    root_of(text)


# -- large ---------------------------------------------------------------------------------------------------------------


def test_ten_megabytes_cost_ten_times_one() -> None:
    one, ten = (i(UNIT * (megabytes * 1_000_000 // len(UNIT))) for megabytes in (1, 10))
    documents: list[Document] = []
    seconds = best(lambda: documents.append(read.__wrapped__(ten)), 1)
    (large,) = documents
    assert large.problems == () and sum(1 for _ in large.expressions()) == 3 * ten.count("<choose>")
    # Ten, and what a memory ten times as large costs the caches of the machine.
    assert seconds < 30 * best(reading(one))


def test_a_hundred_thousand_nested_elements() -> None:
    open_, close = '<choose><when condition="@(true)">', "</when></choose>"
    for text in (i("<a>" * 100_000), i(open_ * 50_000 + close * 50_000)):
        document = read.__wrapped__(text)
        assert_sound(document)
        assert any("nested more than" in problem.message for problem in document.problems)
        assert_bounded(effective(document))
        check = best(lambda document=document: check_vocabulary(document), 1)  # type: ignore[misc]
        assert check < 6 * best(reading(text), 1) + 0.1


@pytest.mark.parametrize("place", ["<set-body>{}</set-body>", '<set-variable name="a" value="{}" />'])
def test_an_unclosed_expression_costs_what_a_closed_one_costs(place: str) -> None:
    code = 'f(x["a"] + "b(" + $"{y}") + ' * (1_000_000 // 29) + "z"
    closed, unclosed = (i(place.format(text)) for text in (f"@({code})", f"@({code}"))
    assert read.__wrapped__(closed).problems == ()
    assert "an expression is not closed" in [problem.message for problem in read.__wrapped__(unclosed).problems]
    assert best(reading(unclosed)) < 3 * best(reading(closed))


def fragments_estate(folder: Path, fragments: int) -> Path:
    """Two MCP servers: ``a`` includes fragments that include one another, ``b`` does not and has a backend without TLS."""
    situation = Situation(
        {},
        top=i("<base />"),
        api=i('<include-fragment fragment-id="f0" />' + v("a")),
        fragments={
            f"f{n}": "<fragment>"
            + "".join(f'<include-fragment fragment-id="f{m % fragments}" />' for m in (n, n + 1, 7 * n + 3))
            + "</fragment>"
            for n in range(fragments)
        },
    )
    (api,) = (resource for resource in situation.resources if resource["id"].endswith("/apis/a"))
    api["properties"] |= {"type": "mcp", "serviceUrl": "https://example.com/mcp"}
    other = {**api["properties"], "path": "b", "displayName": "Other", "serviceUrl": "http://example.com/mcp"}
    situation.resources.append({**api, "id": api["id"][:-1] + "b", "name": "b", "properties": other})
    path = folder / f"{fragments}.json"
    path.write_text(situation.text(), encoding="utf-8")
    return path


def test_ten_thousand_fragments_that_include_one_another(tmp_path: Path) -> None:
    small, large = fragments_estate(tmp_path, 100), fragments_estate(tmp_path, 10_000)
    report = scan([large], Settings())
    assert {finding.outcome for finding in report.findings} >= {Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS}
    assert not [finding for finding in report.findings if finding.outcome is Outcome.ERROR]
    said = {finding.unknown.missing: finding for finding in report.findings if finding.unknown and finding.target.name == "a"}
    finding = said["fragment f0 inside a fragment, which APIM does not allow"]
    assert finding.unknown is not None and finding.unknown.remedy == "include it directly"
    assert report.resolve(finding.at).span.line > 1
    judged = [finding for finding in report.findings if finding.target.name == "b"]
    assert any(finding.outcome is Outcome.FAIL and "http://example.com" in finding.message for finding in judged)
    assert not any("fragment" in finding.message for finding in judged)
    seconds = [best(lambda path=path: scan([path], Settings()), 1) for path in (small, large)]  # type: ignore[misc]
    assert seconds[1] < 150 * seconds[0]


# -- damaged -------------------------------------------------------------------------------------------------------------

POLICIES = [path.read_bytes() for path in sorted(ESTATES.rglob("*.xml"))] + [i(UNIT * 2).encode(), i(UNIT).encode("utf-16-le")]
PIECES = [
    *(bytes([byte]) for byte in b"<>\"'@(){}[]&;$/\\ =?!-#\x00\xff"),
    *(
        b"@(",
        b"@{",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"{{",
        b"}}",
        b'$"{',
        b'@"',
        b'\\"',
        b"&#x0;",
        b"&quot;",
        b"<?",
        b"?>",
    ),
    *(b"<base/>", b"</", b"<choose>", b"<!DOCTYPE x [", b"\xef\xbb\xbf", b"//", b"/*", b"=>", b"?:", b"\r\n", b"\xed\xa0\x80"),
]


def damaged(chance: random.Random) -> str:
    data = bytearray(chance.choice(POLICIES))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at:at] = b"".join(chance.choices(PIECES, k=chance.randint(1, 3)))
            case 2:
                del data[at : at + chance.randint(1, 40)]
            case 3 if chance.random() < 0.3:
                del data[at:]
            case _:
                other = chance.choice(POLICIES)
                start = chance.randrange(len(other))
                data[at:at] = other[start : start + chance.randint(1, 400)]
    return data.decode("utf-8", "replace")


@pytest.mark.parametrize("seed", range(4))
def test_damaged_policies(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(600):
        text = damaged(chance)
        try:
            assert_survives(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {text!r}") from error


SYNTAX = st.lists(
    st.sampled_from(
        [
            *("<a>", "</a>", "<a ", "/>", ">", "<", "b=", '"', "'", "@(", "@{", ")", "}", "(", "{", "[", "]", "&lt;", "&#65;"),
            *("&", "<!--", "-->", "<![CDATA[", "]]>", "<?x", "?>", "<!DOCTYPE", "{{n}}", '$"{', '@"', "\\", "//", "/*", "*/"),
            *(
                "<policies>",
                "<inbound>",
                "</inbound>",
                "<fragment>",
                "<base/>",
                "<choose>",
                '<when condition="',
                "x",
                " ",
                "\n",
            ),
            *('<include-fragment fragment-id="f"/>', "<set-body>", "é", "\u2028", "\x00", "🚀"),
        ]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.one_of(SYNTAX, SYNTAX.map(i), st.text(max_size=80)))
@example("<a ")
@example('<a b="@(')
@example("<policies><inbound><a ")
def test_whatever_the_text(text: str) -> None:
    assert_survives(text)


CODE = st.recursive(
    st.sampled_from(
        ["a", "1", '"s"', "context", "x => x", "null", 'context.Request.Headers["A"]', "context.Request.Body", '$"{a}"']
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "==", "??", "&&", "."]), inner).map(" ".join),
        st.tuples(inner, inner, inner).map(lambda parts: "{} ? {} : {}".format(*parts)),
        inner.map(lambda code: f"f({code})"),
        inner.map(lambda code: f"({code})[0]"),
        inner.map(lambda code: f"y => {{ foreach (var z in {code}) {{ return z; }} }}"),
        st.tuples(inner, inner).map(lambda parts: "var v = {}; return {};".format(*parts)),
    ),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(CODE, CODE.map(lambda code: code[::2]), SYNTAX), st.booleans())
@example("\ud800", False)
def test_whatever_the_expression(code: str, block: bool) -> None:
    found = analyse.__wrapped__(code, block)
    assert found.carries <= found.reads
    leading_text.__wrapped__(code, block)


NESTS: dict[str, tuple[str, str, str]] = {
    "branches": ("a ? ", "b", " : c"),
    "brackets": ("a ? b : (", "c", ")"),
    "calls": ("f(", "a", ")"),
    "sums": ("a + (", "b", ")"),
    "nots": ("!", "a", ""),
    "indexes": ("a[", "b", "]"),
    "lambdas": ("x => (", "x", ")"),
    "strings": ('$"{', "a", '}"'),
    "objects": ("new A { b = ", "1", " }"),
    "fallbacks": ('context.Request.Headers.GetValueOrDefault("a", ', '""', ")"),
}


@pytest.mark.parametrize("name", NESTS)
def test_deep_expressions_cost_what_their_length_costs(name: str) -> None:
    """Twice as deep costs about twice as much, whether the depth is in bounds or not."""
    before, middle, after = NESTS[name]
    for depth in (20, 80, 170, 600, 5000):
        code = before * depth + middle + after * depth
        assert len(code) < 200_000 or depth == 5000
        analyse.__wrapped__(code, block=False)
        leading_text.__wrapped__(code, block=False)
    shallow, deep = (before * depth + middle + after * depth for depth in (40, 80))
    assert (
        best(lambda: analyse.__wrapped__(deep, block=False))
        < 8 * best(lambda: analyse.__wrapped__(shallow, block=False)) + 0.01
    )


def test_nested_loops_are_looked_at_once() -> None:
    code = "return y.Select(x => { foreach (var z in " * 25 + "y" + ") { } });" * 25
    assert best(lambda: analyse.__wrapped__(code, block=True), 1) < 0.5
