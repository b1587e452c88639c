--- The one connection to the server: its client, its commands, the consent that it was given, its restart.
local M = {}

local RESTARTS = 3
local WITHIN_MS = 60000
local START_MS = 10000

---@type table<string, boolean> what the user said with :DarnerTrust, by root: a restarted server is told again
local consent = {}
---@type integer[] when the server was restarted, in milliseconds
local restarts = {}

local starting = false

---@param message string
---@param level? integer
function M.say(message, level)
  vim.notify('Darner: ' .. message, level or vim.log.levels.INFO)
end

---@return vim.lsp.Client?
local function running()
  return vim.lsp.get_clients({ name = 'darner', bufnr = 0 })[1] or vim.lsp.get_clients({ name = 'darner' })[1]
end

--- The client of this buffer, else (in a preview, say) any that runs. Waits for one that is about to, for who types
--- quickly; tells the user when there is none.
---@return vim.lsp.Client?
function M.client()
  vim.wait(START_MS, function()
    return not starting or running() ~= nil
  end, 20)
  local client = running()
  if not client then
    M.say("no server runs; open a Python file, and see ':checkhealth darner'.", vim.log.levels.WARN)
  end
  return client
end

--- Send one request; an error is told to the user, an answer is given to `on_answer`.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param on_answer? fun(answer: any)
function M.request(client, method, params, on_answer)
  local sent = client:request(method, params, function(problem, answer)
    if problem and problem.data and problem.data.untrusted then
      M.say('runs nothing here until you trust this workspace with :DarnerTrust.', vim.log.levels.WARN)
    elseif problem then
      M.say(problem.message, vim.log.levels.WARN)
    elseif on_answer then
      on_answer(answer)
    end
  end)
  if not sent then
    M.say('the server has ended; :DarnerRestart starts it again.', vim.log.levels.WARN)
  end
end

--- `workspace/executeCommand`.
---@param client vim.lsp.Client
---@param command string
---@param argument table
---@param on_answer? fun(answer: any)
function M.execute(client, command, argument, on_answer)
  if vim.tbl_isempty(argument) then
    argument = vim.empty_dict()
  end
  M.request(client, 'workspace/executeCommand', { command = command, arguments = { argument } }, on_answer)
end

---@class darner.Ended
---@field outcome string one sentence, perhaps empty
---@field cancelled boolean

--- Show how far the client's jobs are, until the returned function is called. Neovim itself shows no progress.
---@param client vim.lsp.Client
---@return fun()
local function echoed(client)
  local watching = vim.api.nvim_create_autocmd('LspProgress', {
    callback = function(event)
      local text = event.data.params.value.message
      if event.data.client_id == client.id and text then
        vim.cmd.redraw() -- a line more on a screen that was scrolled, by a menu say, would wait for Enter
        vim.api.nvim_echo({ { vim.fn.strcharpart('Darner: ' .. text, 0, vim.v.echospace) } }, false, {})
      end
    end,
  })
  return function()
    vim.api.nvim_del_autocmd(watching)
  end
end

--- A command that starts a job; `on_end` is called when the job has ended.
---@param client vim.lsp.Client
---@param command string
---@param argument table
---@param on_end fun(ended: darner.Ended)
function M.finish(client, command, argument, on_end)
  M.execute(client, command, argument, function(started)
    M.wait(client, started.job, on_end)
  end)
end

--- The end of a job that was started.
---@param client vim.lsp.Client
---@param job string
---@param on_end fun(ended: darner.Ended)
function M.wait(client, job, on_end)
  local quiet = echoed(client)
  M.execute(client, 'darner.wait', { job = job }, function(ended)
    quiet()
    on_end(ended)
  end)
end

---@param client vim.lsp.Client
---@param trusted boolean
function M.trust(client, trusted)
  consent[client.root_dir or ''] = trusted
  client:notify('darner/setTrust', { trusted = trusted })
end

--- `before_init`: its process is there, and cannot be asked yet.
function M.starting()
  starting = true
end

--- `on_init`: a server that was started again knows nothing of what the user said to the one before.
---@param client vim.lsp.Client
function M.started(client)
  starting = false
  local trusted = consent[client.root_dir or '']
  if trusted ~= nil then
    client:notify('darner/setTrust', { trusted = trusted })
  end
end

--- `on_exit`: start a server again that did not end because it was asked to, unless it does nothing but end.
---@param code integer
---@param signal integer
function M.ended(code, signal)
  starting = false
  local asked = code == 0 and (signal == 0 or signal == vim.uv.constants.SIGTERM)
  if asked or not require('darner.config').get().restart then
    return
  end
  local now = vim.uv.now()
  restarts = vim.tbl_filter(function(at)
    return now - at < WITHIN_MS
  end, restarts)
  local how = signal ~= 0 and ('was ended by signal %d'):format(signal) or ('ended with code %d'):format(code)
  vim.schedule(function()
    if vim.v.exiting ~= vim.NIL then
      return
    end
    if #restarts >= RESTARTS then
      M.say(('the server %s, again and again; see :DarnerLog, then :DarnerRestart.'):format(how), vim.log.levels.ERROR)
      return
    end
    table.insert(restarts, now)
    M.start()
    M.say(('the server %s and was started again; :DarnerRun runs the tests.'):format(how), vim.log.levels.WARN)
  end)
end

--- Start the server for every buffer that it serves.
function M.start()
  vim.lsp.enable('darner')
end

--- Stop every server of ours, and start them again when they have ended.
function M.restart()
  restarts = {}
  local clients = vim.lsp.get_clients({ name = 'darner' })
  for _, client in ipairs(clients) do
    client:stop()
  end
  local function when_ended(tries)
    local left = vim.tbl_filter(function(client)
      return not client:is_stopped()
    end, clients)
    if #left == 0 then
      return M.start()
    end
    if tries == 0 then
      vim.tbl_map(function(client)
        client:stop(true)
      end, left)
    end
    vim.defer_fn(function()
      when_ended(tries - 1)
    end, 50)
  end
  when_ended(40)
end

return M
