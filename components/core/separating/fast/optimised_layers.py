"""Faster layers that compute the same as the layers of a network."""

from functools import singledispatch
from itertools import product

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from components.core.networks.spleeter import Transposed


@singledispatch
def optimise_layers(module: nn.Module) -> nn.Module:
    """Return a module that computes in evaluation mode what `module` does, faster; `module` itself may change.

    The default replaces the children of `module`. Other functions are registered for some types below.
    """
    for name, child in module.named_children():
        setattr(module, name, optimise_layers(child))
    return module


@optimise_layers.register
def _(module: nn.Sequential) -> nn.Module:
    """Fold each batch norm into the convolution before it."""
    folded: list[nn.Module] = []
    for layer in module:
        before = folded[-1] if folded else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d | nn.ConvTranspose2d):
            folded[-1] = fuse_conv_bn_eval(before, layer, isinstance(before, nn.ConvTranspose2d))
        else:
            folded.append(layer)
    return nn.Sequential(*map(optimise_layers, folded))


@optimise_layers.register
def _(module: nn.ConvTranspose2d) -> nn.Module:
    """Replace only convolutions whose outputs do not overlap: PhaseConvolution cuts off overlap at the edges."""
    plain = (module.padding, module.output_padding, module.dilation, module.groups) == ((0, 0), (0, 0), (1, 1), 1)
    return PhaseConvolution(module) if plain and len({*module.kernel_size, *module.stride}) == 1 else module


@optimise_layers.register
def _(module: Transposed) -> nn.Module:
    return PhaseConvolution(module, crop=1)


class PhaseConvolution(nn.Module):
    """A transposed convolution that makes images `stride` times as large, as a plain convolution.

    The output samples at one place within a stride (a phase) are a convolution of the input with every `stride`-th
    weight. So each phase becomes some channels of one convolution, and the output interleaves them (Shi et al., arXiv
    1609.07009). This takes a fraction of the time, although the kernels of shorter phases are padded with zeros.
    """

    def __init__(self, transposed: nn.ConvTranspose2d, crop: int = 0) -> None:
        """Replace `transposed` (square, dense, without padding) and cut off its first `crop` rows and columns.

        The other end is cut so that the output has `stride` times the size of the image.
        """
        super().__init__()
        inputs, outputs, kernel, _ = transposed.weight.shape
        self.stride = stride = transposed.stride[0]
        reach = max((stride - 1 + crop) // stride, (kernel - 1 - crop) // stride)
        self.conv = nn.Conv2d(inputs, stride**2 * outputs, 2 * reach + 1, padding=reach)
        phases = transposed.weight.new_zeros(stride, stride, outputs, inputs, 2 * reach + 1, 2 * reach + 1)
        # output sample (stride * i + phase) = sum over offsets of
        #     input sample (i + offset) * weight (phase + crop - stride * offset)
        places = list(product(range(stride), range(-reach, reach + 1)))
        for (row, up), (column, left) in product(places, places):
            y, x = row + crop - stride * up, column + crop - stride * left
            if 0 <= y < kernel and 0 <= x < kernel:
                phases[row, column, :, :, up + reach, left + reach] = transposed.weight[:, :, y, x].T
        bias = phases.new_zeros(outputs) if transposed.bias is None else transposed.bias
        self.conv.weight = nn.Parameter(phases.flatten(0, 2), requires_grad=False)
        self.conv.bias = nn.Parameter(bias.repeat(stride**2), requires_grad=False)

    def forward(self, image: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, stride * height, stride * width)`."""
        rows: Tensor = self.conv(image).permute(0, 2, 3, 1)
        batch, height, width, _ = rows.shape
        interleaved = rows.reshape(batch, height, width, self.stride, self.stride, -1).transpose(2, 3)
        return interleaved.reshape(batch, self.stride * height, self.stride * width, -1).permute(0, 3, 1, 2)
