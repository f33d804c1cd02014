"""Data flow: which of the caller's, the gateway's or a third party's data reaches which sink, step by step.

One pass over the statements that run for a call, in order. A variable set on the straight line holds what was last put into
it; one set in a branch holds either. Labels start at what an expression reads, travel through variables, cached values and
message parts, and end at sinks. A claim read from a token is not the token; a comparison carries nothing; the answer of a
request is labelled by where the request went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from mcpguard.core.facts import Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.policy.csharp import Source, analyse, leading_text
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Node, Statement
from mcpguard.policy.endpoints import Endpoint, endpoint_of, is_token_address, issuers
from mcpguard.policy.labels import Flow, FlowReport, Label, SinkKind, Tainted
from mcpguard.policy.tree import Element, Value
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS, TOKEN_VALIDATORS

KEY_HEADERS: Final = frozenset(
    ["cookie", "ocp-apim-subscription-key", "api-key", "x-api-key", "x-functions-key", "x-ms-apikey", "proxy-authorization"]
)
"""Request headers that carry credentials other than a bearer token."""

_COPIED = ("authorization", "cookie", "ocp-apim-subscription-key")
"""Headers with credentials that ``mode="copy"`` copies; those of other names come with the API's settings."""
_SCALAR_BODY_PARTS = frozenset(["method", "id", "jsonrpc", "params.name", "params.uri"])
"""Parts of an MCP request that name what is called and hold no payload."""
_TOKEN_MEMBERS = ("access_token", "id_token", "refresh_token")
_TELEMETRY = frozenset({"trace", "log-to-eventhub", "emit-metric"})
_MAX_STEPS = 12
_PINNED = LazyPattern(r"https?://[^/@{]*[A-Za-z0-9][^/@]*|https?://\{\{|\{\{")


def follow(policy: EffectivePolicy, key_names: frozenset[str] = frozenset()) -> FlowReport:
    """The flows of everything that runs for a call: inbound, backend, outbound, on-error.

    The body of the response counts as an answer that carries tokens when some expression takes a token out of it. What is
    cached by one call is found by the next. ``key_names`` are the names, lower case, of the header and the parameter that
    callers send their subscription key in.
    """
    follower = _Follower(policy, key_names, {})
    follower.run()
    if any(follower.cached.values()):
        follower = _Follower(policy, key_names, follower.cached)
        follower.run()
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
    def __init__(self, policy: EffectivePolicy, key_names: frozenset[str], cached: dict[str, frozenset[Tainted]]) -> None:
        self.flows: list[Flow] = []
        self.not_understood: list[Unknown] = []
        self.variables: dict[str, frozenset[Tainted]] = {}
        self.headers: dict[str, frozenset[Tainted]] = {}
        """What policies wrote to headers of the request; the others are as the caller sent them."""
        self.body: frozenset[Tainted] | None = None
        """What ``set-body`` put into the request's body; None while it is the caller's."""
        self._sent_body = frozenset({Tainted(Label.REQUEST_BODY, Source("request-body"))})
        self.cached = dict(cached)
        self._policy = policy
        self._token_answer = _takes_tokens(policy)
        self._keys = KEY_HEADERS | key_names
        self._copied = tuple(dict.fromkeys((*_COPIED, *sorted(key_names))))
        self._issuers = frozenset(issuers(policy))

    def run(self) -> None:
        for section in (self._policy.inbound, self._policy.backend):
            self.sequence(section, conditional=False, inbound=True)
        self.sequence(self._policy.outbound, conditional=False, inbound=False)
        for name in self.headers:  # an error may come before they are written
            self.headers[name] |= self._sent(name)
        self.body = None
        self.sequence(self._policy.on_error, conditional=True, inbound=False)

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
            self._message_part(statement, conditional=conditional, inbound=inbound)
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
            variable = element.attribute("output-token-variable-name")
            self._put(variable, frozenset({token}), conditional, statement)
            if variable is None:
                self._write("authorization", frozenset({token}), conditional)
        elif name == "authentication-basic":
            self._write("authorization", frozenset(), conditional)
        elif name == "get-authorization-context":
            token = Tainted(Label.GATEWAY_TOKEN, Source("gateway-token"))
            self._put(element.attribute("context-variable-name"), frozenset({token}), conditional, statement)
        elif name in TOKEN_VALIDATORS:
            claims = Tainted(Label.CLAIMS, Source("claims"))
            self._put(element.attribute("output-token-variable-name"), frozenset({claims}), conditional, statement)
        elif name == "cache-store-value":
            key, value = element.attribute("key"), element.attribute("value")
            if key is not None and value is not None:
                labels = _noted(self._labels(value, statement), statement, f"the cache under {key.text}")
                if not key.expressions:
                    self._reach(value, SinkKind.SHARED_CACHE, key.text, statement)
                self.cached[_same(key)] = self.cached.get(_same(key), frozenset()) | labels
        elif name == "cache-lookup-value":
            key, default = element.attribute("key"), element.attribute("default-value")
            found = self.cached.get(_same(key), frozenset()) if key is not None else frozenset()
            found |= self._labels(default, statement) if default is not None else frozenset()
            self._put(element.attribute("variable-name"), found, conditional, statement)

    def _put(self, name: Value | None, labels: frozenset[Tainted], conditional: bool, statement: Statement) -> None:
        if name is None:
            return
        noted = _noted(labels, statement, f"the variable {name.text}")
        before = self.variables.get(name.text, frozenset()) if conditional else frozenset()
        self.variables[name.text] = before | noted

    def _write(self, name: str, labels: frozenset[Tainted], conditional: bool) -> None:
        """A policy writes a header of the request."""
        self.headers[name] = labels | self._held(name) if conditional else labels

    def _held(self, name: str) -> frozenset[Tainted]:
        """What a header of the request holds."""
        return self.headers[name] if name in self.headers else self._sent(name)

    def _sent(self, name: str) -> frozenset[Tainted]:
        """What a header holds that is as the caller sent it."""
        source = Source("request-header", name)
        label = self._label(source)
        return frozenset({Tainted(label, source)}) if label is not None else frozenset()

    def _message_part(self, statement: Statement, *, conditional: bool, inbound: bool) -> None:
        name, element = statement.name, statement.element
        subject = element.attribute("name")
        mode = _exists_action(element)
        if inbound and name == "set-header" and subject is not None and not subject.expressions:
            header = subject.text.strip().lower()
            values = (child.content for child in element.elements if child.name == "value" and mode != "delete")
            written = frozenset(tainted for value in values for tainted in self._labels(value, statement))
            written = _noted(written, statement, f"the header {subject.text.strip()}")
            self._write(header, written | (self._held(header) if mode in ("skip", "append") else frozenset()), conditional)
        if mode == "delete":
            return
        if not inbound:
            for value in _values(element):
                self._reach(value, SinkKind.RESPONSE, name, statement)
            return
        if name == "set-body":
            self._reach(element.content, SinkKind.BACKEND_BODY, name, statement)
            if element.attribute("template") is None:  # a liquid template may put the old body in
                written = _noted(self._labels(element.content, statement), statement, "the request body")
                kept = (self._sent_body if self.body is None else self.body) if conditional else frozenset()
                self.body = written | kept
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
        endpoint = endpoint_of(self._policy, address.content, self._issuers) if address is not None else Endpoint.NONE
        mode = element.attribute("mode")
        if mode is not None and mode.text.strip().lower() == "copy":
            self._copy(statement, target, endpoint)
        for child in element.elements:
            if child.name == "set-url":
                self._reach(child.content, SinkKind.OUTGOING_ADDRESS, child.name, statement, target, endpoint)
            elif child.name in ("set-header", "set-body") and _exists_action(child) != "delete":
                subject = child.attribute("name")
                for value in _values(child):
                    part = subject.text.strip() if subject is not None else child.name
                    self._reach(value, SinkKind.OUTGOING_REQUEST, part, statement, target, endpoint)
        label = Label.TOKEN_RESPONSE if is_token_address(target) else Label.RESPONSE_BODY
        answer = Tainted(label, Source("answer", target))
        self._put(element.attribute("response-variable-name"), frozenset({answer}), conditional, statement)

    def _copy(self, statement: Statement, target: str, endpoint: Endpoint) -> None:
        """``mode="copy"`` copies the headers as they are then; what the new request writes itself replaces them."""
        replaced = {"authorization"} if any(child.name in CREDENTIAL_SETTERS for child in statement.element.elements) else set()
        for child in statement.element.elements:
            subject = child.attribute("name")
            if child.name == "set-header" and subject is not None and _exists_action(child) not in ("skip", "append"):
                replaced.add(subject.text.strip().lower())
        for name in self._copied:
            for tainted in sorted(self._held(name) if name not in replaced else (), key=_by_label):
                note = statement.at.step('mode="copy" copies the caller\'s headers into the request')
                steps = (*tainted.steps, note)
                shown = "Authorization" if name == "authorization" else name
                kind = SinkKind.OUTGOING_REQUEST
                self.flows.append(Flow(tainted, kind, shown, statement.at, target, steps, endpoint=endpoint))

    def _reach(
        self,
        value: Value,
        sink: SinkKind,
        name: str,
        statement: Statement,
        target: str = "",
        endpoint: Endpoint = Endpoint.NONE,
    ) -> None:
        at = statement.value_at(value)
        fixed = _has_fixed_host(value) if sink in (SinkKind.BACKEND_ADDRESS, SinkKind.OUTGOING_ADDRESS) else False
        for tainted in sorted(self._labels(value, statement), key=_by_label):
            step = at.step(f"{tainted.label.value} reaches {sink.value}")
            self.flows.append(Flow(tainted, sink, name, at, target, (*tainted.steps, step), statement.at, fixed, endpoint))

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
            if source.kind == "request-header" and (source.name or "authorization") in self.headers:
                yield from self.headers[source.name or "authorization"]
                continue
            if source.kind == "request-body" and self.body is not None:
                yield from (tainted for tainted in self.body if tainted.label is not Label.REQUEST_BODY)
                if all(tainted.label is not Label.REQUEST_BODY for tainted in self.body):
                    continue
            label = self._label(source)
            if label is not None:
                yield Tainted(label, source)

    def _label(self, source: Source) -> Label | None:
        match source.kind:
            case "request-header":
                if source.name in ("", "authorization"):
                    return Label.CALLER_TOKEN
                return Label.KEY if source.name in self._keys else Label.CALLER_CHOSEN
            case "request-url":
                return Label.KEY if source.name and source.name in self._keys else Label.CALLER_CHOSEN
            case "subscription":
                return Label.KEY if source.name else None
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


def _noted(labels: frozenset[Tainted], statement: Statement, place: str) -> frozenset[Tainted]:
    """The labels, with the step into a place."""

    def noted(tainted: Tainted) -> Tainted:
        step = statement.at.step(f"{tainted.label.value} goes into {place}")
        return msgspec.structs.replace(tainted, steps=(*tainted.steps, step)[-_MAX_STEPS:])

    return frozenset(map(noted, labels))


def _by_label(tainted: Tainted) -> tuple[str, str]:
    return tainted.label.value, tainted.source.name


def _same(key: Value) -> str:
    """A cache key in the form in which keys are compared: as written, white space apart."""
    return " ".join(key.text.split())


def _exists_action(element: Element) -> str:
    action = element.attribute("exists-action")
    return action.text.strip().lower() if action is not None else "override"


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
