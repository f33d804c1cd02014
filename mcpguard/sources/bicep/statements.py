"""The declarations of a Bicep file. One that cannot be read is kept as broken with its place, and the others come out."""

from __future__ import annotations

import msgspec

from mcpguard.sources.bicep.lexer import BAD, END, NAME, NEWLINE, TEXT, Tokens
from mcpguard.sources.bicep.parser import Parser
from mcpguard.sources.bicep.syntax import Broken, Declaration, Expression, Function, Loop
from mcpguard.sources.bicep.texts import BadSyntax, unescape

_LEFT_ALONE = frozenset({"metadata", "type", "assert", "test", "extensionConfig"})
"""Statements that say nothing of what is deployed."""
_KEYWORDS = _LEFT_ALONE | {
    "param", "var", "output", "resource", "module", "func", "import", "extension", "provider", "using", "extends",
    "targetScope",
}  # fmt: skip
_GOES_ON = frozenset({"|", "?", ":", "??", "||", "&&", "==", "!=", "=~", "!~", "=>", "<", ">"})
"""What begins a line that belongs to the statement before it, or ends one that does."""

_ENDS_OPEN = (_GOES_ON | {"="}) - {">", "?"}


class Statements(msgspec.Struct, frozen=True):
    """What stands in a file."""

    declarations: tuple[Declaration, ...]
    broken: tuple[Broken, ...]


def read(text: str) -> Statements:
    """The statements of a file of Bicep, or of a parameter file in its language."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.source = text
        self.tokens = Tokens(text)
        self.parser = Parser(self.tokens, self._nested)
        self.kinds = self.tokens.kinds
        self.found: list[Declaration] = []
        self.broken = self.parser.broken

    def whole(self) -> Statements:
        parser = self.parser
        while True:
            parser.skip_lines()
            if self.kinds[parser.at] is END:
                return Statements(tuple(self.found), tuple(sorted(self.broken, key=lambda part: part.start)))
            begin, known = parser.at, len(self.broken)
            try:
                end = self._end(begin)
                parser.depth = 0
                declaration = self._statement(end)
                if parser.at != end:
                    raise parser.bad("expected a new line")
                if declaration is not None:
                    self.found.append(declaration)
            except (BadSyntax, RecursionError) as error:
                at = self.tokens.starts[begin]
                bad = error if isinstance(error, BadSyntax) else BadSyntax("nested too deeply", at)
                parser.at = self._resume(begin)
                last = self.tokens.ends[max(begin, parser.at - 1)]
                del self.broken[known:]
                self.broken.append(Broken(bad.message, min(bad.start, last), last))

    # -- where statements end --------------------------------------------------------------------------------------------

    def _end(self, begin: int) -> int:
        """The position of the token behind a statement.

        Raises:
            BadSyntax: a bracket in it is never closed.
        """
        at = begin
        while True:
            kind = self.kinds[at]
            if kind is END:
                return at
            if kind is NEWLINE:
                following = at + 1
                while self.kinds[following] is NEWLINE:
                    following += 1
                is_decorator = self._is_behind_decorator(begin, at)
                if not is_decorator and self.kinds[following] not in _GOES_ON and self.kinds[at - 1] not in _ENDS_OPEN:
                    return at
                at = following
                continue
            if kind in ("{", "[", "("):
                closing = self.tokens.partners.get(at)
                if closing is None:
                    raise BadSyntax("a bracket that is never closed", self.tokens.starts[at])
                at = closing
            elif kind is BAD:
                parser = self.parser
                parser.at = at
                raise parser.bad("text that is no Bicep")
            at += 1

    def _is_behind_decorator(self, begin: int, at: int) -> bool:
        """Whether only decorators stand between two positions."""
        while begin < at:
            if self.kinds[begin] is NEWLINE:
                begin += 1
                continue
            if self.kinds[begin] != "@":
                return False
            begin += 1
            while self.kinds[begin] is NAME or self.kinds[begin] == ".":
                begin += 1
            begin = self.tokens.partners.get(begin, begin - 1) + 1
        return True

    def _resume(self, begin: int) -> int:
        """Where to go on after a statement that cannot be read."""
        at = begin
        is_open = False
        while self.kinds[at] is not END:
            kind = self.kinds[at]
            if kind is NEWLINE and not is_open:
                return at
            if at > begin and self._is_beginning(at):
                return at
            if kind in ("{", "[", "("):
                closing = self.tokens.partners.get(at)
                if closing is None:
                    is_open = True
                elif not is_open:
                    at = closing
            at += 1
        return at

    def _is_beginning(self, at: int) -> bool:
        """Whether a token at the beginning of a line looks like that of a statement."""
        if self.kinds[at - 1] is not NEWLINE:
            return False
        start = self.tokens.starts[at]
        if start and self.source[start - 1] not in "\r\n":
            return False
        if self.kinds[at] == "@":
            return True
        return (
            self.kinds[at] is NAME and self.parser.text(at) in _KEYWORDS and self.kinds[at + 1] in (NAME, TEXT, "=", "*", "{")
        )

    # -- statements ------------------------------------------------------------------------------------------------------

    def _statement(self, end: int) -> Declaration | None:
        parser = self.parser
        start = self.tokens.starts[parser.at]
        decorators = self._decorators()
        at = parser.at
        if self.kinds[at] is not NAME:
            raise parser.bad("expected a declaration")
        keyword = parser.text(at)
        if keyword not in _KEYWORDS:
            raise parser.bad("expected a declaration")
        parser.at += 1
        if keyword in _LEFT_ALONE:
            parser.at = end
            return None
        declaration: Declaration
        match keyword:
            case "param" | "var" | "output":
                declaration = self._value(keyword, start, end, decorators)
            case "resource" | "module":
                declaration = self._resource(keyword, start, decorators)
            case "func":
                declaration = self._function(start, end)
            case "import" | "extension" | "provider":
                declaration = self._import(keyword, start, end)
            case "using" | "extends":
                declaration = Declaration("using", "", start, start, text=self._path(parser.at))
                parser.at = end
            case _:
                parser.expect("=")
                value = parser.expression()
                declaration = Declaration(keyword, "", start, value.end, value=value)
        return msgspec.structs.replace(declaration, is_exported=True) if "export" in decorators else declaration

    def _decorators(self) -> set[str]:
        """The names of what stands before a statement: ``@secure()``."""
        parser = self.parser
        found: set[str] = set()
        while self.kinds[parser.at] == "@":
            parser.at += 1
            name = ""
            while self.kinds[parser.at] is NAME or self.kinds[parser.at] == ".":
                name = parser.text(parser.at)
                parser.at += 1
            found.add(name)
            parser.at = self.tokens.partners.get(parser.at, parser.at - 1) + 1
            parser.skip_lines()
        return found

    def _value(self, keyword: str, start: int, end: int, decorators: set[str]) -> Declaration:
        """``param name type = value``, ``var name = value``, ``output name type = value``."""
        parser = self.parser
        at = parser.expect(NAME)
        first = parser.at
        while parser.at < end and self.kinds[parser.at] != "=":
            parser.at = self.tokens.partners.get(parser.at, parser.at) + 1
        type_ = (self.tokens.starts[first], self.tokens.ends[parser.at - 1]) if parser.at > first else (0, 0)
        value: Expression | None = None
        if parser.at < end:
            parser.at += 1
            value = parser.expression()
        elif keyword != "param":
            raise parser.bad("expected '='")
        return Declaration(
            keyword,
            parser.text(at),
            start,
            self.tokens.ends[parser.at - 1],
            text=self.source[slice(*type_)],
            value=value,
            is_secure="secure" in decorators,
            at=self.tokens.starts[at],
            text_at=type_,
        )

    def _resource(self, keyword: str, start: int, decorators: set[str]) -> Declaration:
        """``resource name 'type@version' [existing] = body``, ``module name 'path' = body``."""
        parser = self.parser
        at = parser.expect(NAME)
        written = parser.expect(TEXT)
        is_existing = parser.is_word("existing")
        parser.at += is_existing
        parser.expect("=")
        parser.skip_lines()
        loop: Loop | None = None
        if self.kinds[parser.at] == "[":
            opening = parser.at
            parser.at += 1
            parser.skip_lines()
            if not parser.is_word("for"):
                raise parser.bad("expected a loop")
            loop = parser.loop(opening, parser.object)
            condition, body = loop.condition, loop.body
        else:
            condition = parser.condition()
            body = parser.object()
        return Declaration(
            keyword,
            parser.text(at),
            start,
            body.end,
            text=unescape(parser.text(written)[1:-1]),
            value=body,
            condition=condition,
            is_existing=is_existing,
            loop=loop,
            at=self.tokens.starts[at],
            text_at=(self.tokens.starts[written], self.tokens.ends[written]),
        )

    def _nested(self, parser: Parser) -> Declaration | None:
        """A resource within another one; None when a member stands there."""
        kind = self.kinds[parser.at]
        if kind != "@" and not (parser.is_word("resource") and self.kinds[parser.at + 1] is NAME):
            return None
        start = self.tokens.starts[parser.at]
        decorators = self._decorators()
        if not parser.is_word("resource"):
            raise parser.bad("expected a resource")
        parser.at += 1
        return self._resource("resource", start, decorators)

    def _function(self, start: int, end: int) -> Declaration:
        """``func name(a type) type => body``."""
        parser = self.parser
        at = parser.expect(NAME)
        opening = parser.at
        closing = self.tokens.partners.get(opening, end) if self.kinds[opening] == "(" else end
        arrow = closing
        while arrow < end and self.kinds[arrow] != "=>":
            arrow = self.tokens.partners.get(arrow, arrow) + 1
        if arrow >= end:
            raise parser.bad("expected a function")
        names: list[str] = []
        position, expects = opening + 1, True
        while position < closing:
            if expects and self.kinds[position] is NAME:
                names.append(parser.text(position))
                expects = False
            elif self.kinds[position] == ",":
                expects = True
            position = self.tokens.partners.get(position, position) + 1
        parser.at = arrow + 1
        parser.skip_lines()
        body = parser.expression()
        value = Function(tuple(names), body, self.tokens.starts[opening], body.end)
        return Declaration("func", parser.text(at), start, body.end, value=value, at=self.tokens.starts[at])

    def _import(self, keyword: str, start: int, end: int) -> Declaration:
        """``import { a, b as c } from 'path'``, ``import * as x from 'path'``; what else is called so is an extension."""
        parser = self.parser
        first = self.kinds[parser.at]
        if keyword != "import" or first not in ("{", "*"):
            name = self._path(parser.at) if first is TEXT else parser.text(parser.at)
            parser.at = end
            return Declaration("extension", name, start, self.tokens.ends[end - 1])
        names: list[tuple[str, str]] = []
        if first == "*":
            parser.at += 1
            names.append(("*", self._renamed("")))
        else:
            parser.at += 1
            while True:
                while self.kinds[parser.at] in (NEWLINE, ","):
                    parser.at += 1
                if self.kinds[parser.at] == "}":
                    break
                at = parser.at if self.kinds[parser.at] is TEXT else parser.expect(NAME)
                parser.at = at + 1
                name = parser.text(at).strip("'")
                names.append((name, self._renamed(name)))
            parser.at += 1
        if not parser.is_word("from"):
            raise parser.bad("expected 'from'")
        parser.at += 1
        at = parser.expect(TEXT)
        return Declaration(
            "import",
            "",
            start,
            self.tokens.ends[at],
            text=self._path(at),
            names=tuple(names),
            text_at=(self.tokens.starts[at], self.tokens.ends[at]),
        )

    def _renamed(self, name: str) -> str:
        parser = self.parser
        if not parser.is_word("as"):
            return name
        parser.at += 1
        return parser.text(parser.expect(NAME))

    def _path(self, at: int) -> str:
        """A path in apostrophes; empty for anything else."""
        return unescape(self.parser.text(at)[1:-1]) if self.kinds[at] is TEXT else ""
