"""Under what a task is driven, from the command line: laws, sensing and densities by name."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from proving.traffic.tasks.conditions import Conditions

# Said once, with all values behind it, or again for each.
SEVERAL = Parameter(consume_multiple=True)


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Under:
    """Under what a task is driven; what is not said stays as it is in the task.

    Attributes:
        laws: Human laws by name.
        sensing: What sensors and pedals are like: perfect, drawn (each world its own, up to the worst), worst,
            or sparse (those, but one measurement a step).
        densities: On networks: traffic by that of the task, such as 0.8 and 1.2.
    """

    laws: Annotated[list[str] | None, SEVERAL] = None
    sensing: Annotated[list[str] | None, SEVERAL] = None
    densities: Annotated[list[float] | None, SEVERAL] = None

    @property
    def conditions(self) -> "Conditions":
        """Return the same as tasks take it."""
        from proving.traffic.tasks.conditions import Conditions

        return Conditions(
            laws=tuple(self.laws or ()), sensing=tuple(self.sensing or ()), densities=tuple(self.densities or ())
        )


UNDER = Under()
