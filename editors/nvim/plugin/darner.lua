-- What a session without a Python file pays for: names of commands, and autocommands that load nothing yet.
if vim.g.loaded_darner then
  return
end
vim.g.loaded_darner = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('Darner needs Neovim 0.11 or newer; this is ' .. tostring(vim.version()) .. '.', vim.log.levels.ERROR)
  return
end

---@param name string
---@param description string
---@param options? vim.api.keyset.user_command
local function command(name, description, options)
  vim.api.nvim_create_user_command('Darner' .. name, function(given)
    require('darner.commands')[name](given)
  end, vim.tbl_extend('force', { desc = description }, options or {}))
end

command('Run', 'Run every test of this project')
command('RunTest', 'Run the test at the cursor')
command('Explain', 'Explain the failing test at the cursor')
command('Repair', 'Look for verified repairs of the failing test at the cursor, and show them', {
  nargs = '?',
  complete = function(typed)
    return vim.tbl_filter(function(budget)
      return vim.startswith(budget, typed)
    end, { 'quick', 'normal', 'deep' })
  end,
})
command('Preview', 'Show the repairs that were found for the failing test at the cursor')
command('Cancel', 'Cancel everything that Darner does')
command('Trust', 'Let Darner run the code of this workspace until Neovim ends; with ! no more', { bang = true })
command('Status', 'Say what Darner knows and does')
command('Restart', 'Stop the server and start it again')
command('Log', 'Open the log of the language clients')

local group = vim.api.nvim_create_augroup('darner', {})
vim.api.nvim_set_hl(0, 'DarnerValues', { link = 'LspInlayHint', default = true })

---@param args vim.api.keyset.create_autocmd.callback_args
---@return boolean
local function ours(args)
  local client = vim.lsp.get_client_by_id(args.data.client_id)
  return client ~= nil and client.name == 'darner'
end

vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  callback = function(args)
    if ours(args) then
      require('darner.status').progressed(args.data.client_id, args.data.params)
    end
  end,
})

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(args)
    if ours(args) then
      require('darner.values').watch()
      require('darner.ghost').enable(args.data.client_id)
    end
  end,
})
