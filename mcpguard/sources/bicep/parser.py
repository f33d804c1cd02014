"""Expressions of Bicep read into the tree of :mod:`.syntax`.

Precedence: learn.microsoft.com/azure/azure-resource-manager/bicep/operators. Where Bicep reads a line end as the end of an
expression and this reader goes on, the text could not be anything else.
"""

from __future__ import annotations

from collections.abc import Callable

from mcpguard.sources.bicep.lexer import BAD, END, NAME, NEWLINE, NUMBER, TEXT, Tokens
from mcpguard.sources.bicep.syntax import (
    ArrayLiteral,
    Broken,
    Constant,
    Declaration,
    Expression,
    Function,
    Interpolated,
    Invocation,
    Item,
    Loop,
    Member,
    Name,
    ObjectLiteral,
    Operation,
    Property,
    Spread,
)
from mcpguard.sources.bicep.texts import BadSyntax, body_of_multiline, closing_brace, unescape, value_at

MAX_DEPTH = 80
_STRENGTH = {
    "??": 30, "||": 40, "&&": 50, "==": 70, "!=": 70, "=~": 70, "!~": 70, ">": 80, ">=": 80, "<": 80, "<=": 80,
    "+": 90, "-": 90, "*": 100, "/": 100, "%": 100,
}  # fmt: skip
_CONTINUES = frozenset({"??", "||", "&&", "==", "!=", "=~", "!~", "?"})
"""What may stand at the beginning of the next line of an expression."""
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class Parser:
    """Reads expressions from tokens."""

    def __init__(self, tokens: Tokens, nested: Callable[[Parser], Declaration | None] | None = None) -> None:
        """``nested`` reads a resource within another one; None when what stands there is none."""
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.at = 0
        self.depth = 0
        self.broken: list[Broken] = []
        """Members of objects that could not be read."""
        self._nested = nested

    # -- tokens --------------------------------------------------------------------------------------------------------

    def text(self, index: int) -> str:
        """The text of a token."""
        return self.tokens.text[self.starts[index] : self.ends[index]]

    def skip_lines(self) -> None:
        """Go past line ends."""
        while self.kinds[self.at] is NEWLINE:
            self.at += 1

    def next_solid(self) -> int:
        """The position of the next token that is no line end."""
        at = self.at
        while self.kinds[at] is NEWLINE:
            at += 1
        return at

    def is_word(self, word: str) -> bool:
        """Whether the current token is that name."""
        return self.kinds[self.at] is NAME and self.text(self.at) == word

    def expect(self, kind: str) -> int:
        """Go past a token of that kind; its position.

        Raises:
            BadSyntax: another one stands there.
        """
        at = self.at
        if self.kinds[at] != kind:
            raise self.bad(f"expected {_described(kind)}")
        self.at += 1
        return at

    def bad(self, message: str) -> BadSyntax:
        """What is wrong with the current token."""
        kind = self.kinds[self.at]
        if kind in (END, NEWLINE):
            found = "the end" if kind is END else "the end of the line"
        elif kind is BAD:
            found = "text that never ends" if self.text(self.at)[:1] in "'$/" else repr(self.text(self.at)[:20])
        else:
            found = repr(self.text(self.at)[:40])
        return BadSyntax(f"{message}, found {found}", self.starts[self.at])

    # -- expressions -----------------------------------------------------------------------------------------------------

    def expression(self) -> Expression:
        """An expression.

        Raises:
            BadSyntax: there is none.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadSyntax("nested too deeply", self.starts[self.at])
        test = self._binary(0)
        at = self.next_solid()
        if self.kinds[at] == "?":
            self.at = at + 1
            self.skip_lines()
            chosen = self.expression()
            self.skip_lines()
            self.expect(":")
            self.skip_lines()
            other = self.expression()
            test = Operation("?:", (test, chosen, other), test.start, other.end)
        self.depth -= 1
        return test

    def _binary(self, least: int) -> Expression:
        left = self._unary()
        while True:
            kind = self.kinds[self.at]
            at = self.at
            if kind is NEWLINE:
                at = self.next_solid()
                kind = self.kinds[at]
                if kind not in _CONTINUES:
                    return left
            strength = _STRENGTH.get(kind, -1)
            if strength <= least:
                return left
            self.at = at + 1
            self.skip_lines()
            right = self._binary(strength)
            left = Operation(kind, (left, right), left.start, right.end)

    def _unary(self) -> Expression:
        kind = self.kinds[self.at]
        if kind not in ("!", "-", "+"):
            return self._postfix(self._primary())
        start = self.starts[self.at]
        self.at += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadSyntax("nested too deeply", start)
        operand = self._unary()
        self.depth -= 1
        if kind == "+":
            return operand
        if kind == "-" and isinstance(operand, Constant) and type(operand.value) is int:
            return Constant(-operand.value, start, operand.end)
        return Operation(kind, (operand,), start, operand.end)

    def _primary(self) -> Expression:
        at = self.at
        kind, start, end = self.kinds[at], self.starts[at], self.ends[at]
        if kind is NAME:
            return self._named(at)
        if kind is TEXT:
            self.at += 1
            return self._text(start, end)
        if kind is NUMBER:
            self.at += 1
            digits = self.text(at)
            if len(digits) > 19:
                raise BadSyntax("a number that is too large", start)
            return Constant(int(digits), start, end)
        if kind == "{":
            return self.object()
        if kind == "[":
            return self._array()
        if kind == "(":
            return self._parenthesized()
        raise self.bad("expected a value")

    def _named(self, at: int) -> Expression:
        name, start = self.text(at), self.starts[at]
        self.at += 1
        following = self.kinds[self.at]
        if following == "(":
            arguments = self._arguments()
            return Invocation(name, arguments, start, self.ends[self.at - 1])
        if following == "=>":
            self.at += 1
            self.skip_lines()
            body = self.expression()
            return Function((name,), body, start, body.end)
        if name in _WORDS:
            return Constant(_WORDS[name], start, self.ends[at])
        return Name(name, start, self.ends[at])

    def _arguments(self) -> tuple[Expression, ...]:
        self.at += 1
        found: list[Expression] = []
        self.skip_lines()
        while self.kinds[self.at] != ")":
            found.append(self.expression())
            self.skip_lines()
            if self.kinds[self.at] != ",":
                break
            self.at += 1
            self.skip_lines()
        self.expect(")")
        return tuple(found)

    def _parenthesized(self) -> Expression:
        opening = self.at
        closing = self.tokens.partners.get(opening, -1)
        if closing > 0 and self.kinds[closing + 1] == "=>":
            return self._function(opening, closing)
        self.at += 1
        self.skip_lines()
        inner = self.expression()
        self.skip_lines()
        self.expect(")")
        return inner

    def _function(self, opening: int, closing: int) -> Expression:
        """``(a, b) => body``; in a declared function every name has a type behind it."""
        names: list[str] = []
        expects_name = True
        at = opening + 1
        while at < closing:
            kind = self.kinds[at]
            if expects_name and kind is NAME:
                names.append(self.text(at))
                expects_name = False
            elif kind == ",":
                expects_name = True
            at = self.tokens.partners.get(at, at) + 1
        self.at = closing + 2
        self.skip_lines()
        body = self.expression()
        return Function(tuple(names), body, self.starts[opening], body.end)

    def _postfix(self, node: Expression) -> Expression:
        kinds = self.kinds
        for _ in range(MAX_DEPTH):
            kind = kinds[self.at]
            if kind in (".", ".?", "::"):
                self.at += 1
                at = self.expect(NAME)
                name, end = self.text(at), self.ends[at]
                if kind == "." and kinds[self.at] == "(":
                    arguments = self._arguments()
                    node = Invocation(name, arguments, node.start, self.ends[self.at - 1], node)
                else:
                    node = Member(node, name, node.start, end, kind == ".?", kind == "::")
            elif kind == "[":
                self.at += 1
                is_safe = kinds[self.at] == "?"
                self.at += is_safe
                is_from_end = kinds[self.at] == "^"
                self.at += is_from_end
                self.skip_lines()
                index = self.expression()
                self.skip_lines()
                closing = self.expect("]")
                node = Item(node, index, node.start, self.ends[closing], is_safe, is_from_end)
            elif kind == "!":
                self.at += 1  # says that the value is not null
            else:
                return node
        raise BadSyntax("nested too deeply", self.starts[self.at])

    # -- texts -----------------------------------------------------------------------------------------------------------

    def _text(self, start: int, end: int) -> Expression:
        text = self.tokens.text[start:end]
        if text[0] == "$" or text.startswith("'''"):
            first, last, opening = body_of_multiline(text)
            if not opening or opening not in text:
                return Constant(text[first:last], start, end)
            return self._interpolated(start, end, start + first, start + last, opening)
        if "${" in text:
            return self._interpolated(start, end, start + 1, end - 1, "")
        return Constant(unescape(text[1:-1]), start, end)

    def _interpolated(self, start: int, end: int, first: int, last: int, opening: str) -> Expression:
        """A text with values in it; ``opening`` is empty for one on a single line, in which there are escapes."""
        whole = self.tokens.text
        texts: list[str] = []
        values: list[Expression] = []
        offsets: list[int] = []
        position = first
        while True:
            found = whole.find(opening, position, last) if opening else value_at(whole, position, last)
            raw = whole[position : found if found >= 0 else last]
            texts.append(raw if opening else unescape(raw))
            offsets.append(position)
            if found < 0:
                break
            begin = found + len(opening or "${")
            stop = closing_brace(whole, begin, last)
            inner = Parser(Tokens(whole, begin, stop))
            inner.depth = self.depth + 1
            inner.skip_lines()
            values.append(inner.expression())
            inner.skip_lines()
            inner.expect(END)
            self.broken += inner.broken
            position = stop + 1
        if not values:
            return Constant(texts[0], start, end)
        return Interpolated(tuple(texts), tuple(values), start, end, tuple(offsets) if opening else ())

    # -- arrays and objects ----------------------------------------------------------------------------------------------

    def _array(self) -> Expression:
        opening = self.at
        start = self.starts[opening]
        self.at += 1
        self.skip_lines()
        if self.is_word("for") and self.kinds[self.at + 1] in (NAME, "("):
            return self.loop(opening, self.expression)
        items: list[Expression | Spread] = []
        while self.kinds[self.at] != "]":
            items.append(self._spread() if self.kinds[self.at] == "..." else self.expression())
            if self.kinds[self.at] not in (NEWLINE, ",", "]"):
                raise self.bad("expected a new line or ']'")
            while self.kinds[self.at] in (NEWLINE, ","):
                self.at += 1
        self.at += 1
        return ArrayLiteral(tuple(items), start, self.ends[self.at - 1])

    def _spread(self) -> Spread:
        start = self.starts[self.at]
        self.at += 1
        value = self.expression()
        return Spread(value, start, value.end)

    def loop(self, opening: int, body: Callable[[], Expression]) -> Loop:
        """A loop whose opening bracket was passed; ``body`` reads what follows the colon and a condition.

        Raises:
            BadSyntax: it is none.
        """
        self.at += 1
        item = index = ""
        if self.kinds[self.at] == "(":
            self.at += 1
            item = self.text(self.expect(NAME))
            self.expect(",")
            index = self.text(self.expect(NAME))
            self.expect(")")
        else:
            item = self.text(self.expect(NAME))
        if not self.is_word("in"):
            raise self.bad("expected 'in'")
        self.at += 1
        collection = self.expression()
        self.expect(":")
        self.skip_lines()
        condition = self.condition()
        inner = body()
        self.skip_lines()
        closing = self.expect("]")
        return Loop(item, index, collection, inner, self.starts[opening], self.ends[closing], condition)

    def condition(self) -> Expression | None:
        """``if (test)`` before a body."""
        if not (self.is_word("if") and self.kinds[self.at + 1] == "("):
            return None
        self.at += 1
        test = self._parenthesized()
        self.skip_lines()
        return test

    def object(self) -> ObjectLiteral:
        """An object. A member that cannot be read is kept as broken, and the others come out.

        Raises:
            BadSyntax: there is none, or it never ends.
        """
        opening = self.expect("{")
        closing = self.tokens.partners.get(opening)
        if closing is None:
            raise BadSyntax("a bracket that is never closed", self.starts[opening])
        members: list[Property | Spread] = []
        nested: list[Declaration] = []
        depth = self.depth
        while True:
            while self.kinds[self.at] in (NEWLINE, ","):
                self.at += 1
            if self.at >= closing:
                break
            begin = self.at
            try:
                inner = self._nested(self) if self._nested is not None else None
                if inner is not None:
                    nested.append(inner)
                else:
                    members.append(self._spread() if self.kinds[self.at] == "..." else self._property())
                if self.at < closing and self.kinds[self.at] not in (NEWLINE, ","):
                    raise self.bad("expected a new line or '}'")
            except BadSyntax as error:
                self.depth = depth
                self.at = max(begin, min(self.at, closing))
                self._recover(begin, closing)
                last = max(begin, self.at - 1)
                self.broken.append(Broken(error.message, min(error.start, self.ends[last]), self.ends[last]))
        self.at = closing + 1
        return ObjectLiteral(tuple(members), self.starts[opening], self.ends[closing], tuple(nested))

    def _property(self) -> Property:
        at = self.at
        kind, start = self.kinds[at], self.starts[at]
        key: str | Interpolated
        if kind is NAME:
            key = self.text(at)
            self.at += 1
        elif kind is TEXT:
            self.at += 1
            found = self._text(start, self.ends[at])
            key = found if isinstance(found, Interpolated) else str(found.value)  # type: ignore[union-attr]
        else:
            raise self.bad("expected the name of a member")
        self.expect(":")
        self.skip_lines()
        value = self.expression()
        return Property(key, value, start, value.end)

    def _recover(self, begin: int, closing: int) -> None:
        """Go to the end of the line on which a member stands that cannot be read, past what it opens."""
        at = begin
        while at < closing and self.kinds[at] is not NEWLINE:
            at = self.tokens.partners.get(at, at) + 1
        self.at = min(at, closing)


def _described(kind: str) -> str:
    return {NAME: "a name", END: "the end"}.get(kind, repr(kind))
