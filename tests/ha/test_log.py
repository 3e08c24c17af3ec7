"""Home Assistant's log of the start, when it first meets us; each other test watches the lines of its own time."""


def test_no_complaint_during_the_start(home):
    complaints = home.ha.complaints(until=home.started)
    assert not complaints, "\n".join(complaints)


def test_no_template_trouble(home):
    """A missing key in a state message shows as a template warning that names no topic."""
    trouble = [line for line in home.ha.lines if "Template variable" in line or "TemplateError" in line]
    assert not trouble, "\n".join(trouble)
