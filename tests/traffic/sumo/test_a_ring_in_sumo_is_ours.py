"""Our laws and controllers in SUMO: vehicles that it moves go exactly where our own engine has them."""

import numpy as np
import pytest

from proving.cli import run
from proving.traffic import simulate
from proving.traffic.drivers import Idm
from proving.traffic.errors import BadNetwork
from proving.traffic.sensing import Sensing
from proving.traffic.sumo import ring_in_sumo
from proving.traffic.trajectories import Trajectories
from proving.traffic.worlds import Ring

# An impatient crowd on a short ring, so that waves come soon; one in five learned to drive, with bad sensors.
RING = Ring(
    length_m=130.0,
    vehicle_count=11,
    automated_share=0.2,
    controller="learned",
    control_start_s=20.0,
    duration_s=60.0,
    driver=Idm(noise_intensity=0.2),
    spread_share=0.1,
    sensing=Sensing(gap_noise_m=0.5, latency_s=0.2),
)


@pytest.fixture(scope="module")
def both() -> tuple[Trajectories, Trajectories]:
    return ring_in_sumo(RING, 3), simulate.ring(RING, 3, "float64")


def test_everybody_is_where_our_engine_says(both: tuple[Trajectories, Trajectories]) -> None:
    sumos, ours = both
    assert sumos.speed_mps.shape == ours.speed_mps.shape == (600, 11)
    assert sumos.is_automated.tolist() == ours.is_automated.tolist()
    assert ours.speed_mps[300:].std() > 0.2, "somebody brakes"
    for name in ("speed_mps", "accel_mps2", "gap_m"):
        np.testing.assert_allclose(getattr(sumos, name), getattr(ours, name), atol=1e-6, err_msg=name)
    around_m = (sumos.position_m - ours.position_m + 65.0) % 130.0 - 65.0
    np.testing.assert_allclose(around_m, 0, atol=1e-6)


def test_collisions_in_sumo_are_told() -> None:
    blind = Ring(length_m=60.0, vehicle_count=8, duration_s=20.0, driver=Idm(noise_intensity=30.0))
    with pytest.raises(BadNetwork, match=r"the ring in SUMO: vehicles collided at \d+\.\d s"):
        ring_in_sumo(blind, 1)


def test_the_command_line_asks_sumo(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["traffic", "simulate", "ring", "--duration-s", "3", "--vehicle-count", "4", "--length-m", "60", "--json"]
    assert run([*asked, "--in-sumo"]) == 0
    assert '"vehicle_count": 4' in capsys.readouterr().out
