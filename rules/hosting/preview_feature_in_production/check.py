"""MG428: a production server that stands on a preview feature."""

from collections.abc import Iterator

from mcpguard.sdk import (
    AppSetting,
    Estate,
    Fact,
    Issue,
    Known,
    Location,
    NotApplicable,
    Options,
    PreviewFeature,
    SessionPool,
    Site,
    Unknown,
    Verdicts,
    hosted_server,
    known,
    preview_features,
)

_PRODUCTION = frozenset({"production", "prod", "prd", "live"})
_POOL = "mcpserversettings"


def check(target: Site | SessionPool, estate: Estate, options: Options) -> Verdicts:
    if isinstance(target, Site):
        server = hosted_server(target, estate)
        if server is None:
            raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
        declared = estate.declaration(server)
        environment = declared.server.environment if declared is not None else None
        word: Fact[str] = Known(environment) if environment else target.environment_tag
        found = list(_of_site(target))
    else:
        word, found = target.environment_tag, list(_of_pool(target))
    if isinstance(word, Known) and not word.value:
        raise NotApplicable(f"neither the manifest nor a tag says in which environment {target.title} is")
    if isinstance(word, Known) and word.value not in _PRODUCTION:
        return
    if found:
        known(word)
    for item in found:
        if isinstance(item, Unknown):
            yield item
            continue
        feature, at = item
        yield Issue(
            f"{target.title} is in production and rests on a preview feature, {feature.name} ({feature.marker}, as of "
            f"{feature.date}); plan for its changes, or accept the finding in the manifest until a date",
            at,
            evidence=(("feature", feature.id),),
            key=feature.id,
        )


def _of_site(site: Site) -> Iterator[tuple[PreviewFeature, Location] | Unknown]:
    features = preview_features()
    match site.app_settings:
        case Known(value=settings):
            for marker, feature in features.items():
                if marker in settings:
                    yield feature, settings[marker].at
            yield from _of_flags(settings.get("azurewebjobsfeatureflags"))
        case Unknown() as unknown:
            yield unknown
    match site.extension_bundle:
        case Known(value=bundle, at=at):
            if bundle.lower() in features:
                yield features[bundle.lower()], at or site.at
        case Unknown() as unknown:
            yield unknown


def _of_flags(flags: AppSetting | None) -> Iterator[tuple[PreviewFeature, Location] | Unknown]:
    if flags is None:
        return
    match flags.value:
        case Known(value=text):
            for flag in text.split(","):
                feature = preview_features().get(flag.strip().lower())
                if feature is not None:
                    yield feature, flags.at
        case Unknown() as unknown:
            yield unknown


def _of_pool(pool: SessionPool) -> Iterator[tuple[PreviewFeature, Location] | Unknown]:
    match pool.mcp_enabled:
        case Known(value=True, at=at):
            yield preview_features()[_POOL], at or pool.at
        case Unknown() as unknown:
            yield unknown
        case _:
            pass
