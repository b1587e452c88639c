--- The plugin's own options. What the server does is set with `vim.lsp.config('darner', { init_options = ... })`.
local M = {}

---@class darner.Options
---@field values? boolean show the values that names held beside the lines of a failing test (default true)
---@field ghost_text? boolean show inline completions, where Neovim can (0.12) and the server offers them (default true)
---@field restart? boolean start the server again when it ended unexpectedly (default true)

---@type darner.Options
local options = { values = true, ghost_text = true, restart = true }

---@param given darner.Options
function M.set(given)
  for name, value in pairs(given) do
    if options[name] == nil then
      error(("darner: '%s' is not an option; the options are values, ghost_text and restart"):format(name), 0)
    end
    vim.validate(name, value, 'boolean')
    options[name] = value
  end
end

---@return darner.Options
function M.get()
  return options
end

return M
