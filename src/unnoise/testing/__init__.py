"""The properties that a law, a space, a process and a sampler must have, a user's own included.

Each `check_*` returns its `Findings`, and raises `PropertyError` with a readable table where a property is broken,
unless `raises` is False. It takes `draws` of every random variable, so many test `functions`, and a `seed`. Exact
properties are judged by a relative error, statistical ones by a p-value with one `FAILURE_RATE`. `assert_mean`,
`assert_frequencies`, `assert_law` and `assert_probable` judge what else a test draws by the same rate.
"""

from unnoise.testing.findings import Finding as Finding
from unnoise.testing.findings import Findings as Findings
from unnoise.testing.findings import PropertyError as PropertyError
from unnoise.testing.generators import check_generator as check_generator
from unnoise.testing.laws import check_law as check_law
from unnoise.testing.processes import check_process as check_process
from unnoise.testing.questions import check_questions as check_questions
from unnoise.testing.samplers import check_sampler as check_sampler
from unnoise.testing.schedules import check_schedule as check_schedule
from unnoise.testing.spaces import check_space as check_space
from unnoise.testing.statistics import FAILURE_RATE as FAILURE_RATE
from unnoise.testing.statistics import ImprobableError as ImprobableError
from unnoise.testing.statistics import assert_frequencies as assert_frequencies
from unnoise.testing.statistics import assert_law as assert_law
from unnoise.testing.statistics import assert_mean as assert_mean
from unnoise.testing.statistics import assert_mean_at_most as assert_mean_at_most
from unnoise.testing.statistics import assert_probable as assert_probable
