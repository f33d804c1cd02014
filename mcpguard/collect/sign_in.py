"""Tokens: azure-identity's credentials, or one token from an environment variable. Nothing is stored."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import time
from typing import Any, Protocol

from mcpguard.collect.clouds import Cloud
from mcpguard.collect.errors import SignInError
from mcpguard.core.errors import UsageError

_HOUR = 3600
_HINTS = {
    "default": "run az login, or choose a way with --credential",
    "cli": "run az login",
    "env": "set AZURE_TENANT_ID, AZURE_CLIENT_ID and a certificate or secret, as azure-identity wants them",
    "managed-identity": "run this on a resource that has a managed identity; AZURE_CLIENT_ID names one of several",
    "workload": "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, as workload identity does",
    "browser": "sign in in the browser window, or use --credential device-code",
    "device-code": "enter the code in time, or use --credential browser",
}


class Credential(Protocol):
    """What azure-core asks for tokens."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """A token for the scopes."""


def sign_in(kind: str, tenant: str, cloud: Cloud, tell: Callable[[str], None]) -> Credential:
    """The credential of a kind; no token is asked for yet.

    Args:
        kind: one of :data:`mcpguard.collect.asked.CREDENTIALS`.
        tenant: id or domain; empty for the credential's own.
        cloud: whose authority to ask; its ``token_env`` comes before ``kind``.
        tell: how the user learns of a code to enter.

    Raises:
        SignInError: the environment lacks what the credential needs.
    """
    if cloud.token_env:
        return _static(cloud.token_env)
    from azure import identity

    own: dict[str, Any] = {"authority": cloud.authority}
    named: dict[str, Any] = {"tenant_id": tenant} if tenant else {}
    others: dict[str, Any] = {"additionally_allowed_tenants": [tenant]} if tenant else {}
    found: Credential
    try:
        match kind:
            case "cli":
                found = identity.AzureCliCredential(**named)
            case "env":
                found = _in_tenant(identity.EnvironmentCredential(**own, **others), tenant)
            case "managed-identity":
                if tenant:
                    raise UsageError("a managed identity has one tenant, its own", "leave --tenant out")
                found = identity.ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID"))
            case "workload":
                found = identity.WorkloadIdentityCredential(**own, **named)
            case "browser":
                found = identity.InteractiveBrowserCredential(**own, **named)
            case "device-code":

                def prompt(uri: str, code: str, until: object) -> None:
                    tell(f"open {uri} and enter the code {code}")

                found = identity.DeviceCodeCredential(**own, **named, prompt_callback=prompt)
            case _:
                found = _in_tenant(identity.DefaultAzureCredential(**own, **others), tenant)
    except ValueError as error:
        raise SignInError(f"no sign-in: {_first_line(error)}", _HINTS[kind]) from None
    return found


def try_token(credential: Credential, kind: str, scope: str) -> None:
    """Ask for a first token, so that a missing sign-in is said at once and in one place.

    Raises:
        SignInError: there is none.
    """
    from azure.core.exceptions import AzureError

    try:
        credential.get_token(scope)
    except AzureError as error:
        raise SignInError(f"no sign-in: {_first_line(error)}", _HINTS[kind]) from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def _static(variable: str) -> Credential:
    token = os.environ.get(variable, "")
    if not token:
        raise SignInError(f"the environment variable {variable} holds no token", f"export {variable}=…")
    from azure.core.credentials import AccessToken

    class _Static:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            return AccessToken(token, int(time()) + _HOUR)

    return _Static()


def _in_tenant(credential: Credential, tenant: str) -> Credential:
    """The credential, asked for tokens of another tenant than its own."""
    if not tenant:
        return credential

    class _InTenant:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            return credential.get_token(*scopes, **{**options, "tenant_id": tenant})

    return _InTenant()
