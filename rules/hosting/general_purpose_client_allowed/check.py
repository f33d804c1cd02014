"""MG409: a command line that everybody has is an admitted client."""

from mcpguard.sdk import (
    ClientClass,
    ContainerApp,
    Estate,
    Issue,
    Options,
    Site,
    Verdicts,
    admitted_clients,
    known,
    sign_in,
    well_known_clients,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = sign_in(target, estate)
    for client, at in known(admitted_clients(found.auth)):
        named = well_known_clients().get(client)
        if named is not None and named.client_class is ClientClass.GENERAL_PURPOSE:
            yield Issue(
                f"{target.title} admits {named.name} ({client}), with which anybody who can sign in gets a token in a shell; "
                "take it out of allowedApplications and register the client that is meant",
                at,
                evidence=(("client", client),),
                confidence=found.server.confidence,
                key=client,
            )
