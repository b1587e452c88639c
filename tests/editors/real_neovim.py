"""A real headless Neovim with an empty home: the plugin is installed as a native package, as the README says."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pynvim  # pyright: ignore[reportMissingTypeStubs]

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "editors" / "nvim"
NVIM = Path(sys.executable).parent / "nvim"
SERVER = Path(sys.executable).parent / "darner-lsp"
INIT = """\
vim.lsp.config('darner', {{ cmd = {{ {server} }}, init_options = {options} }})
vim.lsp.enable('darner')
vim.o.statusline = "%{{%v:lua.require'darner'.statusline()%}}"
"""
OPTIONS = "{ budget = 180, model = 'none' }"
"""Search only. Seconds, not `quick`: what is tested is the editor, also on a machine that has other work."""

T = TypeVar("T")


class Neovim:
    """One running editor. Everything is asked of it over its own RPC, keys are typed as keys."""

    def __init__(self, nvim: Any) -> None:  # noqa: ANN401 - pynvim is untyped where it matters
        self.api = nvim

    def lua(self, code: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the Lua returns
        return self.api.exec_lua(code, *arguments)

    def command(self, text: str) -> None:
        self.api.command(text)

    def type(self, keys: str) -> None:
        self.api.input(keys)

    def open(self, path: Path) -> None:
        self.command(f"edit {path}")
        until(lambda: self.lua("return #vim.lsp.get_clients({ name = 'darner', bufnr = 0 }) == 1"), "the client")
        until(lambda: self.lua("return vim.lsp.get_clients({ name = 'darner' })[1].initialized"), "the handshake")

    @property
    def pid(self) -> int:
        return int(self.api.funcs.getpid())

    @property
    def servers(self) -> list[psutil.Process]:
        """The server's running processes; two while one takes over from another."""
        found: list[psutil.Process] = []
        for each in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if "darner-lsp" in " ".join(each.cmdline()):
                    found.append(each)
        return found

    @property
    def messages(self) -> str:
        return str(self.api.funcs.execute("messages"))

    @property
    def statusline(self) -> str:
        return str(self.lua("return vim.api.nvim_eval_statusline(vim.o.statusline, {}).str"))

    @property
    def lines(self) -> list[str]:
        return list(self.api.current.buffer[:])

    def said(self, text: str) -> None:
        """Wait until Neovim has told the user this."""
        until(lambda: text in self.messages, f"the message {text!r}", lambda: self.messages)

    def listen(self, function: str) -> None:
        """Note what a function of Neovim's own is called with, from now on."""
        self.lua(f"""
            local function plain(value)
              if type(value) ~= 'table' then
                return type(value) ~= 'function' and value or nil
              end
              return vim.iter(pairs(value)):fold({{}}, function(found, key, each)
                found[key] = plain(each)
                return found
              end)
            end
            local real = {function}
            _G.heard = {{}}
            {function} = function(...)
              table.insert(_G.heard, plain({{ ... }}))
              return real(...)
            end""")

    @property
    def heard(self) -> list[Any]:
        """The arguments of each call, functions left out."""
        return list(self.lua("return _G.heard"))

    def diagnostics(self, name: str) -> list[tuple[int, str]]:
        """Line, from 1, and message of what is shown in a buffer."""
        code = """
            return vim.tbl_map(function(d) return { d.lnum + 1, d.message } end,
              vim.diagnostic.get(vim.fn.bufnr(...)))"""
        return [(int(line), str(message)) for line, message in self.lua(code, name)]

    def failing(self, name: str) -> list[tuple[int, str]]:
        return until(lambda: self.diagnostics(name), f"a diagnostic in {name}", lambda: self.messages)

    def green(self, name: str) -> None:
        until(lambda: not self.diagnostics(name), f"the diagnostics of {name} to go", lambda: self.messages)

    def float_text(self) -> str:
        """What the floating window shows, once there is one."""
        code = """
            for _, w in ipairs(vim.api.nvim_list_wins()) do
              if vim.api.nvim_win_get_config(w).relative ~= '' then
                return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(w), 0, -1, true), '\\n')
              end
            end"""
        return str(until(lambda: self.lua(code), "the floating window", lambda: self.messages))

    def values(self, name: str) -> dict[int, str]:
        """The virtual text of a buffer, by line, from 1."""
        code = """
            local found = {}
            local namespace = vim.api.nvim_get_namespaces()['darner.values']
            local buffer = vim.fn.bufnr(...)
            for _, m in ipairs(vim.api.nvim_buf_get_extmarks(buffer, namespace, 0, -1, { details = true })) do
              table.insert(found, { m[2] + 1, m[4].virt_text[1][1] })
            end
            return found"""
        return {int(line): str(text) for line, text in self.lua(code, name)}

    def buffer(self, path: Path) -> Any:  # noqa: ANN401 - pynvim's buffer
        """The loaded buffer of exactly this file."""
        return next(buffer for buffer in self.api.buffers if buffer.name == str(path))

    def show(self, path: Path) -> None:
        self.api.current.buffer = self.buffer(path)

    def preview(self) -> tuple[str, list[str]]:
        """Title and text of the shown repair, once it is shown."""
        until(lambda: len(self.api.tabpages) == 2 and len(self.api.current.tabpage.windows) == 2
            and self.lua("return vim.wo.winbar"), "the preview",
              lambda: self.messages)  # fmt: skip
        return str(self.lua("return vim.wo.winbar")), self.lines

    def asked(self) -> None:
        """Wait until Neovim's own `vim.ui.select` waits for a number."""
        until(lambda: self.api.api.get_mode()["mode"] == "c", "a question", lambda: self.messages)


@contextmanager
def neovim(home: Path, project: Path) -> Generator[Neovim]:
    """An editor whose configuration, state and packages are under `home`, started in the project."""
    package = home / "data" / "nvim" / "site" / "pack" / "darner" / "start" / "darner"
    shutil.copytree(PLUGIN, package)
    config = home / "config" / "nvim"
    config.mkdir(parents=True)
    (config / "init.lua").write_text(INIT.format(server=json.dumps(str(SERVER)), options=OPTIONS))
    folders = {f"XDG_{name.upper()}_HOME": str(home / name) for name in ("config", "data", "state")}
    environment = {**os.environ, **folders}
    before = dict(os.environ)
    os.environ.update(environment)  # pynvim starts its child with no environment of its own
    try:
        argv = [str(NVIM), "--embed", "--headless", "-n", "-i", "NONE"]
        nvim: Any = pynvim.attach("child", argv=argv)
    finally:
        os.environ.clear()
        os.environ.update(before)
    editor = Neovim(nvim)
    family = psutil.Process(editor.pid)
    try:
        editor.api.funcs.chdir(str(project))
        yield editor
    finally:
        children = [family, *family.children(recursive=True)]
        nvim.close()
        _, alive = psutil.wait_procs(children, timeout=10)
        for process in alive:
            process.kill()


def until(
    condition: Callable[[], T], what: str, more: Callable[[], str] = lambda: "", seconds: float = 300.0
) -> T:  # fmt: skip
    """Wait for a value that is true; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}\n{more()}"
        time.sleep(0.05)
    return value
