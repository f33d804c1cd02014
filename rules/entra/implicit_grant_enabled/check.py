"""MG518: tokens in the address of a browser."""

from mcpguard.sdk import Application, Confidence, Estate, Issue, Known, Options, Unknown, Verdicts


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    match target.implicit_access_tokens:
        case Known(value=True, at=at):
            yield Issue(
                f"{target.title} issues access tokens by implicit grant (enableAccessTokenIssuance is true); switch it off and "
                "use authorization codes with PKCE",
                at or target.at,
            )
        case Unknown() as unknown:
            yield unknown
        case Known():
            pass
    if options.get("persona") != "auditor" or not _has_credential(target):
        return
    match target.implicit_id_tokens:
        case Known(value=True, at=at):
            yield Issue(
                f"{target.title} issues ID tokens by implicit grant (enableIdTokenIssuance is true), which sign-in with a "
                "credential does not need; switch it off",
                at or target.at,
                confidence=Confidence.LOW,
                key="id token",
            )
        case Known() | Unknown():
            pass


def _has_credential(target: Application) -> bool:
    """Whether sign-in could redeem a code, as far as is known: without a credential it needs the ID token."""
    held = [fact.value for fact in (target.passwords, target.certificates) if isinstance(fact, Known)]
    return bool(target.federated.items) or any(held)
