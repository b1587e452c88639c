--- Darner for Neovim. `setup` is optional: the plugin works with `vim.lsp.enable('darner')` alone.
local M = {}

--- The plugin's version; a server of another one is named by `:checkhealth darner`.
M.version = '0.1.0'

---@param options? darner.Options see |darner-options|
function M.setup(options)
  require('darner.config').set(options or {})
end

--- For a statusline: what Darner does, or how many tests fail; empty where Darner is not attached.
---@return string
function M.statusline()
  return require('darner.status').line()
end

return M
