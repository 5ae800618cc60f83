"""A chat that another process deleted loses neither the draft nor the window."""

from __future__ import annotations

from tests.gui.conftest import WindowMaker


def test_message_to_a_deleted_chat_stays_in_the_composer(make_window: WindowMaker) -> None:
    """The window says why, and the next message starts a new chat."""
    window = make_window()
    session = window.chat.session
    assert session.send("Hello")
    session.stop()
    assert session.chat is not None
    window._workbench.chats.delete(session.chat.id)
    window.chat._send("Are you there?")
    assert window.chat.composer.text == "Are you there?"
    assert "deleted" in window.chat.notice.text
    assert session.chat is None
    assert session.send("Are you there?")


def test_regenerating_in_a_deleted_chat_says_that_it_is_gone(make_window: WindowMaker) -> None:
    """Asking for another reply there closes the chat instead of raising."""
    window = make_window()
    session = window.chat.session
    assert session.send("Hello")
    session.stop()
    assert session.chat is not None
    window._workbench.chats.delete(session.chat.id)
    session.regenerate()
    assert "deleted" in window.chat.notice.text
    assert session.chat is None
