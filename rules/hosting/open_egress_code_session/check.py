"""MG430: sessions that run a model's code with the way out open, or a pool whose key lies open."""

from collections.abc import Iterator

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Issue,
    Known,
    Location,
    NotApplicable,
    Options,
    SessionPool,
    SettingForm,
    Site,
    Unknown,
    Verdicts,
    known,
)

_WORDS = frozenset({"session", "sessions", "pool", "mcp", "interpreter"})


def check(target: SessionPool, estate: Estate, options: Options) -> Verdicts:
    if not known(target.mcp_enabled):
        raise NotApplicable(f"{target.title} offers no MCP server")
    match target.egress_enabled:
        case Known(value=True, at=at):
            yield Issue(
                f"code in sessions of {target.title} may connect to the internet (status is not EgressDisabled); set it to "
                "EgressDisabled",
                at or target.at,
                evidence=(("part", "egress"),),
                key="egress",
            )
        case Unknown() as unknown:
            yield unknown
        case _:
            pass
    for app, name, at in _open_keys(target, estate):
        yield Issue(
            f"{app} holds the key of {target.title} in clear, in {name}; take it from a secret or from Key Vault, and renew it",
            at,
            related=(target.at.related("the pool that the key opens"),),
            evidence=(("app", app), ("name", name)),
            confidence=Confidence.MEDIUM,
            key=f"{app} {name}",
        )


def _open_keys(pool: SessionPool, estate: Estate) -> Iterator[tuple[str, str, Location]]:
    """Settings of apps that name an address of the pool, in which a key of a session pool is written out."""
    words = _WORDS | set(_split(pool.name))
    mark = f"/sessionpools/{pool.name.lower()}"
    for app, variables in _environments(estate):
        if not any(isinstance(value, str) and mark in f"{value.lower()}/" for _, value, _ in variables):
            continue
        for name, value, at in variables:
            parts = _split(name)
            if value is not None and "key" in name.lower() and words & set(parts):
                yield app, name, at


def _split(name: str) -> list[str]:
    return [part for part in name.lower().replace("_", "-").split("-") if part]


def _environments(estate: Estate) -> Iterator[tuple[str, list[tuple[str, str | bool | None, Location]]]]:
    """The variables of every app: name, value (True when one is written out but withheld, None when a secret holds it)."""
    for app in estate.of(ContainerApp):
        if isinstance(app.env, Known):
            yield (
                app.title,
                [
                    (item.name, None if item.secret else item.value.value if isinstance(item.value, Known) else True, item.at)
                    for item in app.env.value
                ],
            )
    for site in estate.of(Site):
        if isinstance(site.app_settings, Known):
            yield (
                site.title,
                [
                    (item.name, item.value.value if isinstance(item.value, Known) else True, item.at)
                    for item in site.app_settings.value.values()
                    if item.form in (SettingForm.PLAIN, SettingForm.WITHHELD)
                ],
            )
