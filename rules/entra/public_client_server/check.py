"""MG519: a server whose registration anybody may use as a client."""

from mcpguard.sdk import Application, Estate, Issue, Known, NotApplicable, Options, Unknown, Verdicts, servers_of, value_or_none


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = servers_of(target, estate)
    offers = value_or_none(target.scopes) or value_or_none(target.app_roles)
    if not servers and not (offers and options.get("persona") == "auditor"):
        raise NotApplicable(f"{target.title} stands for no MCP server; a client may be a public client")
    what = f"{target.title}, the API of {servers[0].title}," if servers else f"{target.title}, which offers permissions,"
    match target.public_client_fallback:
        case Known(value=True, at=at):
            yield Issue(f"{what} allows public client flows (isFallbackPublicClient is true); set it to false", at or target.at)
        case Unknown() as unknown:
            yield unknown
        case Known():
            pass
    match target.redirect_uris:
        case Known(value=uris):
            public = [uri for uri in uris if uri.platform == "publicClient"]
            if public:
                yield Issue(
                    f"{what} has the redirect URI {public[0].uri} of a public client; give desktop clients a registration of "
                    "their own and preauthorize it",
                    public[0].at,
                    key="redirect",
                )
        case Unknown() as unknown:
            yield unknown
