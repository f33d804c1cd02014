"""What is read of hosts: sites with their slots, container apps, session pools. Facts: facts/hosting.md 1.3, 1.5, 5, 7.

``config/web`` is read because a site's own ``siteConfig`` is not filled in; ``authsettingsV2`` by its plain GET, never by its
``list``; app settings only when the user asks, because that is a POST which answers secrets too.
"""

from __future__ import annotations

from mcpguard.collect.reads import Item, Needs, Read, Shape

SITE_VERSIONS = ("2025-05-01", "2024-04-01", "2023-12-01")
APP_VERSIONS = ("2025-07-01", "2025-01-01", "2024-03-01")
POOL_VERSIONS = ("2025-02-02-preview", "2025-01-01")
READER = Needs("Reader", "the resource group of the hosts", "*/read")
_SETTINGS = Needs(
    "a custom role with Microsoft.Web/sites/config/list/action",
    "the site (no reader role has it, and it shows secrets)",
    "Microsoft.Web/sites/config/list/action",
)
_WEB = "microsoft.web/sites"


def _is_function_app(item: Item) -> bool:
    return "functionapp" in item.text("kind").lower().split(",")


def _asks_settings(item: Item) -> bool:
    return item.asked.app_settings


def _in_site(type_: str) -> tuple[Read, ...]:
    def config(name: str, path: str) -> Read:
        return Read(name, f"{type_}/config", f"config/{path}", READER, SITE_VERSIONS, Shape.ONE)

    return (
        config("web", "web"),
        config("auth", "authsettingsV2"),
        config("slot-names", "slotConfigNames"),
        Read("functions", f"{type_}/functions", "functions", READER, SITE_VERSIONS, when=_is_function_app),
        Read(
            "basic-publishing",
            f"{type_}/basicpublishingcredentialspolicies",
            "basicPublishingCredentialsPolicies",
            READER,
            SITE_VERSIONS,
        ),
        Read(
            "key-vault-references",
            f"{type_}/config/configreferences",
            "config/configreferences/appsettings",
            READER,
            SITE_VERSIONS,
        ),
        Read("private-endpoints", f"{type_}/privateendpointconnections", "privateEndpointConnections", READER, SITE_VERSIONS),
        Read(
            "app-settings",
            f"{type_}/config",
            "config/appsettings/list",
            _SETTINGS,
            SITE_VERSIONS,
            Shape.POSTED,
            when=_asks_settings,
        ),
    )


IN_SITE = (
    *(read for read in _in_site(_WEB)),
    Read(
        "slots",
        f"{_WEB}/slots",
        "slots",
        READER,
        SITE_VERSIONS,
        below=tuple(r for r in _in_site(f"{_WEB}/slots") if r.name != "slot-names"),
    ),
)
IN_CONTAINER_APP = (Read("auth", "microsoft.app/containerapps/authconfigs", "authConfigs", READER, APP_VERSIONS),)
