"""MG507: a managed identity signs in for a registration, and the secret that it replaced is still there."""

from mcpguard.sdk import Application, Estate, Issue, NotApplicable, Options, Verdicts, known, moment


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    if target.is_blueprint:
        raise NotApplicable(f"{target.title} is an agent identity blueprint, whose secrets are for MG528")
    now = estate.as_of
    live = [secret for secret in known(target.passwords) if (end := moment(secret.end)) is None or end > now]
    if not live:
        return  # what has ended is for MG506
    trusted = [credential for credential in target.federated.items if credential.trusts_entra]
    if trusted:
        names = ", ".join(secret.name or secret.key_id for secret in live)
        yield Issue(
            f"{target.title} ({target.app_id}) trusts the managed identity of its federated credential {trusted[0].name}, and "
            f"still has a live secret ({names}); delete the secret",
            live[0].at,
            related=(trusted[0].at.related("the federated credential"),),
        )
    elif target.federated.missing is not None:
        yield target.federated.missing
