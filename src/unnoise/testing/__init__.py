"""The laws that a law, a space, a process and a sampler must keep, a user's own as well as those of the package.

Each `check_*` runs every law that applies, returns a `Report`, and raises `LawBroken` with a readable table where one
is broken. Laws are equations between the parts of an object; exact ones are judged by a relative error, statistical
ones by a p-value with one failure budget, `FAILURE_RATE`. None of them knows a particular space or process: a new one
is held to the same laws on its first day.
"""

from unnoise.testing.findings import FAILURE_RATE as FAILURE_RATE
from unnoise.testing.findings import Finding as Finding
from unnoise.testing.findings import LawBroken as LawBroken
from unnoise.testing.findings import Report as Report
from unnoise.testing.generators import check_generator as check_generator
from unnoise.testing.laws import check_law as check_law
from unnoise.testing.processes import check_process as check_process
from unnoise.testing.samplers import check_sampler as check_sampler
from unnoise.testing.schedules import check_schedule as check_schedule
from unnoise.testing.spaces import check_space as check_space
