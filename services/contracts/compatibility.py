"""What would break an older reader or writer when one JSON Schema takes the place of another."""

from typing import Any

Schema = dict[str, Any]


def breaking(old: Schema, new: Schema) -> list[str]:
    """One sentence for each break; empty when old messages can be read and old readers find what they need."""
    found: list[str] = []
    _compare(old, new, old.get("$defs", {}), new.get("$defs", {}), "", found, set())
    return found


def _compare(
    old: Schema, new: Schema, old_defs: Schema, new_defs: Schema, path: str, found: list[str], seen: set[str]
) -> None:
    ref = old.get("$ref", "")
    if ref in seen:
        return
    seen = seen | ({ref} if ref else set())
    old, new = _resolve(old, old_defs), _resolve(new, new_defs)
    if gone := _types(old, old_defs) - _types(new, new_defs):
        found.append(f"{path or '(message)'}: the type {', '.join(sorted(gone))} is not taken any more")
    if "enum" in old or "enum" in new:
        before: list[Any] = old.get("enum", [])
        gone_values = set(map(str, before)) - set(map(str, new.get("enum", before)))
        if gone_values:
            found.append(f"{path}: the values {', '.join(sorted(gone_values))} are not taken any more")
        if "enum" not in old:
            found.append(f"{path}: takes only a list of values now")
    needed = sorted(set(new.get("required", ())) - set(old.get("required", ())))
    found += [f"{_at(path, name)}: is required now; older writers do not send it" for name in needed]
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name, field in old_fields.items():
        if name not in new_fields:
            found.append(f"{_at(path, name)}: is gone; older readers look for it")
        else:
            _compare(field, new_fields[name], old_defs, new_defs, _at(path, name), found, seen)
    if "items" in old and "items" in new:
        _compare(old["items"], new["items"], old_defs, new_defs, f"{path}[]", found, seen)
    for branch in old.get("anyOf", ()):
        twin = _twin(branch, new.get("anyOf", [new]), old_defs, new_defs)
        if twin is not None:
            _compare(branch, twin, old_defs, new_defs, path, found, seen)


def _resolve(schema: Schema, defs: Schema) -> Schema:
    ref = schema.get("$ref")
    if ref is None:
        return schema
    resolved: Schema = defs[ref.rpartition("/")[2]]
    return resolved


def _types(schema: Schema, defs: Schema) -> set[str]:
    if "anyOf" in schema:
        return {t for branch in schema["anyOf"] for t in _types(_resolve(branch, defs), defs)}
    kind = schema.get("type")
    return {kind} if isinstance(kind, str) else set(kind or ())


def _twin(branch: Schema, others: list[Schema], old_defs: Schema, new_defs: Schema) -> Schema | None:
    kind = _types(_resolve(branch, old_defs), old_defs)
    return next((o for o in others if _types(_resolve(o, new_defs), new_defs) == kind), None)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
