"""Objects that every page works with: theme, settings, engine, tasks and library."""

from __future__ import annotations

from dataclasses import dataclass

from app.chat.chat_store import ChatStore
from app.gui.children.task_board import TaskBoard
from app.gui.services.download_list import DownloadList
from app.gui.services.endpoint_list import EndpointList
from app.gui.services.engine import Engine
from app.gui.services.get_list import GetList
from app.gui.services.hub_browser import HubBrowser
from app.gui.services.model_list import ModelList
from app.gui.services.settings_holder import SettingsHolder
from app.gui.theme.theme import Theme


@dataclass(frozen=True)
class Workbench:
    """One of each, made by `app.gui.shell.application` and passed to the pages."""

    theme: Theme
    settings: SettingsHolder
    engine: Engine
    tasks: TaskBoard
    models: ModelList
    downloads: DownloadList
    getting: GetList
    hub: HubBrowser
    endpoints: EndpointList
    chats: ChatStore
