"""Only web and email addresses leave the program."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl

from app.gui.markdown.links import external_link, shown_target

ALLOWED = [
    "http://example.org",
    "https://example.org/a/b?c=d#e",
    "HTTPS://EXAMPLE.ORG",
    "https://example.org:8443/",
    "https://127.0.0.1/x",
    "https://[::1]/x",
    "https://пример.рф/",
    "mailto:someone@example.org",
    "mailto:someone@example.org?subject=hi",
    "http://example.org/%20space",
]

REFUSED = [
    "file:///etc/passwd",
    "file://server/share",
    "//server/share",
    "\\\\server\\share",
    "smb://server/share",
    "ftp://example.org/x",
    "sftp://example.org",
    "ssh://example.org",
    "telnet://example.org",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>",
    "data:image/png;base64,AAAA",
    "about:blank",
    "qrc:/x",
    ":/x",
    "ms-settings:privacy",
    "ms-msdt:/id",
    "ms-word:ofe|u|https://example.org/x.docx",
    "search-ms:query=x",
    "steam://run/1",
    "slack://open",
    "vscode://file/etc/passwd",
    "x-apple.systempreferences:",
    "itms://example.org",
    "tel:+123456",
    "sms:+123456",
    "callto:x",
    "magnet:?xt=1",
    "jar:file:///x!/y",
    "view-source:https://example.org",
    "ws://example.org",
    "ldap://example.org",
    "gopher://example.org",
    "nfs://server/x",
    "dav://server/x",
    "chrome://settings",
    "app://x",
    "http:",
    "http://",
    "https:///path",
    "https:example.org",
    "http:/example.org",
    "mailto:",
    "mailto:nobody",
    "relative/path",
    "/absolute/path",
    "#anchor",
    "",
    "https://example.org@evil.test/",
    "https://user:password@evil.test/",
    "C:\\Windows\\System32\\calc.exe",
    "c:/windows/system32/calc.exe",
]


def test_there_are_enough_addresses() -> None:
    assert len(ALLOWED) + len(REFUSED) >= 60


@pytest.mark.parametrize("address", ALLOWED)
def test_web_and_mail_may_be_opened(address: str) -> None:
    assert external_link(QUrl(address)) == QUrl(address)


@pytest.mark.parametrize("address", REFUSED)
def test_nothing_else_may_be_opened(address: str) -> None:
    assert external_link(QUrl(address)) is None


def test_a_look_alike_host_is_shown_as_the_network_sees_it() -> None:
    assert shown_target(QUrl("https://аpple.com/x")).startswith("https://xn--")
    assert "\u202e" not in shown_target(QUrl("https://example.org/\u202egpj.exe"))
