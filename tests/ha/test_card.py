"""The picture of the README: the real climate card in Home Assistant's own frontend."""

import os
import pathlib

import pytest

from harness import dashboard


@pytest.fixture
def picture_path(home, tmp_path):
    folder = pathlib.Path(os.environ.get("HB_SCREENSHOT_DIR") or tmp_path)
    return folder / f"climate-card-{home.lane.name}.png"


def test_card(home, picture_path):
    home.assert_hashing()
    dashboard.save(home.ha)
    shown = dashboard.picture(home.ha, picture_path, "Living room", "Shares accepted", "21")
    assert "Heating" in shown
    assert "19.4" in shown
    assert "Power limit" in shown
    assert picture_path.stat().st_size > 20_000
