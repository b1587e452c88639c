--- Which test the user means. The server knows: its code actions and code lenses carry the test's id.
local server = require('darner.server')

local M = {}

---@class darner.Test
---@field nodeid string
---@field root string

--- The failing test at the cursor; without one there, a failing test of the project that the user picks.
---@param on_test fun(client: vim.lsp.Client, test: darner.Test, here: boolean)
function M.failing(on_test)
  local client = server.client()
  if not client then
    return
  end
  local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
  params.context = { diagnostics = {}, triggerKind = vim.lsp.protocol.CodeActionTriggerKind.Invoked }
  server.request(client, 'textDocument/codeAction', params, function(actions)
    local found = M.arguments_of('darner.repair', actions)
    if #found > 0 then
      return M.pick(found, function(test)
        on_test(client, test, true)
      end)
    end
    M.failing_anywhere(client, function(test)
      on_test(client, test, false)
    end)
  end)
end

---@param client vim.lsp.Client
---@param on_test fun(test: darner.Test)
function M.failing_anywhere(client, on_test)
  server.execute(client, 'darner.showStatus', {}, function(status)
    local found = {} ---@type darner.Test[]
    for _, project in ipairs(status.projects) do
      for _, nodeid in ipairs(project.failing) do
        table.insert(found, { nodeid = nodeid, root = project.root })
      end
    end
    if #found == 0 then
      return server.say('no failing test is known; :DarnerRun runs the tests.')
    end
    M.pick(found, on_test)
  end)
end

--- The last test that begins at or above the cursor.
---@param on_test fun(client: vim.lsp.Client, test: darner.Test)
function M.nearest(on_test)
  local client = server.client()
  if not client then
    return
  end
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local params = { textDocument = vim.lsp.util.make_text_document_params() }
  server.request(client, 'textDocument/codeLens', params, function(lenses)
    local above = vim.tbl_filter(function(lens)
      return lens.range.start.line <= line
    end, lenses or {})
    local found = M.arguments_of('darner.runTests', above)
    if #found == 0 then
      return server.say('no test begins at or above the cursor.')
    end
    on_test(client, found[#found])
  end)
end

--- The arguments of one command, each once, in the order of the actions or lenses that carry it.
---@param name string
---@param carriers? { command?: lsp.Command }[]
---@return darner.Test[]
function M.arguments_of(name, carriers)
  local found, seen = {}, {}
  for _, carrier in ipairs(carriers or {}) do
    local command = carrier.command
    if command and command.command == name then
      local test = command.arguments[1]
      if not seen[test.nodeid] then
        seen[test.nodeid] = true
        table.insert(found, test)
      end
    end
  end
  return found
end

---@param found darner.Test[]
---@param on_test fun(test: darner.Test)
function M.pick(found, on_test)
  if #found == 1 then
    return on_test(found[1])
  end
  local options = {
    prompt = 'Which failing test?',
    kind = 'darner_test',
    format_item = function(test)
      return test.nodeid
    end,
  }
  vim.ui.select(found, options, function(test)
    if test then
      on_test(test)
    end
  end)
end

return M
