"""The pretrained network: its shapes, weights by their order, input and features."""

import torch

from helpers.efficientnet import efficientnet_lite0, network_input, pooled_features, stage_maps

NETWORK = efficientnet_lite0()


def test_weights_go_in_by_their_order_and_fewer_stages_take_the_first_ones() -> None:
    tensors = tuple(NETWORK.state_dict().values())
    assert len(tensors) == 288  # as many as `load_efficientnet_lite0` gives
    x = torch.randn(1, 3, 64, 64)
    again, short = efficientnet_lite0(tensors), efficientnet_lite0(tensors, stages=2)
    assert torch.equal(again(x), NETWORK(x)) and again(x).shape == (1, 320, 2, 2)
    assert torch.equal(short(x), stage_maps(NETWORK, x, (2,))[0])


def test_input_is_scaled_and_grey_becomes_three_channels() -> None:
    grey = torch.tensor([0, 127, 255], dtype=torch.uint8)[:, None, None, None].expand(3, 1, 8, 8)
    x = network_input(grey, 4)
    assert x.shape == (3, 3, 4, 4) and x[:, 2, 1, 1].tolist() == [-127 / 128, 0, 1]


def test_features_are_mean_and_maximum_of_each_stage() -> None:
    pictures = (255 * torch.rand(3, 1, 40, 40)).byte()
    found = pooled_features(NETWORK, pictures, 32, (0, 2), batch_size=2)
    one, two = stage_maps(NETWORK, network_input(pictures, 32), (0, 2))
    wanted = torch.cat([one.mean((2, 3)), one.amax((2, 3)), two.mean((2, 3)), two.amax((2, 3))], 1)
    torch.testing.assert_close(found, wanted.detach(), atol=1e-5, rtol=1e-5)
    half = pooled_features(NETWORK, pictures, 32, (0, 2), amp_dtype=torch.bfloat16)
    assert half.dtype == torch.float32 and (half - wanted).abs().max() < 0.2
