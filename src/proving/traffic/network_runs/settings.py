"""How a road network is run and measured: the flags of the command line, and the settings of a scenario."""

from dataclasses import dataclass

from proving.traffic.errors import BadSettings


@dataclass(frozen=True, kw_only=True)
class How:
    """How to run; what is not given is as the network has it.

    Attributes:
        duration_s: How long.
        dt_s: Step.
        start_s: Time of day at which it starts.
        capacity: Vehicles on the road at first room for; it grows where they are more.
        controller: What steers automated vehicles: proving traffic drivers lists the laws.
        router: Gives vehicles other routes: rerouting (by present travel times, while they drive), at_departure (by
            those when one starts, as SUMO routes a trip), or FLOW's grid, minicity, bay_bridge, i210, continuous.
        automated_share: Share of the vehicles that are automated, 0 to 1, beside those that the network has.
        inflow_veh_per_h: So many vehicles come in all; each of the network's flows keeps its share of them.
        law: The law by which all people drive, as proving traffic drivers lists it; SUMO's, beside us, keep theirs.
        reaction_s: How late people act on what they see.
    """

    duration_s: float | None = None
    dt_s: float | None = None
    start_s: float | None = None
    capacity: int = 512
    controller: str = "none"
    router: str = "none"
    automated_share: float = 0.0
    inflow_veh_per_h: float | None = None
    law: str = ""
    reaction_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What is measured.

    Attributes:
        filling_s: While the network fills up, so long, nothing is measured.
        vehicle_class: Whose fuel law cars burn by; buses, trucks and trailers have laws of their own.
        emission_class: One of SUMO's, such as HBEFA4/PC_petrol_Euro-4: what everybody gives off as such a vehicle;
            needs: pip install 'proving[sumo]'.
    """

    filling_s: float = 0.0
    vehicle_class: str = "midBase"
    emission_class: str = ""

    def __post_init__(self) -> None:
        if not self.filling_s >= 0:
            raise BadSettings(f"filling_s must be 0 or more, not {self.filling_s}")
