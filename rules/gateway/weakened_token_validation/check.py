"""MG109: a control that is there and has been told to look away."""

from mcpguard.sdk import (
    EffectivePolicy,
    Estate,
    Fact,
    Issue,
    Known,
    McpServer,
    Options,
    Statement,
    Unknown,
    Verdicts,
    judged_calls,
    merged,
    met,
    plain,
    unread_products,
    validates_token,
)

_TOKEN_SETTINGS = (
    "require-signed-tokens",
    "require-expiration-time",
    "clock-skew",
    "query-parameter-name",
    "failed-validation-httpcode",
)
_CERTIFICATE = "validate-client-certificate"


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every setting of every control that stands in the way of a forwarded call."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        for found in met(call.policy, lambda statement: validates_token(statement) or statement.name == _CERTIFICATE):
            if isinstance(found, Unknown):
                yield found
                continue
            for name, fact in _settings(call.policy, found):
                match fact:
                    case Known(value=value, at=at) if fault := _fault(name, value):
                        yield call.path.doubt or Issue(
                            f"{server.title} weakens its {found.name}: {fault}",
                            at=at or found.at,
                            evidence=(("entry path", call.title),),
                            confidence=server.confidence,
                            key=f"{found.name} {name}",
                        )
                    case Unknown():
                        yield fact
                    case _:
                        pass


def _settings(policy: EffectivePolicy, statement: Statement) -> list[tuple[str, Fact[str]]]:
    """The settings that can weaken a control, as far as they are written."""
    names = _TOKEN_SETTINGS if validates_token(statement) else ("ignore-error",)
    found = [(name, value) for name in names if (value := statement.element.attribute(name)) is not None]
    facts = [(name, plain(policy, statement, value)) for name, value in found]
    keys = statement.element.find("issuer-signing-keys")
    for key in keys.elements if keys is not None else ():
        text = key.content
        if text.text.strip() and not text.named_values and not text.expressions:
            facts.append(("key", Known("", statement.value_at(text))))
    return facts


def _fault(name: str, value: str) -> str:
    match name, value.lower():
        case ("require-signed-tokens", "false"):
            return "require-signed-tokens is false, so tokens without a signature pass; leave it out or set true"
        case ("require-expiration-time", "false"):
            return "require-expiration-time is false, so tokens without an end pass; leave it out or set true"
        case ("clock-skew", skew) if skew.isdigit() and (len(skew.lstrip("0")) > 3 or int(skew) > 300):
            return f"clock-skew is {skew} seconds, so expired tokens pass that long; set 300 at most"
        case ("query-parameter-name", parameter) if parameter:
            return f"the token is taken from the query parameter {value}, which ends in logs; take it from a header"
        case ("failed-validation-httpcode", code) if code not in ("401", "403"):
            return f"a token that fails is answered {code}, which clients take for something else; answer 401"
        case ("ignore-error", "true"):
            return "ignore-error is true, so a call goes on when it fails; set false"
        case ("key", _):
            return "a symmetric signing key is written into the policy; use openid-config or a certificate-id"
        case _:
            return ""
