"""Backbones. They know tensors, and nothing of diffusion: forward(x, level, cond) -> like x."""

from unnoise.networks.mlp import MLP as MLP
from unnoise.networks.resnet import ResNet as ResNet
from unnoise.networks.transformer import Transformer as Transformer
from unnoise.networks.unet import UNet as UNet
