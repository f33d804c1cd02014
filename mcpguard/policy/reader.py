"""The policy reader: any text in, a document out. Nothing is lost, nothing raises, every node knows its place.

Policy text is XML in which attribute values and texts may be raw C# (``rawxml``), escaped C# (``xml``) or both in one
file. So a value that holds an expression is first taken as plain XML; only when its brackets do not balance up to the
closing quote or the next tag is it read as raw C#. A DOCTYPE is refused: it is skipped and named as a problem, and no
entity beyond the five of XML and character references is ever expanded.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from mcpguard.policy.entities import escaped_length, unescape, unescape_code
from mcpguard.policy.lexer import Budget, expression_end, expression_start, is_whole_expression
from mcpguard.policy.tree import Attribute, Comment, Document, Element, Expression, Problem, Text, Value

MAX_DEPTH = 256
"""Deeper elements are read as siblings: no real policy comes near, and everything downstream may recurse."""
MAX_PROBLEMS = 200
_LOOK_AHEAD = 4096

_ATTRIBUTE = re.compile(r"\s*(?:(/?)>|([A-Za-z_:][\w.:\-]*)\s*=\s*(?:\"([^\"&@]*)\"|([\"'])))")
"""The end of a start tag, an attribute with a plain value, or one up to its opening quote."""
_PLAIN = re.compile(
    r"([^<@]*)<(?:([A-Za-z_][\w.:\-]*)((?:\s+[A-Za-z_:][\w.:\-]*\s*=\s*\"[^\"<&@]*\")*+)(?:\s*(/?)>)?"
    r"|/([A-Za-z_][\w.:\-]*)\s*>)"
)
"""Text without an expression, then an end tag or a start tag, as far as its attributes are plain: most of any policy."""
_PLAIN_ATTRIBUTE = re.compile(r"([A-Za-z_:][\w.:\-]*)\s*=\s*\"([^\"]*)\"")
_CLOSE = re.compile(r"</([A-Za-z_][\w.:\-]*)\s*>")
_VALUE_END = {quote: re.compile(quote + r"(?=\s*[/?]?>|\s+[A-Za-z_:][\w.:\-]*\s*=)") for quote in "\"'"}
_JUNK = re.compile(r"[^\s<>]*")
_SPACE = " \t\r\n"
_OPENINGS = ("@(", "@{")


@lru_cache(maxsize=1024)
def read(text: str) -> Document:
    """Read a policy, a fragment or a piece of one. Never raises. Documents are immutable, so recent ones are shared."""
    return _Reader(text).run()


class _Frame(msgspec.Struct, gc=False):
    """An element whose end tag has not been seen yet."""

    name: str
    attributes: tuple[Attribute, ...]
    start: int
    head_end: int
    children: list[Element | Text | Comment]


class _Reader:
    __slots__ = ("budget", "cuts", "open_names", "position", "problems", "stack", "text", "top")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 1 if text.startswith("\ufeff") else 0
        self.top: list[Element | Text | Comment] = []
        self.stack: list[_Frame] = []
        self.open_names: dict[str, int] = {}
        self.problems: list[Problem] = []
        self.cuts: list[int] = [self.position] if self.position else []
        self.budget = Budget(len(text))

    def run(self) -> Document:
        text, length, cuts, stack, names = self.text, len(self.text), self.cuts, self.stack, self.open_names
        plain, position, add = _PLAIN.match, self.position, self.top.append
        while position < length:
            match = plain(text, position)
            if match is None:
                self.position = position
                self._other()
                position = self.position
                if not cuts or cuts[-1] != position:
                    cuts.append(position)
                continue
            content, name, attributes, empty, closes = match.groups()
            end = match.end()
            if content:
                start, position = position, position + len(content)
                cuts.append(position)
                if not content.isspace():
                    add(Text(Value(start, position, unescape(content))))
            if name:
                found = self._plain_attributes(match) if attributes else ()
                if empty is None:
                    others, end, empty = self._attributes(end, name)
                    found = (*found, *others)
                if empty or len(stack) >= MAX_DEPTH:
                    if not empty:
                        self._problem(position, end, f"<{name}> is nested more than {MAX_DEPTH} deep")
                    add(Element(name, found, (), position, end, end))
                else:
                    children: list[Element | Text | Comment] = []
                    add = children.append
                    stack.append(_Frame(name, found, position, end, children))
                    names[name] = names.get(name, 0) + 1
            elif stack and stack[-1].name == closes:
                frame = stack.pop()
                names[closes] -= 1
                add = (stack[-1].children if stack else self.top).append
                add(Element(closes, frame.attributes, tuple(frame.children), frame.start, frame.head_end, end))
            else:
                self.position = position
                self._end_tag()
                add = (stack[-1].children if stack else self.top).append
            cuts.append(end)
            position = end
        while stack:
            frame = stack[-1]
            self._problem(frame.start, frame.head_end, f"<{frame.name}> is never closed")
            self._pop(length)
        return Document(text, tuple(self.top), tuple(self.problems), tuple(cuts))

    def _other(self) -> None:
        """One token of any other kind: expressions, entities, comments, CDATA, whatever is broken."""
        text, position = self.text, self.position
        if text[position] != "<":
            self._text()
        elif text.startswith("</", position):
            self._end_tag()
        elif text.startswith("<!--", position):
            self._delimited("-->", 4, comment=True)
        elif text.startswith("<![CDATA[", position):
            self._cdata()
        elif text.startswith("<?", position):
            self._delimited("?>", 2, comment=False)
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            self._doctype()
        else:
            self._problem(position, position + 1, "a '<' that starts no tag")
            self._add(Text(Value(position, position + 1, "<")))
            self.position = position + 1

    # -- nodes ---------------------------------------------------------------------------------------------------

    def _add(self, node: Element | Text | Comment) -> None:
        (self.stack[-1].children if self.stack else self.top).append(node)

    def _pop(self, end: int) -> None:
        frame = self.stack.pop()
        self.open_names[frame.name] -= 1
        self._add(Element(frame.name, frame.attributes, tuple(frame.children), frame.start, frame.head_end, end))

    def _problem(self, start: int, end: int, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(start, min(end, len(self.text)), message))

    def _delimited(self, closer: str, skip: int, *, comment: bool) -> None:
        start = self.position
        end = self.text.find(closer, start + skip)
        if end < 0:
            self._problem(start, start + skip, f"'{self.text[start : start + skip]}' without '{closer}'")
            self.position = len(self.text)
        else:
            self.position = end + len(closer)
        if comment:
            self._add(Comment(start, self.position))

    def _cdata(self) -> None:
        start = self.position + 9
        end = self.text.find("]]>", start)
        if end < 0:
            self._problem(self.position, start, "'<![CDATA[' without ']]>'")
            end = len(self.text)
        content = self.text[start:end]
        self._add(Text(Value(start, end, content, self._expressions(content, start)), cdata=True))
        self.position = min(end + 3, len(self.text))

    def _doctype(self) -> None:
        start = self.position
        close = self.text.find(">", start)
        bracket = self.text.find("[", start, max(close, start))
        if bracket >= 0:
            subset = self.text.find("]", bracket)
            close = self.text.find(">", subset) if subset >= 0 else -1
        self.position = len(self.text) if close < 0 else close + 1
        self._problem(
            start,
            self.position,
            "a DOCTYPE has no place in a policy; it was skipped and nothing is expanded from it",
        )

    # -- tags ----------------------------------------------------------------------------------------------------

    def _plain_attributes(self, match: re.Match[str]) -> tuple[Attribute, ...]:
        out = []
        for found in _PLAIN_ATTRIBUTE.finditer(self.text, *match.span(3)):
            name, value = found.groups()
            start, end = found.span()
            out.append(Attribute(name, Value(end - 1 - len(value), end - 1, value), start, end))
        return tuple(out)

    def _attributes(self, position: int, name: str) -> tuple[list[Attribute], int, str]:
        """Attributes one by one, the way in for expressions, entities and broken tags; the end of the tag, ``/`` if empty."""
        text = self.text
        attributes: list[Attribute] = []
        while True:
            match = _ATTRIBUTE.match(text, position)
            if match:
                empty, attribute, plain, quote = match.groups()
                if attribute is None:
                    return attributes, match.end(), empty
                if plain is None:
                    value, position = self._attribute_value(match.end(), quote)
                else:
                    position = match.end()
                    value = Value(position - 1 - len(plain), position - 1, plain)
                attributes.append(Attribute(attribute, value, match.start(2), position))
                continue
            while position < len(text) and text[position] in _SPACE:
                position += 1
            skip = _JUNK.match(text, position)
            stop = skip.end() if skip else position
            if stop == position:
                self._problem(position, position + 1, f"the start tag <{name} is not closed")
                return attributes, position, ""
            self._problem(position, stop, f"not an attribute of <{name}>: {text[position : min(stop, position + 40)]!r}")
            position = stop

    def _attribute_value(self, start: int, quote: str) -> tuple[Value, int]:
        """The value that begins after ``quote``, and the offset after its closing quote."""
        text = self.text
        plain_end = text.find(quote, start)
        at = start
        if not text.startswith(_OPENINGS, start, plain_end if plain_end >= 0 else len(text)):
            at = expression_start(text, start, plain_end if plain_end >= 0 else len(text))
        if at < 0:
            if plain_end < 0:
                return self._broken_value(start, start, quote, "an attribute value is not closed")
            return Value(start, plain_end, unescape(text[start:plain_end])), plain_end + 1
        if plain_end >= 0:
            piece = text[at:plain_end]
            if "&" not in piece and quote == '"' and piece[-1] != "\\" and self.budget.left > 0:
                return self._raw_value(start, at, plain_end)
            decoded = unescape(piece)
            if is_whole_expression(decoded, 0) and text[plain_end + 1 : plain_end + 2] in (
                *_SPACE,
                "/",
                ">",
                "?",
                "",
            ):
                return self._plain_value(start, plain_end, at, decoded), plain_end + 1
        code_text, shift = text, 0
        first_quote = text.find('"', at)
        if first_quote > 0 and text[first_quote - 1] == "\\":
            # Quotes escaped with a backslash, as in printed articles: read as quotes, offsets kept.
            limit = text.find(">", first_quote)
            window = text[at : limit + 4096 if limit >= 0 else len(text)]
            code_text, shift = window.replace('\\"', ' "'), at
        end = expression_end(code_text, at - shift, self.budget)
        if end < 0:
            return self._broken_value(start, at, quote, "an expression is not closed")
        code = code_text[at - shift + 2 : end - 1]
        end += shift
        close = text.find(quote, end)
        if close < 0:
            return self._broken_value(start, at, quote, "an attribute value is not closed")
        expression = Expression(at, end, unescape_code(code), text[at + 1] == "{")
        return Value(start, close, self._with_raw(start, at, end, close), (expression,)), close + 1

    def _raw_value(self, start: int, at: int, quote_at: int) -> tuple[Value, int]:
        """A value in double quotes without an entity up to the first quote: read once, as plain XML and raw C# are the same.

        What ends before the first quote is plain; what ends after it holds quotes, so it is raw.
        """
        text = self.text
        end = expression_end(text, at, self.budget)
        close = quote_at if 0 <= end <= quote_at else text.find('"', end)
        if end < 0 or close < 0:
            message = "an expression is not closed" if end < 0 else "an attribute value is not closed"
            return self._broken_value(start, at, '"', message)
        code = text[at + 2 : end - 1]
        expression = Expression(at, end, unescape_code(code), text[at + 1] == "{")
        whole = text[start:close] if at == start and end == close else self._with_raw(start, at, end, close)
        return Value(start, close, whole, (expression,)), close + 1

    def _with_raw(self, start: int, at: int, end: int, close: int) -> str:
        """A text whose part from ``at`` to ``end`` is raw C#, decoded around it."""
        text = self.text
        return unescape(text[start:at]) + text[at:end] + unescape(text[end:close])

    def _plain_value(self, start: int, end: int, at: int, decoded: str) -> Value:
        close = decoded.rstrip()
        expression = Expression(at, at + len(self.text[at:end].rstrip()), close[2:-1], decoded[1] == "{")
        return Value(start, end, unescape(self.text[start:at]) + decoded, (expression,))

    def _broken_value(self, start: int, at: int, quote: str, message: str) -> tuple[Value, int]:
        """Go on after a value whose end cannot be found: at a quote that looks like an end, else at the next tag."""
        text = self.text
        tag = text.find("<", at)
        stop = len(text) if tag < 0 else tag
        match = _VALUE_END[quote].search(text, at, min(stop + 1, len(text)))
        if match is None and self.budget.left > 0:
            self.budget.left -= _LOOK_AHEAD
            match = _VALUE_END[quote].search(text, at, at + _LOOK_AHEAD)
        end, after = match.span() if match else (stop, stop)
        self._problem(at, min(max(end, at + 1), at + 200), message)
        return Value(start, end, text[start:end]), after

    def _end_tag(self) -> None:
        text, start = self.text, self.position
        match = _CLOSE.match(text, start)
        if match is None:
            close = text.find(">", start)
            self.position = len(text) if close < 0 else close + 1
            self._problem(start, self.position, "an end tag that cannot be read")
            return
        self.position = match.end()
        name = match[1]
        if self.stack and self.stack[-1].name == name:
            self._pop(self.position)
        elif self.open_names.get(name):
            while self.stack[-1].name != name:
                frame = self.stack[-1]
                self._problem(frame.start, frame.head_end, f"<{frame.name}> is closed by </{name}>")
                self._pop(start)
            self._pop(self.position)
        else:
            self._problem(start, self.position, f"</{name}> closes nothing")

    # -- text ----------------------------------------------------------------------------------------------------

    def _text(self) -> None:
        text, start = self.text, self.position
        end = text.find("<", start)
        if end < 0:
            end = len(text)
        at = expression_start(text, start, end)
        if at < 0:
            self.position = end
            content = text[start:end]
            if not content.isspace():
                self._add(Text(Value(start, end, unescape(content))))
            return
        if self.budget.left > 0 and text.find("&", at, end) < 0:
            # Without entities, plain XML and raw C# read alike: what ends before the next tag is plain, what does not is raw.
            stop = expression_end(text, at, self.budget)
            plain = 0 <= stop <= end
        else:
            stop, plain = 0, expression_end(unescape(text[at:end]), 0) >= 0
            if not plain:
                stop = expression_end(text, at, self.budget)
        if plain:
            expressions: tuple[Expression, ...]
            if stop and expression_start(text, stop, end) < 0:
                expressions = (Expression(at, stop, text[at + 2 : stop - 1], text[at + 1] == "{"),)
            else:
                expressions = self._expressions(text[at:end], at)
            self._add(Text(Value(start, end, unescape(text[start:end]), expressions)))
            self.position = end
            return
        if stop < 0:
            if self.stack and self.budget.left > 0:
                self.budget.left -= _LOOK_AHEAD
                close = text.find(f"</{self.stack[-1].name}", at, at + _LOOK_AHEAD)
                end = end if close < 0 else close
            self._problem(at, min(max(end, at + 1), at + 200), "an expression is not closed")
            self._add(Text(Value(start, end, text[start:end])))
            self.position = end
            return
        end = text.find("<", stop)
        if end < 0:
            end = len(text)
        code = unescape_code(text[at + 2 : stop - 1])
        expression = Expression(at, stop, code, text[at + 1] == "{")
        self._add(Text(Value(start, end, self._with_raw(start, at, stop, end), (expression,))))
        self.position = end

    def _expressions(self, piece: str, offset: int) -> tuple[Expression, ...]:
        """The expressions in a piece of text in which each is known, or hoped, to be closed."""
        out = []
        at = expression_start(piece)
        while at >= 0:
            rest = piece[at:]
            end = expression_end(rest, 0)
            decoded = rest
            if end < 0 or "&" in rest[:end]:
                decoded = unescape(rest)
                decoded_end = expression_end(decoded, 0)
                if decoded_end < 0:
                    break
                # Decoding only shortens: everything after the expression keeps its distance to the end.
                tail = decoded[decoded_end:]
                code, end = decoded[2 : decoded_end - 1], len(rest) - escaped_length(rest, tail)
            else:
                code = rest[2 : end - 1]
            out.append(Expression(offset + at, offset + at + end, code, rest[1] == "{"))
            at = expression_start(piece, at + max(end, 2))
            if len(out) >= 64:
                break
        return tuple(out)
