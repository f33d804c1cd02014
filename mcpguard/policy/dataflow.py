"""Data flow: which of the caller's, the gateway's or a third party's data reaches which sink, step by step.

One pass over the statements that run for a call, in order. A variable set on the straight line holds what was last put into
it; one set in a branch holds either. Labels start at what an expression reads, travel through variables, cached values and
message parts, and end at sinks. A claim read from a token is not the token; a comparison carries nothing; the answer of a
request is labelled by where the request went.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location
from mcpguard.core.patterns import LazyPattern
from mcpguard.policy.csharp import Source, analyse, leading_text
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Node, Statement
from mcpguard.policy.tree import Element, Value
from mcpguard.policy.vocabulary import TOKEN_VALIDATORS


class Label(Enum):
    """What a value holds."""

    CALLER_TOKEN = "the caller's token"
    KEY = "the caller's key or cookie"
    TOKEN_RESPONSE = "an answer that carries tokens"
    GATEWAY_TOKEN = "a token of the gateway's own"
    REQUEST_BODY = "the request body"
    RESPONSE_BODY = "the response body"
    CALLER_CHOSEN = "a value that the caller chooses"
    CLAIMS = "claims of a validated token"


class SinkKind(Enum):
    """Where a value ends up."""

    BACKEND_HEADER = "a header of the request to the backend"
    BACKEND_QUERY = "the query of the request to the backend"
    BACKEND_BODY = "the body of the request to the backend"
    BACKEND_ADDRESS = "the address of the backend"
    CREDENTIAL_CHOICE = "the choice of a stored credential"
    OUTGOING_REQUEST = "a request of the policy's own"
    OUTGOING_ADDRESS = "the address of a request of the policy's own"
    SHARED_CACHE = "a cached value under one key for all callers"
    TELEMETRY = "telemetry"
    RESPONSE = "the response to the caller"


class Tainted(msgspec.Struct, frozen=True):
    """A label on a value, with the way it came."""

    label: Label
    source: Source
    steps: tuple[Location, ...] = ()


class Flow(msgspec.Struct, frozen=True):
    """A labelled value that reaches a sink."""

    tainted: Tainted
    sink: SinkKind
    name: str
    """Header or parameter name, or the name of the policy element."""
    at: Location
    target: str = ""
    """For requests of the policy's own: the address as written; named values are left in."""
    steps: tuple[Location, ...] = ()
    statement: Location | None = None
    """The start tag of the policy that holds the sink."""
    fixed_host: bool = False
    """For addresses: the value begins with a literal scheme and host, or with a named value for them."""


class FlowReport(msgspec.Struct, frozen=True):
    """Every flow of one policy, and what could not be followed."""

    flows: tuple[Flow, ...]
    not_understood: tuple[Unknown, ...]


KEY_HEADERS: Final = frozenset(
    ["cookie", "ocp-apim-subscription-key", "api-key", "x-api-key", "x-functions-key", "x-ms-apikey", "proxy-authorization"]
)
"""Request headers that carry credentials other than a bearer token."""

_SCALAR_BODY_PARTS = frozenset(["method", "id", "jsonrpc", "params.name", "params.uri"])
"""Parts of an MCP request that name what is called and hold no payload."""
_TOKEN_MEMBERS = ("access_token", "id_token", "refresh_token")
_TOKEN_ADDRESS = ("/oauth2/v2.0/token", "/oauth2/token", "/oauth/token", "/connect/token")
_TELEMETRY = frozenset({"trace", "log-to-eventhub", "emit-metric"})
_MAX_STEPS = 12
_PINNED = LazyPattern(r"https?://[^/@{]*[A-Za-z0-9][^/@]*|https?://\{\{|\{\{")


def follow(policy: EffectivePolicy) -> FlowReport:
    """The flows of everything that runs for a call: inbound, backend, outbound, on-error.

    The body of the response counts as an answer that carries tokens when some expression takes a token out of it.
    """
    follower = _Follower(_takes_tokens(policy))
    for section in (policy.inbound, policy.backend):
        follower.sequence(section, conditional=False, inbound=True)
    follower.sequence(policy.outbound, conditional=False, inbound=False)
    follower.sequence(policy.on_error, conditional=True, inbound=False)
    return FlowReport(tuple(follower.flows), tuple(follower.not_understood))


def _takes_tokens(policy: EffectivePolicy) -> bool:
    """Whether an expression takes a token out of the response's body: then the response is a token answer."""
    for section in (policy.inbound, policy.backend, policy.outbound, policy.on_error):
        for value in _values_in(section):
            for expression in value.expressions:
                for source in analyse(expression.code, expression.block).reads:
                    if source.kind == "response-body" and source.path.split(".")[-1] in _TOKEN_MEMBERS:
                        return True
    return False


def _values_in(nodes: Sequence[Node]) -> Iterator[Value]:
    stack: list[Node] = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Either):
            for branch in node.branches:
                stack.extend(branch)
        elif isinstance(node, Statement):
            stack.extend(node.children)
            if node.children:
                yield from (attribute.value for attribute in node.element.attributes)
            else:
                yield from _values(node.element)


def _values(element: Element) -> Iterator[Value]:
    for inner in element.walk():
        yield from (attribute.value for attribute in inner.attributes)
        yield inner.content


class _Follower:
    def __init__(self, token_answer: bool) -> None:
        self.flows: list[Flow] = []
        self.not_understood: list[Unknown] = []
        self.variables: dict[str, frozenset[Tainted]] = {}
        self.cached: dict[str, frozenset[Tainted]] = {}
        self._token_answer = token_answer

    def sequence(self, nodes: Sequence[Node], *, conditional: bool, inbound: bool) -> None:
        for node in nodes:
            match node:
                case Hole(unknown=unknown):
                    self.not_understood.append(unknown)
                case Either(unknown=unknown, branches=branches):
                    self.not_understood.append(unknown)
                    for branch in branches:
                        self.sequence(branch, conditional=True, inbound=inbound)
                case Statement():
                    self._statement(node, conditional=conditional, inbound=inbound)

    def _statement(self, statement: Statement, *, conditional: bool, inbound: bool) -> None:
        name, element = statement.name, statement.element
        if statement.children:
            inner = conditional or name in ("when", "otherwise", "choose")
            for attribute in element.attributes:
                self._traced(attribute.value, statement)
            self.sequence(statement.children, conditional=inner, inbound=inbound)
            return
        for value in _values(element):
            self._traced(value, statement)
        if name in _TELEMETRY:
            for value in _values(element):
                self._reach(value, SinkKind.TELEMETRY, name, statement)
        elif name in ("set-header", "set-query-parameter", "set-body"):
            self._message_part(statement, inbound=inbound)
        elif name == "return-response":
            for value in _values(element):
                self._reach(value, SinkKind.RESPONSE, name, statement)
        elif name in ("send-request", "send-one-way-request"):
            self._outgoing(statement, conditional=conditional)
        elif name in ("set-backend-service", "rewrite-uri", "proxy"):
            for attribute in element.attributes:
                if attribute.name in ("base-url", "backend-id", "template", "url"):
                    self._reach(attribute.value, SinkKind.BACKEND_ADDRESS, name, statement)
        elif name == "get-authorization-context":
            for attribute in element.attributes:
                if attribute.name in ("provider-id", "authorization-id"):
                    self._reach(attribute.value, SinkKind.CREDENTIAL_CHOICE, attribute.name, statement)
        self._assign(statement, conditional=conditional)

    def _assign(self, statement: Statement, *, conditional: bool) -> None:
        """What variables and cached values hold after a statement."""
        name, element = statement.name, statement.element
        if name == "set-variable":
            value = element.attribute("value")
            labels = self._labels(value, statement) if value is not None else frozenset()
            self._put(element.attribute("name"), labels, conditional, statement)
        elif name == "authentication-managed-identity":
            token = Tainted(Label.GATEWAY_TOKEN, Source("gateway-token"))
            self._put(element.attribute("output-token-variable-name"), frozenset({token}), conditional, statement)
        elif name == "get-authorization-context":
            token = Tainted(Label.GATEWAY_TOKEN, Source("gateway-token"))
            self._put(element.attribute("context-variable-name"), frozenset({token}), conditional, statement)
        elif name in TOKEN_VALIDATORS:
            claims = Tainted(Label.CLAIMS, Source("claims"))
            self._put(element.attribute("output-token-variable-name"), frozenset({claims}), conditional, statement)
        elif name == "cache-store-value":
            key, value = element.attribute("key"), element.attribute("value")
            if key is not None and value is not None:
                labels = self._labels(value, statement)
                if not key.expressions:
                    self._reach(value, SinkKind.SHARED_CACHE, key.text, statement)
                self.cached[key.text] = self.cached.get(key.text, frozenset()) | labels
        elif name == "cache-lookup-value":
            key = element.attribute("key")
            found = self.cached.get(key.text, frozenset()) if key is not None else frozenset()
            self._put(element.attribute("variable-name"), found, conditional, statement)

    def _put(self, name: Value | None, labels: frozenset[Tainted], conditional: bool, statement: Statement) -> None:
        if name is None:
            return
        noted = frozenset(
            msgspec.structs.replace(
                tainted,
                steps=(*tainted.steps, statement.at.step(f"{tainted.label.value} goes into the variable {name.text}"))[
                    -_MAX_STEPS:
                ],
            )
            for tainted in labels
        )
        before = self.variables.get(name.text, frozenset()) if conditional else frozenset()
        self.variables[name.text] = before | noted

    def _message_part(self, statement: Statement, *, inbound: bool) -> None:
        name, element = statement.name, statement.element
        subject = element.attribute("name")
        action = element.attribute("exists-action")
        if action is not None and action.text.strip() == "delete":
            return
        if not inbound:
            for value in _values(element):
                self._reach(value, SinkKind.RESPONSE, name, statement)
            return
        if name == "set-body":
            self._reach(element.content, SinkKind.BACKEND_BODY, name, statement)
            return
        kind = SinkKind.BACKEND_HEADER if name == "set-header" else SinkKind.BACKEND_QUERY
        for child in element.elements:
            if child.name == "value":
                self._reach(child.content, kind, subject.text.strip() if subject else "", statement)

    def _outgoing(self, statement: Statement, *, conditional: bool) -> None:
        """A request of the policy's own, and the variable that its answer goes into."""
        element = statement.element
        address = element.find("set-url")
        target = address.content.text.strip() if address is not None else ""
        mode = element.attribute("mode")
        if mode is not None and mode.text.strip() == "copy":
            deleted = {
                (child.attribute("name") or Value(0, 0, "")).text.strip().lower()
                for child in element.elements
                if child.name == "set-header"
            }
            if "authorization" not in deleted:
                tainted = Tainted(Label.CALLER_TOKEN, Source("request-header", "authorization"))
                note = statement.at.step('mode="copy" copies the caller\'s headers into the request')
                self.flows.append(Flow(tainted, SinkKind.OUTGOING_REQUEST, "Authorization", statement.at, target, (note,)))
        for child in element.elements:
            if child.name == "set-url":
                self._reach(child.content, SinkKind.OUTGOING_ADDRESS, child.name, statement, target)
            elif child.name in ("set-header", "set-body"):
                subject = child.attribute("name")
                for value in _values(child):
                    part = subject.text.strip() if subject is not None else child.name
                    self._reach(value, SinkKind.OUTGOING_REQUEST, part, statement, target)
        label = Label.TOKEN_RESPONSE if is_token_address(target) else Label.RESPONSE_BODY
        answer = Tainted(label, Source("answer", target))
        self._put(element.attribute("response-variable-name"), frozenset({answer}), conditional, statement)

    def _reach(self, value: Value, sink: SinkKind, name: str, statement: Statement, target: str = "") -> None:
        at = statement.value_at(value)
        fixed = _has_fixed_host(value) if sink in (SinkKind.BACKEND_ADDRESS, SinkKind.OUTGOING_ADDRESS) else False
        for tainted in sorted(self._labels(value, statement), key=lambda found: (found.label.value, found.source.name)):
            step = at.step(f"{tainted.label.value} reaches {sink.value}")
            self.flows.append(Flow(tainted, sink, name, at, target, (*tainted.steps, step), statement.at, fixed))

    def _traced(self, value: Value, statement: Statement) -> None:
        """``context.Trace`` writes wherever it stands, whatever the value is used for."""
        for expression in value.expressions:
            found = analyse(expression.code, expression.block)
            at = statement.value_at(value)
            for tainted in self._resolve(found.traced):
                step = at.step(f"{tainted.label.value} reaches telemetry through context.Trace")
                self.flows.append(Flow(tainted, SinkKind.TELEMETRY, "context.Trace", at, "", (*tainted.steps, step)))

    def _labels(self, value: Value, statement: Statement) -> frozenset[Tainted]:
        out: frozenset[Tainted] = frozenset()
        for expression in value.expressions:
            found = analyse(expression.code, expression.block)
            if not found.understood:
                self.not_understood.append(
                    Unknown(
                        f"what an expression of {statement.name} carries, which could not be parsed",
                        "check it with mcpguard policy check",
                        statement.value_at(value),
                    )
                )
            out |= frozenset(self._resolve(found.carries))
        return out

    def _resolve(self, sources: Iterable[Source]) -> Iterator[Tainted]:
        for source in sources:
            if source.kind == "variable":
                yield from self.variables.get(source.name, ())
                continue
            label = self._label(source)
            if label is not None:
                yield Tainted(label, source)

    def _label(self, source: Source) -> Label | None:
        match source.kind:
            case "request-header":
                if source.name in ("", "authorization"):
                    return Label.CALLER_TOKEN
                return Label.KEY if source.name in KEY_HEADERS else Label.CALLER_CHOSEN
            case "request-url":
                return Label.CALLER_CHOSEN
            case "request-body":
                return Label.CALLER_CHOSEN if source.path in _SCALAR_BODY_PARTS else Label.REQUEST_BODY
            case "response-body":
                last = source.path.split(".")[-1]
                if last in _TOKEN_MEMBERS or (self._token_answer and not source.path):
                    return Label.TOKEN_RESPONSE
                return Label.RESPONSE_BODY
            case "claims":
                return Label.CLAIMS
            case _:
                return None


def _has_fixed_host(value: Value) -> bool:
    """Whether an address begins with what pins its host: ``https://host``, ``{{base-url}}``."""
    expression = value.expression
    if expression is None:
        start = value.text.strip()
    elif expression.block:
        return False
    else:
        start = leading_text(expression.code, expression.block)
    return bool(_PINNED.match(start))


def is_token_address(address: str) -> bool:
    """Whether a request goes to a token endpoint, as far as its address is written out."""
    lowered = address.lower()
    return any(part in lowered for part in _TOKEN_ADDRESS)
