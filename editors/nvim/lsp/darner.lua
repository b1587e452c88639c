---@brief
---
--- Darner: failing pytest tests become verified repairs, offline.
---
--- Put `editors/nvim` on the runtimepath and write `vim.lsp.enable('darner')`. Nothing of a project runs before you
--- trust it: run `darner trust` in its folder, or `:LspDarnerTrust` for this session.
---
--- Diagnostics, hover (`K`), code actions (`gra`) and code lenses work as for any server.

---@param client vim.lsp.Client
---@param bufnr integer
local function commands(client, bufnr)
  local function define(name, description, run)
    vim.api.nvim_buf_create_user_command(bufnr, name, run, { desc = description })
  end

  ---@param command string
  ---@param argument table
  local function execute(command, argument)
    client:exec_cmd({ title = command, command = command, arguments = { argument } }, { bufnr = bufnr })
  end

  define('LspDarnerTrust', 'Let Darner run the tests of this workspace until Neovim ends', function()
    client:notify('darner/setTrust', { trusted = true })
  end)
  define('LspDarnerRunTests', 'Run the tests of this project', function()
    execute('darner.runTests', { uri = vim.uri_from_bufnr(bufnr) })
  end)
  define('LspDarnerCancel', 'Cancel everything that Darner does', function()
    execute('darner.cancel', vim.empty_dict())
  end)
end

---@type vim.lsp.Config
return {
  cmd = { 'darner-lsp' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'pytest.ini', 'tox.ini', 'setup.cfg', 'setup.py', '.git' },
  init_options = { budget = 'normal', runOnSave = true },
  on_attach = commands,
}
