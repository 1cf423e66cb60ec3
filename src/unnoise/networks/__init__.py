"""Backbones. They know tensors, and nothing of diffusion: forward(x, level, cond) -> like x."""

from unnoise.networks.encoders import Conditioned as Conditioned
from unnoise.networks.encoders import ImageEncoder as ImageEncoder
from unnoise.networks.encoders import SetEncoder as SetEncoder
from unnoise.networks.encoders import TokenEncoder as TokenEncoder
from unnoise.networks.mlp import MLP as MLP
from unnoise.networks.per_number import PerNumber as PerNumber
from unnoise.networks.products import Products as Products
from unnoise.networks.resnet import ResNet as ResNet
from unnoise.networks.small_image import SmallImage as SmallImage
from unnoise.networks.transformer import Transformer as Transformer
from unnoise.networks.unet import UNet as UNet
