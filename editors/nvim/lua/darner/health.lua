--- `:checkhealth darner`
local M = {}

function M.check()
  vim.health.start('Darner')
  if vim.fn.has('nvim-0.11') == 0 then
    return vim.health.error('Neovim 0.11 or newer is needed; this is ' .. tostring(vim.version()))
  end
  vim.health.ok('Neovim ' .. tostring(vim.version()))
  M.check_program()
  if vim.lsp.is_enabled('darner') then
    vim.health.ok("vim.lsp.enable('darner') was called")
  else
    vim.health.warn('The server is not enabled', "Write `vim.lsp.enable('darner')` into your init.lua")
  end
  local clients = vim.lsp.get_clients({ name = 'darner' })
  if #clients == 0 then
    vim.health.info('No server runs now: it starts with the first Python file')
  end
  for _, client in ipairs(clients) do
    M.check_client(client)
  end
  vim.health.info('Log: ' .. vim.lsp.log.get_filename())
end

--- The server can be started, and is of the plugin's version.
function M.check_program()
  local command = vim.lsp.config.darner.cmd
  if type(command) ~= 'table' then
    return vim.health.info('The server is reached in a way of your own')
  end
  local advice = "Run `make setup` in Darner's folder and put its `.venv/bin` on PATH, or write "
    .. "`vim.lsp.config('darner', { cmd = { '/path/to/darner-lsp' } })`"
  if vim.fn.executable(command[1]) == 0 then
    return vim.health.error(('`%s` is not an executable file on PATH'):format(command[1]), advice)
  end
  local started, done = pcall(function()
    return vim.system(vim.list_extend(vim.list_slice(command), { '--version' }), { text = true }):wait(20000)
  end)
  if not started or done.code ~= 0 then
    local reason = started and vim.trim(done.stderr or '') or tostring(done)
    return vim.health.error(('`%s --version` failed: %s'):format(command[1], reason), advice)
  end
  vim.health.ok(('`%s` is %s'):format(command[1], vim.trim(done.stdout)))
  M.check_version(vim.trim(done.stdout):match('%S+$') or '')
end

---@param version string
function M.check_version(version)
  local own = require('darner').version
  if version ~= own then
    vim.health.warn(('The server is version %s and this plugin is %s'):format(version, own), 'Update the older of them')
  end
end

--- A running server answers, and its project is trusted.
---@param client vim.lsp.Client
function M.check_client(client)
  local params = { command = 'darner.showStatus', arguments = {} }
  local answer = client:request_sync('workspace/executeCommand', params, 5000)
  if not answer or not answer.result then
    return vim.health.error(
      ('The server of %s does not answer'):format(client.root_dir or 'a single file'),
      'See :DarnerLog, then :DarnerRestart'
    )
  end
  local status = answer.result
  vim.health.ok(('A server runs for %s, engine %s'):format(client.root_dir or 'single files', status.engine))
  M.check_version(status.version)
  for _, project in ipairs(status.projects) do
    if project.trusted then
      vim.health.ok(('%s is trusted; %d tests fail'):format(project.root, #project.failing))
    else
      vim.health.info(
        ('%s is not trusted: nothing of it runs before `:DarnerTrust` or `darner trust`'):format(project.root)
      )
    end
  end
end

return M
