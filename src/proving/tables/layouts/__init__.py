"""Ways to lay out a table's rows, each learned from a sample of them and from what queries demand."""

from proving.tables.layouts.qd_tree import learn_qd_tree

LAYOUTS = {"qd_tree": learn_qd_tree}
