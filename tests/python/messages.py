"""A check of error messages, for all tests."""

ANY = (TypeError, ValueError)


def check_message(message: str, fragments: list[str]) -> None:
    for fragment in fragments:
        assert fragment in message
    assert "\n" not in message
    assert len(message) < 400
