"""A directory as Graph lists it, for measuring: registrations, principals and grants of which an estate uses a few."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = "https://graph.microsoft.com/v1.0/$metadata#"
TENANT = "ce896bb5-d983-4cbe-887d-ec7d09851cd6"
_PAGE = 999
"""What Graph gives at most in one answer."""


def write_directory(folder: Path, applications: int, principals: int, grants: int) -> int:
    """Write pages of lists; the bytes written."""
    folder.mkdir(parents=True, exist_ok=True)
    size = _write(folder, "applications", "applications(owners())", applications, _application)
    size += _write(folder, "principals", "servicePrincipals", principals, _principal)
    return size + _write(folder, "grants", "oauth2PermissionGrants", grants, lambda number: _grant(number, principals))


def _write(folder: Path, name: str, context: str, count: int, make: Callable[[int], dict[str, Any]]) -> int:
    size = 0
    for start in range(0, count, _PAGE):
        items = [make(number) for number in range(start, min(start + _PAGE, count))]
        data = json.dumps({"@odata.context": ROOT + context, "value": items}).encode()
        (folder / f"{name}-{start:07}.json").write_bytes(data)
        size += len(data)
    return size


def _guid(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def _people(number: int) -> Iterator[dict[str, Any]]:
    for offset in range(2):
        person = (number + offset) % 997
        yield {
            "@odata.type": "#microsoft.graph.user",
            "id": _guid(9, person),
            "displayName": f"Person {person}",
            "userPrincipalName": f"person{person}@tailspin.example",
            "accountEnabled": True,
            "userType": "Member",
        }


def _application(number: int) -> dict[str, Any]:
    return {
        "id": _guid(1, number),
        "appId": _guid(2, number),
        "displayName": f"Application {number}",
        "createdDateTime": "2024-02-05T11:12:30Z",
        "description": None,
        "groupMembershipClaims": None,
        "identifierUris": [f"api://{_guid(2, number)}"],
        "isFallbackPublicClient": None,
        "notes": None,
        "optionalClaims": None,
        "owners": list(_people(number)),
        "publisherDomain": "tailspin.example",
        "signInAudience": "AzureADMyOrg",
        "serviceManagementReference": None,
        "tags": ["team-" + str(number % 50)],
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [
                {
                    "id": _guid(3, number),
                    "adminConsentDescription": "Access the application on behalf of the signed-in user.",
                    "adminConsentDisplayName": "Access the application",
                    "isEnabled": True,
                    "type": "User",
                    "value": "user_impersonation",
                }
            ],
            "preAuthorizedApplications": [],
        },
        "appRoles": [],
        "keyCredentials": [],
        "passwordCredentials": [
            {
                "keyId": _guid(4, number),
                "displayName": "first",
                "startDateTime": "2026-09-05T11:12:30Z",
                "endDateTime": "2027-03-05T11:12:30Z",
                "hint": "abc",
                "secretText": None,
            }
        ],
        "requiredResourceAccess": [
            {
                "resourceAppId": "00000003-0000-0000-c000-000000000000",
                "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
            }
        ],
        "publicClient": {"redirectUris": []},
        "spa": {"redirectUris": []},
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [f"https://app{number}.tailspin.example/signin"],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        },
    }


def _principal(number: int) -> dict[str, Any]:
    return {
        "id": _guid(5, number),
        "appId": _guid(2, number),
        "displayName": f"Application {number}",
        "accountEnabled": True,
        "alternativeNames": [],
        "appOwnerOrganizationId": TENANT,
        "appRoleAssignmentRequired": False,
        "appRoles": [],
        "keyCredentials": [],
        "notes": None,
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "replyUrls": [f"https://app{number}.tailspin.example/signin"],
        "servicePrincipalNames": [_guid(2, number), f"api://{_guid(2, number)}"],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
    }


def _grant(number: int, principals: int) -> dict[str, Any]:
    return {
        "id": f"grant{number:012x}",
        "clientId": _guid(5, number % principals),
        "consentType": "Principal" if number % 3 else "AllPrincipals",
        "principalId": _guid(9, number % 997) if number % 3 else None,
        "resourceId": _guid(5, number * 7 % principals),
        "scope": "openid profile User.Read offline_access",
    }
