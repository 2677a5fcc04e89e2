"""The picture of the README: what the demo draws."""

import draw_readme_picture as drawer


def test_the_picture_in_the_documents_is_what_the_demo_draws():
    assert drawer.TARGET.read_text(encoding="utf-8") == drawer.render()


def test_the_readme_shows_it_and_says_what_is_to_be_seen():
    readme = (drawer.TARGET.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "(docs/flow.svg)" in readme
