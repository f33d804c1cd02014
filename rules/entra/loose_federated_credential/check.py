"""MG508: a federated credential that lets in more than one workload, or the wrong one."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Application,
    Estate,
    FederatedCredential,
    Issue,
    Known,
    Options,
    Unknown,
    Verdicts,
    hosts_running_as,
    loose_federation,
    token_exchange_audiences,
)


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    for credential in target.federated.items:
        for verdict in (*_issuer(credential), *_subject(credential, estate), *_audiences(credential)):
            if isinstance(verdict, Unknown):
                yield verdict
            else:
                member, said = verdict
                yield Issue(
                    f"federated credential {credential.name} of {target.title} ({target.app_id}) {said}",
                    credential.at.child(member),
                    key=f"{credential.name}/{member}",
                )
    if target.federated.missing is not None:
        yield target.federated.missing


def _issuer(credential: FederatedCredential) -> Iterator[tuple[str, str] | Unknown]:
    match credential.issuer:
        case Known(value=issuer):
            if not issuer.lower().startswith("https://"):
                yield "issuer", f"trusts the issuer {issuer!r}, which is no https address; name the one issuer that is meant"
            elif "*" in issuer:
                yield "issuer", f"trusts the issuer {issuer!r} with a wildcard; name the one issuer that is meant"
        case Unknown() as unknown:
            yield unknown


def _subject(credential: FederatedCredential, estate: Estate) -> Iterator[tuple[str, str] | Unknown]:
    match credential.subject:
        case Known(value=subject):
            if credential.expression:
                if said := loose_federation(credential.expression):
                    yield "claimsMatchingExpression", f"matches {credential.expression!r}, {said}"
            elif "*" in subject:
                yield (
                    "subject",
                    f"has the subject {subject!r}: a wildcard there is matched as a character; write the exact subject",
                )
            elif subject.endswith(":pull_request"):
                yield "subject", f"trusts {subject!r}: every pull request of the repository; trust an environment or a branch"
            elif credential.trusts_entra and len(hosts := hosts_running_as(subject, estate)) > 1:
                names = " and ".join(host.title for host in hosts)
                yield "subject", f"trusts the identity {subject}, which {names} share; give each host an identity of its own"
        case Unknown() as unknown:
            yield unknown


def _audiences(credential: FederatedCredential) -> Iterator[tuple[str, str] | Unknown]:
    match credential.audiences:
        case Known(value=audiences):
            wrong = [audience for audience in audiences if audience not in token_exchange_audiences()]
            if wrong:
                wanted = "api://AzureADTokenExchange, or the one of its cloud"
                yield "audiences", f"accepts tokens for the audience {wrong[0]!r}, where {wanted}, is meant"
        case Unknown() as unknown:
            yield unknown
