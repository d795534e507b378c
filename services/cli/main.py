"""The `tppo` command. Every module of this package that has `register` adds its commands; there is no list to keep."""

import importlib
import pkgutil

import typer

import services.cli as package

app = typer.Typer(
    help="Early warning of TPPO and unsafe labour migration. Start with `tppo demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _tppo() -> None:
    """Early warning of TPPO and unsafe labour migration. Start with `tppo demo`."""


for _name in sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "main"):
    _module = importlib.import_module(f"services.cli.{_name}")
    if hasattr(_module, "register"):
        _module.register(app)

if __name__ == "__main__":
    app()
