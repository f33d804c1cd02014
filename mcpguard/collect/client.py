"""The wire: azure-core's pipeline for each service, with what is added here: patience with limits, and the guard.

Retries, back-off and Retry-After are azure-core's. Redirects are not followed. Bodies are decoded, never modelled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest

from mcpguard.collect import guard
from mcpguard.collect.answers import UNREACHABLE, Answer, Limits, Service
from mcpguard.collect.clouds import ACCOUNT, Cloud, is_loopback, origin
from mcpguard.collect.meter import Meter
from mcpguard.collect.sign_in import Credential
from mcpguard.evidence import Json
from mcpguard.evidence.redaction import mask_shapes
from mcpguard.version import __version__

_EARLY = 300
"""Seconds before it ends at which a token is replaced; azure-core asks for another one then."""
_VERBS = frozenset({"GET", "POST"})
_NO_AGAIN = frozenset({504})
"""What a query that took too long answers; the next try would take as long."""
_DEEPEST = 10
_DECODES = 3
"""How often an answer is asked for whose body is no JSON."""


class _Gate:
    """Lets a bounded number of requests pass at one time, and none before a given moment."""

    def __init__(self, width: int, stop: threading.Event, interval: float = 0.0) -> None:
        self._slots = threading.BoundedSemaphore(width)
        self._stop = stop
        self._interval = interval
        self._lock = threading.Lock()
        self._not_before = 0.0

    def hold(self, seconds: float) -> None:
        """Nothing passes for that long."""
        with self._lock:
            self._not_before = max(self._not_before, monotonic() + seconds)

    def __enter__(self) -> None:
        self._slots.acquire()
        with self._lock:
            now = monotonic()
            wait = self._not_before - now
            if self._interval:
                self._not_before = max(self._not_before, now) + self._interval
        if wait > 0:
            self._stop.wait(wait)

    def __exit__(self, *_: object) -> None:
        self._slots.release()


class _Budget:
    """The retries that are left for the whole collection."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0


class _Patience(RetryPolicy):  # type: ignore[misc]
    """azure-core's retries, within the budget; what one request is told to wait, all of the service wait.

    An answer whose status is in ``final`` is not asked for again.
    """

    def __init__(
        self, gate: _Gate, budget: _Budget, limits: Limits, stop: threading.Event, final: frozenset[int] = frozenset()
    ) -> None:
        super().__init__(
            retry_total=limits.retries,
            retry_connect=min(3, limits.retries),
            retry_read=min(1 if final else 3, limits.retries),
            retry_status=limits.retries,
            retry_backoff_factor=limits.backoff,
            retry_backoff_max=limits.longest_wait,
        )
        self._gate = gate
        self._budget = budget
        self._longest = limits.longest_wait
        self._stop = stop
        self._final = final

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        if not super().is_retry(settings, response) or self._stop.is_set():
            return False
        if response.http_response.status_code in self._final:
            return False
        wait = self.get_retry_after(response) or 0
        if wait > self._longest or not self._budget.take():
            return False
        self._gate.hold(wait)
        return True


class _Shared:
    """One credential for all workers: a token is asked for once, not by each of them (the Azure CLI is a process each time)."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], Any] = {}

    def get_token(self, *scopes: str, **options: Any) -> Any:
        with self._lock:
            held = self._tokens.get(scopes)
            # With claims the service has refused the token that is held.
            if held is None or options.get("claims") or held.expires_on - time() < _EARLY:
                self._tokens[scopes] = self._credential.get_token(*scopes, **options)
            return self._tokens[scopes]


class _Transport(RequestsTransport):  # type: ignore[misc]
    """The transport, whose waits end when the collection is stopped."""

    def __init__(self, stop: threading.Event, **options: Any) -> None:
        super().__init__(**options)
        self._stop = stop

    def sleep(self, duration: float) -> None:
        self._stop.wait(duration)


class _Guard(SansIOHTTPPolicy):  # type: ignore[misc]
    """The last look at every request, and the count of them."""

    def __init__(self, check: Callable[[str, str], None], meter: Meter) -> None:
        self._check = check
        self._meter = meter

    def on_request(self, request: Any) -> None:
        self._check(request.http_request.method, request.http_request.url)
        self._meter.request()


class Client:
    """Reads from the services of one cloud. Safe to use from several threads."""

    def __init__(
        self,
        cloud: Cloud,
        credential: Credential,
        limits: Limits,
        meter: Meter,
        stop: threading.Event,
        *,
        app_settings: bool = False,
        queries: bool = False,
    ) -> None:
        self.cloud = cloud
        self._credential = _Shared(credential)
        self._limits = limits
        self._meter = meter
        self._stop = stop
        self._app_settings = app_settings
        self._queries = queries
        self._budget = _Budget(limits.budget)
        self._lock = threading.Lock()
        self._pipelines: dict[tuple[Service, str], tuple[Any, _Gate]] = {}
        """Clients by service and account; each has ``send_request`` and ``close``."""
        self._slow = _Gate(1, stop, interval=1.0)

    def base(self, service: Service, account: str = "") -> str:
        """The address of a service; that of Foundry is one for each account."""
        match service:
            case Service.ARM:
                return self.cloud.arm
            case Service.GRAPH:
                return self.cloud.graph
            case Service.FOUNDRY:
                return self.cloud.foundry.replace(ACCOUNT, account)
            case Service.LOGS:
                return logs_base(self.cloud)

    def same_service(self, service: Service, url: str, account: str = "") -> bool:
        """Whether an address is one of the service: the only kind to which its token may go."""
        base = self.base(service, account)
        return origin(url) == origin(base) and urlsplit(url).path.startswith(urlsplit(base).path)

    def read(
        self,
        service: Service,
        url: str,
        *,
        account: str = "",
        headers: dict[str, str] | None = None,
        question: Json = None,
        slowly: bool = False,
    ) -> Answer:
        """Read one address. ``question`` is the body of a read by POST; ``slowly`` keeps to one request a second."""
        client, gate = self._pipeline(service, account)
        answer = Answer(UNREACHABLE, code="NotSent", message="the collection was stopped", url=url)
        for _ in range(_DECODES):
            if self._stop.is_set():
                break
            request = (
                HttpRequest("GET", url, headers=headers)
                if question is None
                else HttpRequest("POST", url, headers=headers, json=question)
            )
            with self._slow if slowly else gate:
                answer = self._send(client, request, url)
            if answer.status != 200 or answer.body is not None:
                break
        return answer

    def query(self, workspace: str, text: str, window: str) -> Answer:
        """Ask Log Analytics a question in Kusto.

        Args:
            workspace: the id that Log Analytics knows the workspace by, a GUID.
            text: the question.
            window: ISO 8601 interval that the rows lie in.
        """
        client, gate = self._pipeline(Service.LOGS, "")
        path = f"/workspaces/{workspace}/query"
        # The service gives up a little before the transport does, and then says so.
        headers = {"Prefer": f"wait={max(1, int(self._limits.query_timeout) - 10)}"}
        answer = Answer(UNREACHABLE, code="NotSent", message="the collection was stopped")
        for _ in range(_DECODES):
            if self._stop.is_set():
                break
            request = HttpRequest("POST", path, headers=headers, json={"query": text, "timespan": window})
            with gate:
                answer = self._send(client, request, self.base(Service.LOGS) + path)
            if answer.status != 200 or answer.body is not None:
                break
        return answer

    def close(self) -> None:
        """Close every connection."""
        for client, _ in self._pipelines.values():
            client.close()

    # -- one request ---------------------------------------------------------------------------------------------

    def _send(self, client: Any, request: HttpRequest, url: str) -> Answer:
        try:
            response = client.send_request(
                request,
                enforce_https=not is_loopback(urlsplit(url).hostname or ""),
                # A POST of ours is a read, so it can be made again.
                retry_on_methods=_VERBS,
            )
        except ClientAuthenticationError as error:
            return Answer(401, code="NoToken", message=_short(error), url=url)
        except guard.ForbiddenRequestError as error:
            return Answer(UNREACHABLE, code="Refused", message=str(error), url=url)
        except ServiceRequestError as error:
            return Answer(UNREACHABLE, code="NoConnection", message=_short(error), url=url)
        except AzureError as error:
            return Answer(UNREACHABLE, code="ConnectionLost", message=_short(error), url=url)
        body = _decoded(response.content)
        if response.status_code == 200:
            return Answer(200, body, "" if body is not None else "BrokenBody", url=url)
        said = body.get("error", body) if body else {}
        code, message = (said.get("code"), _innermost(said)) if isinstance(said, dict) else ("", said)
        return Answer(response.status_code, None, str(code or "")[:80], _one_line(message), url)

    def _pipeline(self, service: Service, account: str) -> tuple[Any, _Gate]:
        key = (service, account)
        with self._lock:
            if key not in self._pipelines:
                self._pipelines[key] = self._make(service, account)
            return self._pipelines[key]

    def _make(self, service: Service, account: str) -> tuple[Any, _Gate]:
        base = self.base(service, account)
        asks = service is Service.LOGS
        width = self._limits.concurrency if service is Service.ARM else max(1, self._limits.concurrency // 2)
        gate = _Gate(width, self._stop)
        allowed = frozenset({origin(base)})
        prefixes = (urlsplit(base).path,)

        def check(method: str, url: str) -> None:
            guard.check(method, url, allowed, prefixes, app_settings=self._app_settings, queries=self._queries)

        session = requests.Session()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A proxy from the environment has no part in talking to this very machine.
        session.trust_env = not is_loopback(urlsplit(base).hostname or "")
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=width)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        transport = _Transport(
            self._stop,
            session=session,
            session_owner=True,
            connection_timeout=self._limits.timeout,
            read_timeout=self._limits.query_timeout if asks else self._limits.timeout,
            use_env_settings=session.trust_env,
        )
        policies = [
            RequestIdPolicy(),
            HeadersPolicy({"Accept": "application/json", "x-ms-throttle-priority": "low"}),
            UserAgentPolicy(f"mcpguard/{__version__}"),
            _Patience(gate, self._budget, self._limits, self._stop, _NO_AGAIN if asks else frozenset()),
            _Guard(check, self._meter),
            BearerTokenCredentialPolicy(self._credential, scope_of(self.cloud, service)),
        ]
        if asks:
            from azure.monitor.query import LogsQueryClient  # an extra of its own

            # It knows path, version and audience; the policies are ours, and so are the answers: no objects.
            audience = scope_of(self.cloud, service).removesuffix("/.default")
            client = LogsQueryClient(self._credential, endpoint=base, audience=audience, policies=policies, transport=transport)
            return client, gate
        return PipelineClient(base, policies=policies, transport=transport), gate


def logs_base(cloud: Cloud) -> str:
    """The address of Log Analytics without the version, which its client adds."""
    return cloud.log_analytics.removesuffix("/v1")


def scope_of(cloud: Cloud, service: Service) -> str:
    """For whom a token must be."""
    match service:
        case Service.ARM:
            return f"{cloud.arm}/.default"
        case Service.GRAPH:
            return f"{cloud.graph}/.default"
        case Service.FOUNDRY:
            return f"{cloud.foundry_audience}/.default"
        case Service.LOGS:
            return f"{logs_base(cloud)}/.default"


def _decoded(content: bytes) -> dict[str, Json] | None:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) else None


def _innermost(error: dict[str, Json]) -> Json:
    """The message that says most: Log Analytics puts it into the innermost of nested errors."""
    message = error.get("message")
    for _ in range(_DEEPEST):
        inner = error.get("innererror")
        if not isinstance(inner, dict):
            break
        error = inner
        message = error.get("message") or message
    return message


def _short(error: Exception) -> str:
    return _one_line(getattr(error, "message", "") or str(error) or type(error).__name__)


def _one_line(message: object) -> str:
    """What a service says of a failure, fit to be written down."""
    return mask_shapes(" ".join(str(message or "").split()))[:200]
