"""Reports: measurements of a model, as numbers, pictures and pages."""

from unnoise.report.advice import Names as Names
from unnoise.report.assessment import Assessment as Assessment
from unnoise.report.assessment import Quantity as Quantity
from unnoise.report.assessment import evaluate as evaluate
from unnoise.report.page import Page as Page
from unnoise.report.sections import page_of as page_of
from unnoise.report.walk_page import page_of_walk as page_of_walk
