"""MG528: one secret that is every agent of a blueprint."""

from mcpguard.sdk import Application, Estate, Issue, NotApplicable, Options, Verdicts, agents_of, is_valid_at, known


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    if not target.is_blueprint:
        raise NotApplicable(f"{target.title} is no agent identity blueprint")
    count = len(agents_of(target, estate))
    agents = f" and with it {count} {'agent' if count == 1 else 'agents'}" if count else ""
    for secret in known(target.passwords):
        if is_valid_at(secret, estate.as_of):
            until = f" until {secret.end[:10]}" if secret.end else ""
            yield Issue(
                f"{target.title}{agents} can be impersonated with the client secret {secret.name or secret.key_id}, "
                f"valid{until}; use a federated credential of a managed identity",
                secret.at,
                evidence=(("credential", secret.key_id),),
            )
