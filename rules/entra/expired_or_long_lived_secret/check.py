"""MG506: secrets that have ended, that will be there for long, or that lie about in numbers."""

from datetime import datetime, timedelta

from mcpguard.sdk import (
    Application,
    Credential,
    Estate,
    Issue,
    NotApplicable,
    Options,
    ServicePrincipal,
    Unknown,
    Verdicts,
    is_microsofts,
    known,
    moment,
)

LONGEST = timedelta(days=180)
ROTATION = timedelta(days=30)


def check(target: Application | ServicePrincipal, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, Application) and target.is_blueprint:
        raise NotApplicable(f"{target.title} is an agent identity blueprint, whose secrets are for MG528")
    if isinstance(target, ServicePrincipal) and target.is_agent:
        raise NotApplicable(f"{target.title} is an agent identity, which has no credentials of its own")
    if isinstance(target, ServicePrincipal) and is_microsofts(target):
        raise NotApplicable(f"{target.title} is Microsoft's own")
    now = estate.as_of
    live: list[tuple[Credential, datetime]] = []
    # Beside a managed identity's federated credential every secret is one too many, which is for MG507.
    is_superseded = any(credential.trusts_entra for credential in target.federated.items)
    for secret in known(target.passwords):
        name = f"secret {secret.name or secret.key_id} of {target.title} ({target.app_id})"
        end = moment(secret.end)
        if end is None:
            yield Unknown(f"when the {name} ends", "export the registration again with its passwordCredentials", secret.at)
            continue
        if end <= now:
            yield Issue(
                f"{name} ended on {end.date()}; delete it, and see what still uses it",
                secret.at.child("endDateTime"),
                key=secret.key_id,
            )
            continue
        live.append((secret, end))
        if end - now > LONGEST and not is_superseded:
            yield Issue(
                f"{name} ends on {end.date()}, in {(end - now).days} days, where at most {LONGEST.days} are recommended; "
                "use a federated credential or a certificate, or a shorter secret",
                secret.at.child("endDateTime"),
                key=secret.key_id,
            )
    if len(live) > 1 and not is_superseded and not _is_rotation(live, now):
        names = ", ".join(secret.name or secret.key_id for secret, _ in live)
        yield Issue(
            f"{target.title} ({target.app_id}) has {len(live)} live secrets ({names}); keep one, and two only while rotating",
            live[0][0].at.parent,
            key="several",
        )


def _is_rotation(live: list[tuple[Credential, datetime]], now: datetime) -> bool:
    """Whether two secrets overlap as in a rotation: the newer was just made, or the older is about to end."""
    starts = [start for secret, _ in live if (start := moment(secret.start)) is not None]
    return len(live) == 2 and (
        (bool(starts) and now - max(starts) <= ROTATION) or min(end for _, end in live) - now <= ROTATION
    )
