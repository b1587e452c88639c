--- One short text for a statusline: the running job and its step, else how many tests fail.
local M = {}

---@type table<integer, table<string, { title: string, message: string }>> running jobs, by client and job
local jobs = {}

---@param client integer
---@param params lsp.ProgressParams
function M.progressed(client, params)
  local value = params.value
  local running = vim.lsp.get_client_by_id(client) and jobs[client] or {}
  jobs[client] = running
  if value.kind == 'end' then
    running[params.token] = nil
  else
    local known = running[params.token] or { title = '', message = '' }
    running[params.token] = { title = value.title or known.title, message = value.message or known.message }
  end
  vim.cmd.redrawstatus({ bang = true })
end

---@return string
function M.line()
  local client = vim.lsp.get_clients({ name = 'darner', bufnr = 0 })[1]
  if not client then
    return ''
  end
  local _, job = next(jobs[client.id] or {})
  local text = 'darner'
  if job then
    text = job.message ~= '' and ('%s: %s'):format(job.title, job.message) or job.title
  elseif M.failing() > 0 then
    text = ('darner: %d failing'):format(M.failing())
  end
  return (text:gsub('%%', '%%%%'))
end

--- How many tests fail; one may show in two places.
---@return integer
function M.failing()
  local tests = {}
  for _, diagnostic in ipairs(require('darner.values').diagnostics()) do
    tests[diagnostic.code] = true
  end
  return vim.tbl_count(tests)
end

return M
