"""MG301: the validated token travels on to somebody for whom it was not issued."""

from mcpguard.sdk import (
    Audiences,
    Backend,
    Estate,
    HeaderState,
    Holder,
    Issue,
    Known,
    Location,
    McpServer,
    Options,
    ServerCall,
    ServerSource,
    Unknown,
    Url,
    Verdict,
    Verdicts,
    header_when_forwarded,
    host_audiences,
    host_behind,
    inbound_location,
    judged_calls,
    may_be_ours,
    validated_audiences,
    value_or_none,
    with_evidence,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """What the Authorization header holds on leaving, against what the backend is the audience of."""
    if _backend_sets_authorization(server, estate):
        return
    found: dict[str, Issue] = {}
    for call in judged_calls(server, estate):
        leaving = [
            state
            for state in header_when_forwarded(call.policy, "Authorization")
            if state.holder in (Holder.CALLER, Holder.COPIED) or state.hole is not None
        ]
        if not leaving:
            continue
        state = max(leaving, key=lambda found: (found.hole is None, found.holder is Holder.COPIED))
        for verdict in _judge(server, call, state, estate):
            match verdict:
                case Issue():
                    before = found.get(verdict.key, verdict)
                    evidence = tuple(dict.fromkeys((*before.evidence, *verdict.evidence)))
                    found[verdict.key] = with_evidence(before, evidence)
                case Unknown():
                    yield verdict
    yield from found.values()


def _judge(server: McpServer, call: ServerCall, state: HeaderState, estate: Estate) -> Verdicts:
    if state.hole is not None:
        yield state.hole
        return
    if state.holder is Holder.CALLER and server.source is not ServerSource.APIM_INFERRED:
        yield Unknown(
            f"whether the gateway forwards the caller's Authorization header of {server.title}, which no policy touches",
            "delete or replace the header in the inbound policy; what the gateway does by itself depends on its version",
            inbound_location(call, server, estate),
        )
        return
    match validated_audiences(call.policy):
        case None:
            yield Unknown(
                f"for whom the tokens are issued that callers of {server.title} bring, because the gateway validates none",
                "validate the token at the gateway (MG101)",
                server.at,
            )
        case Known(value=audiences):
            yield from _receivers(server, call, state, audiences, estate)
        case Unknown() as unknown:
            yield unknown


def _receivers(server: McpServer, call: ServerCall, state: HeaderState, audiences: Audiences, estate: Estate) -> Verdicts:
    match server.backends:
        case Known(value=urls):
            for url in urls:
                yield from _receiver(server, call, state, audiences, url, estate)
            if not urls:
                missing = f"which API the tools of {server.title} call and what audience it accepts"
                yield Unknown(missing, "add the backing API and its policy to the input", server.at)
        case Unknown() as unknown:
            yield unknown


def _receiver(
    server: McpServer, call: ServerCall, state: HeaderState, audiences: Audiences, url: Url, estate: Estate
) -> Verdicts:
    if any(audience.removeprefix("https://").split("/")[0] == url.host for audience in audiences.accepted):
        return
    host = host_behind(server, estate)
    if host is not None:
        match host_audiences(host):
            case Known(value=accepted) if accepted & audiences.accepted:
                return
            case Known():
                yield _issue(server, call, state, audiences, url, f"{host.title}, which accepts other audiences")
            case Unknown() as unknown:
                yield unknown
    elif may_be_ours(url.host, server, estate):
        yield Unknown(
            f"what audience {url.host} accepts, to which {server.title} sends the caller's token",
            "add the host and its authentication settings to the input",
            url.at,
        )
    else:
        yield _issue(server, call, state, audiences, url, f"{url.host}, which is no host of this estate")


def _issue(server: McpServer, call: ServerCall, state: HeaderState, audiences: Audiences, url: Url, receiver: str) -> Verdict:
    wanted = ", ".join(sorted(audiences.accepted)) or "any audience"
    copied = state.holder is Holder.COPIED
    how = "a policy writes it to the outgoing request" if copied else "nothing deletes or replaces it"
    at: Location = state.steps[-1] if copied else audiences.at
    return Issue(
        f"{server.title} passes the caller's token, validated for {wanted}, on to {receiver}: {how}; delete the "
        "Authorization header or replace it by a credential for that backend",
        at=Location(at.artifact, at.route, at.within),
        related=(url.at.related("the backend"),),
        flow=state.steps if copied else (),
        evidence=(("audience", wanted), ("backend", url.text), ("entry path", call.title)),
        confidence=server.confidence,
        key=f"{how} {url.host}",
    )


def _backend_sets_authorization(server: McpServer, estate: Estate) -> bool:
    """Whether every backend entity of the server writes an Authorization header of its own."""
    match server.backends:
        case Known(value=urls) if urls:
            entities = estate.under(server.service, Backend)
            setting = {value_or_none(entity.url) for entity in entities if value_or_none(entity.sets_authorization)}
            return all(url.text in setting for url in urls)
        case _:
            return False
