"""The service's network, platform and protocols, and its self-hosted gateways."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcpguard.core.facts import Known, Unknown, value_or_none
from mcpguard.model.kinds.gateway import GatewayApi, GatewayHostname, SelfHostedGateway, Service
from tests.normalize.test_estate import SERVICE, SERVICE_RESOURCE, child, estate
from tests.normalize.test_gateway_credentials import TEMPLATE

PREFIX = "Microsoft.WindowsAzure.ApiManagement.Gateway.Security."
NEW = "2025-08-19T08:12:44.4471093Z"
OLD = "2018-04-01T00:00:00Z"


def service(tmp_path: Path, **properties: Any) -> Service:
    return estate(tmp_path, [SERVICE_RESOURCE | {"properties": properties}]).of(Service)[0]


def template(tmp_path: Path, **properties: Any) -> Service:
    resource = {"type": "Microsoft.ApiManagement/service", "apiVersion": "2024-05-01", "name": "s", "properties": properties}
    (tmp_path / "main.json").write_text(json.dumps(TEMPLATE | {"resources": [resource]}))
    return estate(tmp_path).of(Service)[0]


def settings(found: Service) -> dict[str, bool | None]:
    assert isinstance(found.tls_settings, Known)
    return {item.member.removeprefix(PREFIX): value_or_none(item.enabled) for item in found.tls_settings.value}


def test_network_defaults(tmp_path: Path) -> None:
    found = service(tmp_path, createdAtUtc=NEW)
    for fact, wanted in ((found.public_network_access, "Enabled"), (found.virtual_network_type, "None")):
        assert isinstance(fact, Known) and fact.value == wanted and fact.defaulted


def test_a_service_without_properties_says_nothing(tmp_path: Path) -> None:
    bare = {key: value for key, value in SERVICE_RESOURCE.items() if key != "properties"}
    found = estate(tmp_path, [bare]).of(Service)[0]
    facts = (
        found.public_network_access,
        found.virtual_network_type,
        found.tls_settings,
        *(platform.version for platform in found.platforms),
    )
    assert all(isinstance(fact, Unknown) for fact in facts)


def test_platforms_of_all_locations(tmp_path: Path) -> None:
    more = [{"location": "East US", "platformVersion": "stv1"}, {"location": "North Europe"}]
    found = service(tmp_path, platformVersion="stv2", additionalLocations=more)
    seen = [(platform.location, value_or_none(platform.version)) for platform in found.platforms]
    assert seen == [("", "stv2"), ("East US", "stv1"), ("North Europe", None)]


def test_a_template_makes_a_new_service(tmp_path: Path) -> None:
    found = template(
        tmp_path, customProperties={f"{PREFIX}Protocols.Tls10": True, f"{PREFIX}Protocols.Tls11": "[parameters('x')]"}
    )
    assert [value_or_none(platform.version) for platform in found.platforms] == ["undetermined"]
    seen = settings(found)
    assert seen.pop("Protocols.Tls10") is True and seen.pop("Protocols.Tls11") is None
    assert set(seen.values()) == {False}


@pytest.mark.parametrize(("created", "wanted"), [(NEW, False), (OLD, True), (None, None)])
def test_absent_switches_depend_on_the_age(tmp_path: Path, created: str | None, wanted: bool | None) -> None:
    seen = settings(service(tmp_path, createdAtUtc=created, customProperties=None))
    assert len(seen) == 7 and set(seen.values()) == {wanted}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("True", True), ("true", True), (True, True), ("FALSE", False), (False, False), ("on", None), (None, None)],
)
def test_switches_are_texts_in_any_case(tmp_path: Path, text: object, wanted: bool | None) -> None:
    found = service(tmp_path, createdAtUtc=NEW, customProperties={f"{PREFIX}backend.protocols.TLS10": text})
    assert {value for name, value in settings(found).items() if name.lower().endswith("protocols.tls10")} == {False, wanted}


def test_ciphers_that_are_switched_by_name(tmp_path: Path) -> None:
    names = {
        "TLS_RSA_WITH_AES_128_GCM_SHA256": True,
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": True,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": False,
    }
    found = service(tmp_path, createdAtUtc=NEW, customProperties={f"{PREFIX}Ciphers.{name}": "True" for name in names})
    seen = settings(found)
    assert {name: f"Ciphers.{name}" in seen for name in names} == names
    assert isinstance(found.tls_settings, Known)
    assert found.tls_settings.value[-1].name.startswith("the cipher TLS_")


def test_computed_custom_properties_are_unknown(tmp_path: Path) -> None:
    assert isinstance(template(tmp_path, customProperties="[parameters('x')]").tls_settings, Unknown)


def test_self_hosted_gateways(tmp_path: Path) -> None:
    found = estate(
        tmp_path,
        [child("gateways/g", "gateways", locationData={"name": "here"})],
        [child("gateways/g/apis/X", "gateways/apis")],
        [child("gateways/g/hostnameConfigurations/d", "gateways/hostnameConfigurations", hostname="h", tls10Enabled=True)],
    )
    (gateway,) = found.of(SelfHostedGateway)
    assert gateway.service == SERVICE.lower()
    assert [link.api for link in found.under(gateway.key, GatewayApi)] == [f"{SERVICE.lower()}/apis/x"]
    (name,) = found.under(gateway.key, GatewayHostname)
    assert value_or_none(name.tls10) is True and isinstance(name.tls11, Unknown)
