"""The two ways in which unnoise says no."""


class InputError(ValueError):
    """What was given cannot be used; one sentence says what to do.

    The command line prints it and exits with 2.
    """


class NonFiniteError(FloatingPointError):
    """A NaN or an infinity, at the step, time and leaf that the message names.

    The command line prints it and exits with 1.
    """


def described(value: object) -> str:
    """A value in a few words, for a sentence."""
    shown = repr(value)
    return f"{type(value).__name__} {shown[:60]}{' ...' if len(shown) > 60 else ''}"
