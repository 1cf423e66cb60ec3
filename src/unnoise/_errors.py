"""The two ways in which unnoise says no."""


class InputError(ValueError):
    """What was given cannot be used. The message is one sentence: what was got, what was expected, what to do.

    The command line prints it without a traceback and exits with 2.
    """


class NonFiniteError(FloatingPointError):
    """A computation met a NaN or an infinity. The message names the step, the time and the leaf of the state.

    The command line prints it without a traceback and exits with 1.
    """
