"""A saved model: a folder with `config.json`, `weights.safetensors`, and `training.safetensors` to resume from.

`README.md` is its card, which nothing reads but people and the Hugging Face hub.

Nothing is pickled, and reading a folder runs no code but unnoise's own and that of modules the reader trusts. Every
file carries its checksum, and the weights name the description that they belong to. A crash leaves the old file or the
new one, and the old model stands until the new weights do.
"""

from unnoise._places import CONFIG as CONFIG
from unnoise.storage.description import Description as Description
from unnoise.storage.description import explained as explained
from unnoise.storage.description import unfinished as unfinished
from unnoise.storage.folder import TRAINING as TRAINING
from unnoise.storage.folder import check_free as check_free
from unnoise.storage.folder import complete as complete
from unnoise.storage.folder import create as create
from unnoise.storage.folder import held as held
from unnoise.storage.folder import save as save
from unnoise.storage.folder import write_card as write_card
from unnoise.storage.hub import CARD as CARD
from unnoise.storage.hub import fetched as fetched
from unnoise.storage.hub import is_name as is_name
from unnoise.storage.hub import pushed as pushed
from unnoise.storage.weights import WEIGHTS as WEIGHTS
from unnoise.storage.weights import Weights as Weights
from unnoise.storage.weights import open_weights as open_weights
