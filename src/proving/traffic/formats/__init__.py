"""Files of other simulators: read them as a road map and its demand."""

from proving.traffic.formats.routing import Router
from proving.traffic.formats.sumo_config import Imported, read_sumo
from proving.traffic.formats.sumo_demand import read_sumo_demand
from proving.traffic.formats.sumo_net import SumoNetwork, read_sumo_net

__all__ = ["Imported", "Router", "SumoNetwork", "read_sumo", "read_sumo_demand", "read_sumo_net"]
