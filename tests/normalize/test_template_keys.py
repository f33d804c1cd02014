"""Which key of a Functions host a template expression takes."""

import pytest

from mcpguard.model.template_keys import HostKey, template_keys

HOST = "concat(resourceId('Microsoft.Web/sites', 'f'), '/host/default')"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (f"[listKeys({HOST}, '2024-04-01').masterKey]", [HostKey.MASTER]),
        (f"[listkeys({HOST}, '2024-04-01').MasterKey]", [HostKey.MASTER]),
        (f"[list({HOST}, '2016-08-01').functionKeys.default]", [HostKey.DEFAULT]),
        (f"[listKeys({HOST}, '2024-04-01')['functionKeys']['default']]", [HostKey.DEFAULT]),
        (f"[listKeys({HOST}, '2024-04-01').functionKeys.gateway]", [HostKey.OTHER]),
        (f"[listKeys({HOST}, '2024-04-01').systemKeys.mcp_extension]", [HostKey.OTHER]),
        ("[listKeys(resourceId('Microsoft.Web/sites/functions', 'f', 'mcp'), '2024-04-01').default]", [HostKey.OTHER]),
        ("[listKeys(resourceId('x', 'y'), '2024-04-01').keys[0].value]", [HostKey.OTHER]),
        (f"[format('{{0}} {{1}}', listKeys({HOST}, '1').masterKey, listKeys({HOST}, '1').functionKeys.default)]", None),
        ("[listKeys('it''s ) here.masterKey', '1').default]", [HostKey.OTHER]),
        ("[parameters('masterKey')]", []),
        ("[contoso.listKeys('x').masterKey]", []),
        ("[listKeys(", [HostKey.OTHER]),
        ("", []),
    ],
)
def test_keys_of_an_expression(expression: str, wanted: list[HostKey] | None) -> None:
    assert list(template_keys(expression)) == (wanted if wanted is not None else [HostKey.MASTER, HostKey.DEFAULT])
