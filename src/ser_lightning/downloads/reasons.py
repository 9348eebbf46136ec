"""Why a request failed, in a few words, and whether it is worth another try."""

from __future__ import annotations

import requests

CUT = (requests.ConnectionError, requests.Timeout, requests.HTTPError, requests.exceptions.ChunkedEncodingError)
"""What may pass when asked again, as far as `may_pass` agrees."""
OVERLOADED = frozenset({408, 425, 429, 500, 502, 503, 504})
REASONS = {
    "Connection refused": "connection refused",
    "NameResolutionError": "its address is not known (no network, or no DNS)",
    "Network is unreachable": "the network is unreachable",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted (a proxy between? see REQUESTS_CA_BUNDLE)",
    "Unable to connect to proxy": "the proxy of HTTP(S)_PROXY cannot be reached",
    "Connection broken": "the connection was cut",
    "Remote end closed connection": "the connection was cut",
    "Connection aborted": "the connection was cut",
    "Read timed out": "no answer in time",
}


def reason(error: BaseException) -> str:
    """What happened, in a few words, without the layers of the libraries."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"it answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    for words, meaning in REASONS.items():
        if words in text:
            return meaning
    return text.partition("\n")[0]


def may_pass(error: requests.RequestException) -> bool:
    """Whether it is worth another try."""
    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code in OVERLOADED
    return not isinstance(error, requests.exceptions.SSLError)
