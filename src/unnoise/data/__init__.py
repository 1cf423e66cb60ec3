"""Files and DataFrames to states and back."""

from unnoise._places import check_writable as check_writable
from unnoise.data.encoded import Encoded as Encoded
from unnoise.data.encoded import EncodedCells as EncodedCells
from unnoise.data.files import read as read
from unnoise.data.files import write as write
from unnoise.data.questions import Given as Given
from unnoise.data.schema import Schema as Schema
from unnoise.data.within import Among as Among
from unnoise.data.within import Range as Range
from unnoise.data.within import Within as Within
