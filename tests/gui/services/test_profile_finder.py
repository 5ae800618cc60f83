"""Rough speeds are measured again once the machine is quiet, without another search."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.core.device_memory import PROCESSOR
from app.gui.services.profile_finder import ProfileFinder
from app.gui.shell.window import MainWindow
from app.machine.cores import usable_threads
from tests.support.machine.known_machine import MADE_UP_RATES, remember_machine
from tests.support.profiles import file_profile, with_rates

pytestmark = pytest.mark.slow


def test_rough_speeds_are_replaced_by_those_of_a_quiet_machine(
    window: MainWindow, qtbot: QtBot
) -> None:
    remember_machine()
    rough = with_rates(file_profile(), is_disturbed=True)
    assert rough.rates is not None
    rough = replace(rough, rates=replace(rough.rates, threads=usable_threads()))
    finder = ProfileFinder(window)
    finder.profile = rough
    assert rough.has_rough_speeds
    with qtbot.waitSignal(finder.found, timeout=30_000) as found:
        finder._renew(rough)
    assert not finder.is_busy
    (profile,) = found.args
    assert not profile.has_rough_speeds
    assert profile.rates.of(PROCESSOR) == MADE_UP_RATES
    assert replace(profile, rates=rough.rates) == rough


def test_another_search_ends_the_wait(window: MainWindow, qtbot: QtBot) -> None:
    remember_machine(MADE_UP_RATES.as_disturbed())
    rough = with_rates(file_profile(), is_disturbed=True)
    finder = ProfileFinder(window)
    finder._renew(rough)
    child = finder._renewal
    assert child is not None
    with qtbot.waitSignal(child.ended, timeout=30_000):
        finder.stop()
    assert finder._renewal is None
    finder._renew(with_rates(file_profile()))
    assert finder._renewal is None
