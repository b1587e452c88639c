"""What was found in a project's memory, and whether it still is as it was: objects are compared, never followed.

Who holds another object than before has changed. Runs inside the sandbox in the user's interpreter (Python 3.9 to
3.14); standard library only, loaded by child.py.
"""

from __future__ import annotations

import gc
import itertools
import operator
import sys
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple, cast

_HIDDEN = ("_abc_impl", "tearDown_exceptions", "_classSetupFailed")
"""What every abstract class holds and nothing outside can tell; what unittest notes anew for each class."""


class Table:
    """A mapping and the objects that it held."""

    def __init__(self, mapping: Any, named: bool) -> None:
        """`named`: its keys are the names of a module, a class or an instance, not all of which count."""
        kind = cast(Any, dict if isinstance(mapping, dict) else type(mapping))
        self._named = named
        self.keys, self.values = kind.keys(mapping), kind.values(mapping)
        """What it now holds; these views live with it."""
        self._note()

    def _note(self) -> None:
        self._keys, self._values = list(self.keys), list(self.values)

    def held(self) -> List[Any]:
        """Keys and values, when it was noted."""
        return self._keys + self._values

    def same(self) -> bool:
        if len(self.keys) == len(self._keys) and _are(self.values, self._values) and _are(self.keys, self._keys):
            return True
        if not self._named:
            return False
        before, now = _counting(self._keys, self._values), _counting(self.keys, self.values)
        if before.keys() != now.keys() or any(before[name] is not now[name] for name in now):
            return False
        self._note()
        return True


def _are(now: Iterable[Any], before: Iterable[Any]) -> bool:
    return all(map(operator.is_, now, before))


class _Flat:
    """Many collections at once: their lengths and elements, read without a step of Python's for each of them."""

    def __init__(self, collections: List[Any]) -> None:
        self._collections = collections
        self._lengths: List[int] = list(map(len, collections))
        self._elements: List[Any] = list(itertools.chain(*collections))

    def same(self) -> bool:
        elements: Iterator[Any] = itertools.chain(*self._collections)
        return list(map(len, self._collections)) == self._lengths and _are(elements, self._elements)


def _counting(names: Iterable[Any], values: Iterable[Any]) -> Dict[Any, Any]:
    """Without what the interpreter and pytest note under names of their own."""
    return {name: value for name, value in zip(names, values) if counts(name)}


def counts(name: Any) -> bool:
    return not (name in _HIDDEN or name[:1] == "@" or (name[:2] == "__" and name[-2:] == "__"))


class Noted:
    """What was noted; grows while it is being made."""

    def __init__(self, own: Dict[str, Any], around: Callable[[], List[Any]], held: Callable[[], List[Any]]) -> None:
        """`own`: the project's modules. `around`: plain values; `held`: objects that no module holds."""
        self._own, self._around, self._held = own, around, held
        self._surroundings, self._holding = around(), held()
        self.tables: List[Table] = []
        self.lists: List[Tuple[Any, Callable[[Any], Iterator[Any]], List[Any]]] = []
        self.functions: List[Any] = []
        self.bare: List[Any] = []
        """Of the functions, those without attributes."""
        self.cells: List[Any] = []
        self.instances: List[Any] = []
        self.slots: List[Tuple[Any, Any]] = []
        """The descriptor and the instance."""
        self.states: List[Tuple[Callable[[Any], Any], Any, Any]] = []
        """A function, what it is asked of, and what it then said."""

    def note(self, tell: Callable[[Any], Any], value: Any) -> None:
        self.states.append((tell, value, tell(value)))

    def settle(self) -> None:
        """Everything was found."""
        self._parts_of_functions = [list(map(part, self.functions)) for part in _OF_FUNCTIONS]
        self._in_functions = gc.get_referents(*self.functions)
        self._of_instances = [of_instance(one) for one in self.instances]
        self._in_cells = [in_cell(one) for one in self.cells]
        self._in_slots = [in_slot(one) for one in self.slots]
        self._flatten()

    def _flatten(self) -> None:
        self._all_keys = _Flat([table.keys for table in self.tables])
        self._all_values = _Flat([table.values for table in self.tables])

    def _same_tables(self) -> bool:
        if self._all_keys.same() and self._all_values.same():
            return True
        if not all(table.same() for table in self.tables):
            return False
        self._flatten()  # what does not count is noted as it is now
        return True

    def _same_functions(self) -> bool:
        """Asking a function for its code or defaults is an audited event, and audit hooks are slow: if need be."""
        now = gc.get_referents(*self.functions)
        if _are_all(now, self._in_functions):
            return True
        if not all(
            _are(map(of, self.functions), before) for of, before in zip(_OF_FUNCTIONS, self._parts_of_functions)
        ):
            return False
        self._in_functions = now  # its annotations, for instance, were read for the first time
        return True

    def unchanged(self) -> bool:
        try:
            return (
                all(sys.modules.get(name) is module for name, module in self._own.items())
                and self._around() == self._surroundings
                and _are_all(self._held(), self._holding)
                and self._same_tables()
                and all(len(one) == len(before) and _are(each(one), before) for one, each, before in self.lists)
                and not any(map(_attributes_of, self.bare))
                and self._same_functions()
                and all(map(_are, map(of_instance, self.instances), self._of_instances))
                and _are(map(in_cell, self.cells), self._in_cells)
                and _are(map(in_slot, self.slots), self._in_slots)
                and all(tell(value) == before for tell, value, before in self.states)
            )
        except Exception:  # boundary: the user's own __eq__, or a stream that was closed
            return False


def _are_all(now: List[Any], before: List[Any]) -> bool:
    return len(now) == len(before) and _are(now, before)


_attributes_of = operator.attrgetter("__dict__")
_OF_FUNCTIONS = (*map(operator.attrgetter, ("__code__", "__defaults__", "__kwdefaults__")), _attributes_of)


def of_instance(value: Any) -> Tuple[Any, Any]:
    kind = cast(Any, type(value))
    try:
        return kind, object.__getattribute__(value, "__dict__")
    except AttributeError:
        return kind, None


def in_cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return cell  # not yet filled


def in_slot(slot: Tuple[Any, Any]) -> Any:
    member, instance = slot
    try:
        return member.__get__(instance)
    except AttributeError:
        return member  # empty
