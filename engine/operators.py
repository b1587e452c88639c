"""Every edit operator, as data: what it is called, how often such an edit is the fix, where it applies, what it does.

`prior` is how likely ONE edit of the operator (of weight 1) is the repair, relative to the others: an operator that
makes many edits has a small prior even when developers need it often. Tuned on the development tasks of
HumanEvalFix and QuixBugs; only the order matters.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import operators_call as call
from . import operators_cond as cond
from . import operators_expr as expr
from . import operators_flow as flow
from . import operators_lacking as lacking
from . import operators_name as name
from . import operators_state as state
from . import operators_stmt as stmt
from . import operators_text as text
from . import operators_undefined as undefined
from .scope import Edit, Scope

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TESTED = (ast.If, ast.While, ast.IfExp)
_ANY_EXPRESSION = (
    ast.Name, ast.Call, ast.BinOp, ast.Subscript, ast.Attribute, ast.Compare, ast.ListComp, ast.GeneratorExp,
    ast.UnaryOp, ast.Constant,
)  # fmt: skip
_ANY_STATEMENT = (
    ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.If, ast.For, ast.AsyncFor, ast.While,
    ast.With, ast.Try, ast.Raise, ast.Break, ast.Continue, ast.Assert, ast.Delete, ast.Match,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operator:
    name: str
    prior: float
    on: tuple[type[ast.AST], ...]
    edits: Callable[[Any, Scope], Iterator[Edit]]
    """Takes a node of one of the types in `on`."""


OPERATORS: tuple[Operator, ...] = (
    Operator("relational", 0.95, (ast.Compare,), expr.relational),
    Operator("arithmetic", 0.65, (ast.BinOp,), expr.arithmetic),
    Operator("augmented", 0.6, (ast.AugAssign,), expr.augmented),
    Operator("accumulate", 0.1, (ast.Assign,), expr.accumulate),
    Operator("boolean", 0.9, (ast.BoolOp,), cond.boolean),
    Operator("negate", 0.5, _TESTED, cond.negate),
    Operator("negate-filter", 0.5, (ast.comprehension,), cond.negate_filter),
    Operator("negate-value", 0.4, (ast.Return,), cond.negate_value),
    Operator("negate-operand", 0.4, (ast.BoolOp,), cond.negate_operand),
    Operator("condition-drop", 0.5, (ast.BoolOp,), cond.condition_drop),
    Operator("condition-add", 0.25, _TESTED, cond.condition_add),
    Operator("filter-add", 0.12, (ast.comprehension,), cond.filter_add),
    Operator("sign", 0.2, _ANY_EXPRESSION, expr.sign),
    Operator("boundary", 0.65, _ANY_EXPRESSION, expr.boundary),
    Operator("constant", 0.6, (ast.Constant,), expr.constant),
    Operator("swap-operands", 0.7, (ast.BinOp, ast.Compare), expr.swap_operands),
    Operator("regroup", 0.3, (ast.BinOp,), expr.regroup),
    Operator("operand-drop", 0.6, (ast.BinOp,), expr.operand_drop),
    Operator("extend", 0.17, _ANY_EXPRESSION, expr.extend),
    Operator("wrong-name", 0.7, (ast.Name,), name.wrong_name),
    Operator("unread-parameter", 0.8, (ast.Constant, ast.Call), name.unread_parameter),
    Operator("undefined-name", 1.0, (ast.Name,), undefined.undefined_name),
    Operator("missing-attribute", 1.0, _FUNCTIONS, lacking.missing_attribute),
    Operator("missing-parameter", 1.0, _FUNCTIONS, lacking.missing_parameter),
    Operator("undefined-parameter", 0.8, _FUNCTIONS, lacking.undefined_parameter),
    Operator("pass-on", 0.5, (ast.Call,), lacking.pass_on),
    Operator("pass-on-everywhere", 0.4, _FUNCTIONS, lacking.pass_on_everywhere),
    Operator("same-keywords", 0.4, (ast.Call,), lacking.same_keywords),
    Operator("short-tuple", 0.9, (ast.Return,), lacking.short_tuple),
    Operator("subexpression", 0.09, _ANY_EXPRESSION, name.subexpression),
    Operator("told-formula", 0.8, (ast.BinOp, ast.Call, ast.Name), name.told_formula),
    Operator("method-family", 0.5, (ast.Call,), call.method_family),
    Operator("wrong-attribute", 0.5, (ast.Attribute,), name.wrong_attribute),
    Operator("swap-arguments", 0.9, (ast.Call,), call.swap_arguments),
    Operator("swap-elements", 0.8, (ast.Tuple, ast.List), call.swap_elements),
    Operator("swap-branches", 0.6, (ast.IfExp,), call.swap_branches),
    Operator("swap-arms", 0.3, (ast.If,), stmt.swap_arms),
    Operator("swap-indexes", 0.5, (ast.Subscript,), call.swap_indexes),
    Operator("wrong-argument", 0.3, (ast.Call,), call.wrong_argument),
    Operator("call-keyword", 0.5, (ast.Call,), call.call_keyword),
    Operator("call-wrap", 0.07, _ANY_EXPRESSION, call.call_wrap),
    Operator("call-unwrap", 0.3, (ast.Call,), call.call_unwrap),
    Operator("type-drop", 0.4, (ast.Tuple,), call.type_drop),
    Operator("index-drop", 0.3, (ast.Subscript,), call.index_drop),
    Operator("index-add", 0.15, (ast.Name,), call.index_add),
    Operator("slice-bounds", 0.25, (ast.Slice,), call.slice_bounds),
    Operator("lookup-default", 0.1, (ast.Subscript,), call.lookup_default),
    Operator("add-await", 0.8, (ast.Call,), call.add_await),
    Operator("add-self", 0.5, (ast.Name,), name.add_self),
    Operator("container-wrap", 0.12, (ast.Return, ast.Assign, ast.AugAssign), call.container_wrap),
    Operator("container-fill", 0.2, (ast.List,), call.container_fill),
    Operator("clamp", 0.3, (ast.Assign, ast.Return), call.clamp),
    Operator("delete", 0.4, _ANY_STATEMENT, stmt.delete),
    Operator("move", 0.12, _ANY_STATEMENT, stmt.move),
    Operator("dedent", 0.25, _ANY_STATEMENT, stmt.dedent),
    Operator("indent", 0.25, _ANY_STATEMENT, stmt.indent),
    Operator("jump", 0.5, (ast.Break, ast.Continue, ast.Pass), flow.jump),
    Operator("loop-kind", 0.3, (ast.If, ast.While), flow.loop_kind),
    Operator("while-condition", 0.7, (ast.While,), flow.while_condition),
    Operator("insert-copy", 0.12, _ANY_STATEMENT, stmt.insert_copy),
    Operator("insert-else", 0.2, (ast.If,), stmt.insert_else),
    Operator("guard", 0.04, _FUNCTIONS, flow.guard),
    Operator("loop-guard", 0.1, (ast.For,), flow.loop_guard),
    Operator("return-value", 0.2, (ast.Return,), flow.return_value),
    Operator("add-return", 0.3, (ast.Expr,), flow.add_return),
    Operator("final-return", 0.2, _FUNCTIONS, flow.final_return),
    Operator("swap-returns", 0.4, (ast.Return,), flow.swap_returns),
    Operator("exception-type", 0.2, (ast.ExceptHandler, ast.Raise), flow.exception_type),
    Operator("mutable-default", 0.9, _FUNCTIONS, flow.mutable_default),
    Operator("format-string", 0.9, (ast.Constant,), stmt.format_string),
    Operator("format-spec", 0.25, (ast.Constant, ast.JoinedStr), text.format_spec),
    Operator("regex", 0.5, (ast.Constant,), text.regex),
    Operator("chain-again", 0.4, (ast.Call,), text.chain_again),
    Operator("copy", 0.1, (ast.Name, ast.Attribute), state.copy),
    Operator("aliased-rows", 0.9, (ast.BinOp,), state.aliased_rows),
    Operator("time-zone", 0.6, (ast.Call,), state.time_zone),
    Operator("add-yield", 0.06, (ast.Expr, ast.Return), state.add_yield),
    Operator("insert-jump", 0.1, (ast.If,), state.insert_jump),
    Operator("guard-raise", 0.02, _FUNCTIONS, state.guard_raise),
)
