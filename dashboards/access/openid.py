"""Signing in at an OpenID Connect provider: code flow with PKCE, state and nonce.

Authlib speaks the protocol; here stands what it leaves open: which claims are wanted, and who may come in.
"""

import hmac
import re
import time
import warnings
from collections.abc import Mapping
from typing import Any

import httpx
from joserfc.errors import BadSignatureError, JoseError
from starlette.requests import Request

from dashboards.access.terms import Provider
from dashboards.access.tokens import Whose
from dashboards.access.visitor import EDITOR, VIEWER
from dashboards.problems import Problem

_SECONDS = 10.0  # for each answer of the provider
_KEYS_SECONDS = 60.0  # before its keys are asked for again because a signature is by none of them
_LEEWAY_SECONDS = 60  # between its clock and ours
# Signed with a key that only the provider has: neither `none` nor one that the client's secret makes.
_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[a-z0-9.-]{1,190}", re.ASCII)
_CODE = re.compile(r"[a-z_]{1,40}", re.ASCII)
_ODD = (
    JoseError,
    httpx.InvalidURL,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
)  # what an odd answer leads to


class Refused(Exception):
    """`why` is for the log alone."""

    def __init__(self, status: int, sentence: str, why: str = "") -> None:
        super().__init__(sentence)
        self.problem = Problem(status, sentence)
        self.why = why


class OpenId:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._known: Any = None  # Authlib's client with what the provider says of itself, once that was read
        self._keys_again = 0.0  # when they may be asked for again

    async def begin(self, back: str) -> tuple[str, dict[str, str]]:
        """The provider's address to go to, and what `end` wants to have again. Raises Refused.

        `back`: where the browser returns.
        """
        try:
            client = await self._client()
            made = await client.create_authorization_url(back)
        except _ODD as error:
            raise self._odd(error) from error
        return made["url"], {"back": back, **{name: made[name] for name in ("state", "nonce", "code_verifier")}}

    async def end(self, request: Request, under_way: Mapping[str, str]) -> Whose:
        """Who came back with `request`. Raises Refused."""
        given = request.query_params
        if not under_way or not hmac.compare_digest(given.get("state", "").encode(), under_way["state"].encode()):
            raise Refused(400, "This sign-in was not begun in this browser, or more than ten minutes ago: begin again.")
        if "error" in given:
            code = given["error"] if _CODE.fullmatch(given["error"]) else "an error"
            raise Refused(403, f"The provider did not sign you in: {code}.")
        try:
            return self._person(await self._claims(given.get("code", ""), under_way))
        except _ODD as error:
            raise self._odd(error) from error

    async def _client(self) -> Any:
        """Read when first needed, so that the console starts while the provider is away."""
        if self._known is not None:
            return self._known
        its = self._provider
        client = _registered(its)
        try:
            said = await client.load_server_metadata()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if str(said["issuer"]).rstrip("/") != its.issuer.rstrip("/"):
            raise Refused(502, "The provider calls itself something else than SENTINEL_OIDC_ISSUER says.")
        offered = said.get("id_token_signing_alg_values_supported") or []
        said["id_token_signing_alg_values_supported"] = sorted(_ALGORITHMS.intersection(offered)) or ["RS256"]
        if "groups" in said.get("scopes_supported", []):
            client.client_kwargs["scope"] += " groups"
        if "client_secret_basic" not in said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            client.client_kwargs["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105  (a method's name)
        self._known = client
        return client

    async def _claims(self, code: str, under_way: Mapping[str, str]) -> dict[str, Any]:
        """Of the ID token, when it is this provider's, for us, of this sign-in, and in force."""
        from authlib.integrations.base_client import OAuthError  # noqa: PLC0415

        client = await self._client()
        wanted = {
            "iss": {"essential": True, "values": [client.server_metadata["issuer"]]},
            "aud": {"essential": True, "values": [self._provider.client_id]},
        }
        verifier, back = under_way["code_verifier"], under_way["back"]
        try:
            token = await client.fetch_access_token(redirect_uri=back, code=code, code_verifier=verifier)
            claims = await self._parsed(client, token, under_way["nonce"], wanted)
            return {**claims, **(await self._more(client, token, claims))}
        except OAuthError as error:
            raise Refused(403, "The provider did not accept this sign-in: begin again.", f"{error.error}") from error
        except httpx.HTTPError as error:
            raise self._away(error) from error

    async def _parsed(self, client: Any, token: Any, nonce: str, wanted: Mapping[str, Any]) -> Any:
        """Authlib asks for the keys again where a token names one it doesn't know; here also where it names none."""
        try:
            return await client.parse_id_token(token, nonce, wanted, leeway=_LEEWAY_SECONDS)
        except BadSignatureError:
            if time.monotonic() < self._keys_again:
                raise
            self._keys_again = time.monotonic() + _KEYS_SECONDS
            await client.fetch_jwk_set(force=True)
            return await client.parse_id_token(token, nonce, wanted, leeway=_LEEWAY_SECONDS)

    async def _more(self, client: Any, token: Any, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Many providers tell the address, or the groups, at the userinfo endpoint alone."""
        listed = (*self._provider.editors, *self._provider.viewers)
        wanted = {"email"} | ({"groups"} if any("@" not in one and one != "*" for one in listed) else set())
        if wanted <= claims.keys() or "userinfo_endpoint" not in client.server_metadata:
            return {}
        said = await client.userinfo(token=token)
        if said["sub"] != claims["sub"]:
            raise ValueError("userinfo is of somebody else")
        return {name: said[name] for name in ("email", "email_verified", "groups") if name in said}

    def _person(self, claims: Mapping[str, Any]) -> Whose:
        email, groups = str(claims.get("email", "")).lower(), claims.get("groups")
        if claims.get("email_verified") is not True or not _EMAIL.fullmatch(email):
            raise Refused(403, "The provider tells no verified e-mail address of you, and the console goes by that.")
        named = {"*", email, email[email.index("@") :]}
        if isinstance(groups, list):
            named.update(group for group in groups if isinstance(group, str) and "@" not in group and group != "*")
        for role, listed in ((EDITOR, self._provider.editors), (VIEWER, self._provider.viewers)):
            if named.intersection(listed):
                return Whose(email, role)
        raise Refused(
            403, "You are signed in at the provider, but not let in here.", f"{email} is let in by no setting"
        )

    def _away(self, error: httpx.HTTPError) -> Refused:
        why = f"{self._provider.issuer}: {type(error).__name__} {error}"
        return Refused(503, "The OpenID Connect provider can't be reached; the log says why.", why)

    def _odd(self, error: Exception) -> Refused:
        why = f"{self._provider.issuer}: {type(error).__name__} {error}"
        return Refused(502, "What the OpenID Connect provider says can't be trusted; the log says why.", why)


def _registered(provider: Provider) -> Any:
    with warnings.catch_warnings(record=True):  # that it will use another HTTP client one day
        from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415  (half a second, and needed by few)

    registry: Any = OAuth  # not typed
    return registry().register(
        "provider",
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "timeout": _SECONDS},
    )
