---@brief
---
--- Darner: failing pytest tests become verified repairs, offline.
---
--- Put `editors/nvim` on the runtimepath and write `vim.lsp.enable('darner')`. Nothing of a project runs before you
--- trust it: run `darner trust` in its folder, or `:DarnerTrust` until Neovim ends.
---
--- Diagnostics, hover (`K`), code actions (`gra`) and code lenses work as for any server; see `:help darner` for more.

---@type vim.lsp.Config
return {
  cmd = { 'darner-lsp' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'pytest.ini', 'tox.ini', 'setup.cfg', 'setup.py', '.git' },
  handlers = {
    -- its label would be a second line beside the plugin's own, and then Neovim asks for a key
    ['workspace/applyEdit'] = function(problem, params, context)
      params.label = nil
      return vim.lsp.handlers['workspace/applyEdit'](problem, params, context)
    end,
  },
  commands = {
    ['darner.writeAnswer'] = function(command, context)
      local client = vim.lsp.get_client_by_id(context.client_id)
      if client then
        require('darner.repair').write(client, command.arguments[1])
      end
    end,
  },
  before_init = function()
    require('darner.server').starting()
  end,
  on_init = function(client)
    require('darner.server').started(client)
  end,
  on_exit = function(code, signal)
    require('darner.server').ended(code, signal)
  end,
}
