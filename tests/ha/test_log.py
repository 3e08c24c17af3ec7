"""Home Assistant's log of the start, when it first meets us; each other test watches the lines of its own time."""


def test_no_complaint_during_the_start(home):
    complaints = home.ha.complaints(until=home.started)
    assert not complaints, "\n".join(complaints)
