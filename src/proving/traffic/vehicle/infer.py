"""Run an exported policy through ONNX Runtime: the only module of this package that knows it."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
from jaxtyping import Float

from proving.traffic.errors import NoSuchFile
from proving.traffic.vehicle.card import FORMAT, QUANTITIES, TaskCard, VehicleCard
from proving.traffic.vehicle.errors import BadNetwork

CARD_KEYS = {"proving.card": VehicleCard, "proving.task_card": TaskCard}
GRAPH_FIELD = 7


class OnnxNetwork:
    """An exported policy of any task, ready to act on one thread.

    Raises:
        NoSuchFile: there is no such file.
        BadNetwork: it is no ONNX file, has no card of ours, or was changed.
    """

    card: VehicleCard | TaskCard
    file_sha256: str

    def __init__(self, path: Path) -> None:
        import onnxruntime as ort

        if not path.is_file():
            raise NoSuchFile(f"{path} is not there; export a policy first: proving traffic export")
        content = path.read_bytes()
        options = ort.SessionOptions()
        # One thread: a step is microseconds, and waking others would make its time uneven.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        # ONNX Runtime's errors share no class below Exception; loading a file does nothing else that could fail.
        except Exception as error:
            raise BadNetwork(f"{path} is no ONNX network ({' '.join(str(error).split())})") from error
        self.card = _card(self._session.get_modelmeta().custom_metadata_map, path)
        self.file_sha256 = hashlib.sha256(content).hexdigest()
        if hashlib.sha256(graph_bytes(content)).hexdigest() != self.card.graph_sha256:
            raise BadNetwork(f"{path}: the network is not the one that its card was written for; export it again")
        wanted = len(self.card.readings if isinstance(self.card, VehicleCard) else self.card.features)
        given = self._session.get_inputs()[0]
        if given.shape[-1] != wanted:
            raise BadNetwork(f"{path}: the card names {wanted} observations, the network takes {given.shape[-1]}")
        self._input, self._output = given.name, self._session.get_outputs()[0].name

    def act(self, observation: Float[np.ndarray, "agent feature"]) -> Float[np.ndarray, "agent output"]:
        """Return what each agent decides on."""
        (action,) = self._session.run([self._output], {self._input: observation.astype(np.float32)})
        return np.asarray(action, dtype=np.float64)


class OnnxPolicy:
    """An exported policy for vehicles that see what their own sensors give.

    Raises:
        NoSuchFile: there is no such file.
        BadNetwork: it is no ONNX file, has no card of ours, was changed, or sees what a vehicle does not.
    """

    card: VehicleCard
    file_sha256: str

    def __init__(self, path: Path) -> None:
        self._network = OnnxNetwork(path)
        card = self._network.card
        if isinstance(card, TaskCard):
            seen = ", ".join(card.features[:3]) + (" and so on" if len(card.features) > 3 else "")
            raise BadNetwork(f"{path} was trained for {card.task!r}: it sees {seen}; no vehicle knows that by itself")
        unknown = [reading.quantity for reading in card.readings if reading.quantity not in QUANTITIES]
        if unknown:
            raise BadNetwork(f"{path} sees {', '.join(unknown)}; a vehicle knows {', '.join(QUANTITIES)}")
        self.card, self.file_sha256 = card, self._network.file_sha256

    def act(self, observation: Float[np.ndarray, "vehicle feature"]) -> Float[np.ndarray, " vehicle"]:
        """Return the action of each vehicle."""
        return self._network.act(observation)[:, 0]


def graph_bytes(content: bytes) -> bytes:
    """Return the network's part of an ONNX file: field 7 of the outermost protobuf message, as it lies there."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        field, kind = tag >> 3, tag & 7
        if kind == 2:
            size, place = _varint(content, place)
            if field == GRAPH_FIELD:
                return content[place : place + size]
            place += size
        elif kind == 0:
            _, place = _varint(content, place)
        else:
            place += 8 if kind == 1 else 4
    return b""


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(content):
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            break
    return value, place


def _card(metadata: dict[str, str], path: Path) -> VehicleCard | TaskCard:
    key = next((key for key in CARD_KEYS if key in metadata), None)
    if key is None:
        raise BadNetwork(f"{path} has no card: it was not written by 'proving traffic export'")
    try:
        card = msgspec.json.decode(metadata[key], type=CARD_KEYS[key])
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadNetwork(f"{path}: its card cannot be read ({error})") from error
    if card.format != FORMAT:
        raise BadNetwork(f"{path}: its card has format {card.format}, not {FORMAT}; export the policy again")
    return card
