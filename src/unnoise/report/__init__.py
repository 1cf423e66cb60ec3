"""Pictures and pages: what evaluation found, drawn for a person to read."""

from unnoise.report.assessment import Assessment as Assessment
from unnoise.report.assessment import evaluate as evaluate
from unnoise.report.page import Report as Report
