--- What the `:Darner…` commands do, by the rest of their names.
local server = require('darner.server')
local tests = require('darner.tests')

local M = {}

--- How many failed is told, because that may be in files that nobody looks at. Trouble has been told by the server.
---@param client vim.lsp.Client
---@param wanted table
local function run(client, wanted)
  server.finish(client, 'darner.runTests', wanted, function(ended)
    if not ended.cancelled and ended.outcome:find('^%d+ run') then
      server.say(ended.outcome .. '.')
    end
  end)
end

function M.Run()
  local client = server.client()
  if client then
    run(client, { uri = vim.uri_from_bufnr(0) })
  end
end

function M.RunTest()
  tests.nearest(run)
end

function M.Explain()
  tests.failing(function(client, test, here)
    local window, line = vim.api.nvim_get_current_win(), vim.api.nvim_win_get_cursor(0)[1]
    server.finish(client, 'darner.explain', test, function(ended)
      local there = vim.api.nvim_get_current_win() == window and vim.api.nvim_win_get_cursor(0)[1] == line
      if here and there and not ended.cancelled then
        vim.lsp.buf.hover()
      end
    end)
  end)
end

---@param given vim.api.keyset.create_user_command.command_args
function M.Repair(given)
  local budget = given.args ~= '' and given.args or nil
  tests.failing(function(client, test)
    require('darner.repair').search(client, test, budget)
  end)
end

function M.Preview()
  tests.failing(function(client, test)
    require('darner.repair').show(client, test, function(found)
      server.say(found.note ~= '' and found.note or 'no repair was found yet; :DarnerRepair looks for one.')
    end)
  end)
end

function M.Cancel()
  local client = server.client()
  if client then
    server.execute(client, 'darner.cancel', {}, function(answer)
      if not answer.cancelled then
        server.say('nothing runs.')
      end
    end)
  end
end

---@param given vim.api.keyset.create_user_command.command_args
function M.Trust(given)
  local client = server.client()
  if client then
    server.trust(client, not given.bang)
    local where = client.root_dir and vim.fs.basename(client.root_dir) or 'this workspace'
    server.say(
      given.bang and ('nothing of %s runs any more.'):format(where)
        or ('%s may run until Neovim ends; :DarnerTrust! takes it back.'):format(where)
    )
  end
end

--- What writes, where it runs, how fast it wrote last, and how many requests wait for it.
---@param status { model: string, device: string, queued: integer, tokens_per_second: number? }
---@return string
local function model_line(status)
  if status.model == '' then
    return 'model not loaded'
  end
  local pace = type(status.tokens_per_second) == 'number' and ('%.0f tokens/s'):format(status.tokens_per_second)
  local parts = { status.model, status.device, pace or '', status.queued > 0 and status.queued .. ' waiting' or '' }
  return table.concat(
    vim.tbl_filter(function(part)
      return part ~= ''
    end, parts),
    ', '
  )
end

function M.Status()
  local client = server.client()
  if not client then
    return
  end
  server.execute(client, 'darner.showStatus', {}, function(status)
    local lines = { ('version %s, engine %s'):format(status.version, status.engine), model_line(status) }
    for _, job in ipairs(status.jobs) do
      table.insert(lines, ('%s: %s'):format(job.job, job.title))
    end
    for _, project in ipairs(status.projects) do
      local trust = project.trusted and 'trusted' or 'not trusted'
      table.insert(lines, ('%s: %s, %d failing'):format(project.root, trust, #project.failing))
    end
    server.say(table.concat(lines, '\n'))
  end)
end

M.Restart = server.restart

function M.Log()
  vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename()))
end

return M
