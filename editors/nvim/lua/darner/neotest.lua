--- A consumer for neotest: Explain and Repair for what neotest saw fail.
---
---     require('neotest').setup({ consumers = { darner = require('darner.neotest') } })
---
--- Then `require('neotest').darner.repair()` and `.explain()`, or `:Neotest darner repair`.
local server = require('darner.server')
local tests = require('darner.tests')

---@param client { listeners: table<string, function> } neotest's client
return function(client)
  local failed = {} ---@type table<string, boolean> neotest's position ids: `/path/test_a.py::TestB::test_c[1]`

  client.listeners.results = function(_, results)
    for id, result in pairs(results) do
      if id:find('::', 1, true) then
        failed[id] = result.status == 'failed' or nil
      end
    end
  end

  --- As the server names it; nil for a test that lies outside of the client's project.
  ---@param darner vim.lsp.Client
  ---@param id string
  ---@return darner.Test?
  local function test_of(darner, id)
    local root = vim.uv.fs_realpath(darner.root_dir or '.') or ''
    local file, rest = id:match('^(.-)(::.*)$')
    local path = vim.fs.relpath(root, vim.uv.fs_realpath(file) or file)
    return path and { nodeid = path .. rest, root = root }
  end

  --- Of this file, else of the project; the user picks when there are several.
  ---@param on_test fun(darner: vim.lsp.Client, test: darner.Test)
  local function pick(on_test)
    local darner = server.client()
    if not darner then
      return
    end
    local here, all = {}, {} ---@type darner.Test[], darner.Test[]
    local current = vim.api.nvim_buf_get_name(0)
    for _, id in ipairs(vim.fn.sort(vim.tbl_keys(failed))) do
      local test = test_of(darner, id)
      table.insert(all, test)
      if vim.startswith(id, current .. '::') then
        table.insert(here, test)
      end
    end
    if #all == 0 then
      return server.say('neotest saw no test fail yet.')
    end
    tests.pick(#here > 0 and here or all, function(test)
      on_test(darner, test)
    end)
  end

  return {
    repair = function()
      pick(function(darner, test)
        require('darner.repair').search(darner, test)
      end)
    end,
    explain = function()
      pick(function(darner, test)
        server.execute(darner, 'darner.explain', test)
      end)
    end,
  }
end
