--- From a failing test to a preview: search, ask if two behaviours are left, show.
local server = require('darner.server')

local M = {}

---@class darner.Repair
---@field index integer from 0, the server's
---@field description string
---@field evidence string what running it showed
---@field origin string
---@field edit? lsp.WorkspaceEdit
---@field refused string why there is no edit; empty when there is one

---@class darner.Found
---@field nodeid string
---@field root string
---@field repairs darner.Repair[]
---@field question? darner.Question
---@field note string

---@param client vim.lsp.Client
---@param test darner.Test
---@param budget? string
function M.search(client, test, budget)
  vim.cmd.redraw() -- the menu that the test was chosen from
  server.say('looking for a repair; :DarnerCancel ends it.')
  local argument = { nodeid = test.nodeid, root = test.root, budget = budget, apply = false }
  server.execute(client, 'darner.repair', argument, function(started)
    M.wait(client, test, started.job)
  end)
end

--- Show what was found; when nothing was, the server has said why after its search, and `on_none` says it otherwise.
---@param client vim.lsp.Client
---@param test darner.Test
---@param on_none? fun(found: darner.Found)
function M.show(client, test, on_none)
  server.execute(client, 'darner.showRepairs', { nodeid = test.nodeid, root = test.root }, function(found)
    ---@cast found darner.Found
    if #found.repairs == 0 then
      return on_none and on_none(found)
    end
    if found.question then
      require('darner.question').ask(found.question, M.hearing(client, found))
    else
      require('darner.preview').open(client, found, 0)
    end
  end)
end

--- What is done with the user's answer to the question about these repairs.
---@param client vim.lsp.Client
---@param found darner.Found
---@return darner.Heard
function M.hearing(client, found)
  local function preview(index)
    require('darner.preview').open(client, found, index)
  end
  local function on_answer(answer, again)
    local argument = { nodeid = found.nodeid, root = found.root, answer = answer, apply = false }
    server.execute(client, 'darner.answer', argument, function(said)
      if said.refused then
        return again(said.refused)
      end
      if said.repair then
        return preview(said.repair)
      end
      server.say('looking for a repair that does so; :DarnerCancel ends it.')
      M.wait(client, found, said.job)
    end)
  end
  return { on_repair = preview, on_answer = on_answer }
end

--- The end of a search, and what it found.
---@param client vim.lsp.Client
---@param test darner.Test
---@param job string
function M.wait(client, test, job)
  server.wait(client, job, function(ended)
    if ended.cancelled then
      return server.say(ended.outcome ~= '' and ended.outcome or 'Cancelled; nothing was changed.')
    end
    M.show(client, test)
  end)
end

--- A code action of the server's, for which Neovim has the input line.
---@param client vim.lsp.Client
---@param test darner.Test
function M.write(client, test)
  server.execute(client, 'darner.showRepairs', { nodeid = test.nodeid, root = test.root }, function(found)
    if found.question then
      require('darner.question').write(found.question, M.hearing(client, found))
    end
  end)
end

return M
