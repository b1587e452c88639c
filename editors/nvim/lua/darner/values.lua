--- Run-time values as virtual text: what the names of each frame of a failing test held, beside the frame's line.
--- The server sends them as the related information of its diagnostics.
local M = {}

local namespace = vim.api.nvim_create_namespace('darner.values')
local watching = false

--- Show the values now and after every change of the diagnostics.
function M.watch()
  if not watching then
    watching = true
    vim.api.nvim_create_autocmd({ 'DiagnosticChanged', 'BufReadPost' }, {
      group = vim.api.nvim_create_augroup('darner.values', {}),
      callback = M.show,
    })
  end
  M.show()
end

function M.show()
  local buffers = {} ---@type table<string, integer>
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].buftype == '' then
      vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
      buffers[vim.uri_from_bufnr(buffer)] = buffer
    end
  end
  if not require('darner.config').get().values then
    return
  end
  local seen = {} ---@type table<string, boolean>
  for _, diagnostic in ipairs(M.diagnostics()) do
    for _, frame in ipairs(vim.tbl_get(diagnostic, 'user_data', 'lsp', 'relatedInformation') or {}) do
      local buffer, line = buffers[frame.location.uri], frame.location.range.start.line
      local key = ('%s %d %s'):format(frame.location.uri, line, frame.message)
      if buffer and not seen[key] and frame.message:find(': ', 1, true) then
        seen[key] = true
        M.mark(buffer, line, frame.message)
      end
    end
  end
end

---@param buffer integer
---@param line integer from 0
---@param text string
function M.mark(buffer, line, text)
  if line < vim.api.nvim_buf_line_count(buffer) then
    vim.api.nvim_buf_set_extmark(buffer, namespace, line, 0, {
      virt_text = { { text, 'DarnerValues' } },
      virt_text_pos = 'eol',
      hl_mode = 'combine',
    })
  end
end

--- Every diagnostic of ours, in all buffers.
---@return vim.Diagnostic[]
function M.diagnostics()
  return vim.tbl_filter(function(diagnostic)
    return diagnostic.source == 'darner'
  end, vim.diagnostic.get())
end

return M
