--- A repair before it is applied: your file and the repaired text as a diff split in a tab of its own.
local server = require('darner.server')

local M = {}

---@class darner.Preview
---@field client vim.lsp.Client
---@field found darner.Found
---@field repairs darner.Repair[] those that can be applied now
---@field at integer which of them is shown, from 1
---@field file integer which of its files is shown, from 1
---@field tab integer
---@field left integer window of the user's file
---@field right integer window of the repaired text
---@field scratch integer buffer of the repaired text

---@type darner.Preview?
local shown

---@param client vim.lsp.Client
---@param found darner.Found
---@param index integer the repair to show first, from 0
function M.open(client, found, index)
  local repairs = vim.tbl_filter(function(repair)
    return repair.edit ~= nil
  end, found.repairs)
  if #repairs == 0 then
    return server.say(found.repairs[1].refused, vim.log.levels.WARN)
  end
  M.discard()
  local at = 1
  for position, repair in ipairs(repairs) do
    at = repair.index == index and position or at
  end
  vim.cmd('tab split')
  local left = vim.api.nvim_get_current_win()
  local scratch = vim.api.nvim_create_buf(false, true)
  vim.bo[scratch].bufhidden = 'wipe'
  local right = vim.api.nvim_open_win(scratch, true, { split = 'right', win = left })
  local tab = vim.api.nvim_get_current_tabpage()
  shown = {
    client = client,
    found = found,
    repairs = repairs,
    at = at,
    file = 1,
    tab = tab,
    left = left,
    right = right,
    scratch = scratch,
  }
  M.map(shown)
  M.render(shown)
end

--- Keys of the repaired text's buffer only; the user's own file keeps its own.
---@param preview darner.Preview
function M.map(preview)
  local function key(keys, description, run)
    vim.keymap.set('n', keys, run, { buffer = preview.scratch, desc = 'Darner: ' .. description, nowait = true })
  end
  key('<CR>', 'apply this repair', M.apply)
  key('q', 'discard the preview', M.discard)
  key(']r', 'next repair', function()
    M.move('at', #preview.repairs, 1)
  end)
  key('[r', 'previous repair', function()
    M.move('at', #preview.repairs, -1)
  end)
  key(']f', 'next file of this repair', function()
    M.move('file', #M.changes(preview), 1)
  end)
  key('[f', 'previous file of this repair', function()
    M.move('file', #M.changes(preview), -1)
  end)
  vim.api.nvim_create_autocmd('BufWipeout', { buffer = preview.scratch, once = true, callback = M.leave })
end

---@class darner.Change
---@field uri string
---@field edits lsp.TextEdit[]

--- The edits of the shown repair by file, in either form that the protocol has for them.
---@param preview darner.Preview
---@return darner.Change[]
function M.changes(preview)
  local edit = preview.repairs[preview.at].edit ---@cast edit lsp.WorkspaceEdit
  local found = {} ---@type darner.Change[]
  for _, change in ipairs(edit.documentChanges or {}) do
    table.insert(found, { uri = change.textDocument.uri, edits = change.edits })
  end
  for uri, edits in vim.spairs(edit.changes or {}) do
    table.insert(found, { uri = uri, edits = edits })
  end
  return found
end

---@param what 'at'|'file'
---@param count integer
---@param step integer
function M.move(what, count, step)
  if shown then
    shown[what] = (shown[what] - 1 + step) % count + 1
    if what == 'at' then
      shown.file = 1
    end
    M.render(shown)
  end
end

---@param preview darner.Preview
function M.render(preview)
  local change = M.changes(preview)[preview.file]
  local buffer = vim.uri_to_bufnr(change.uri)
  vim.fn.bufload(buffer)
  vim.api.nvim_win_set_buf(preview.left, buffer)
  M.fill(preview.scratch, buffer, change.edits, preview.client.offset_encoding)
  for _, window in ipairs({ preview.left, preview.right }) do
    vim.api.nvim_win_call(window, function()
      vim.cmd('diffthis | diffupdate')
    end)
  end
  vim.wo[preview.left][0].winbar = 'your file'
  vim.wo[preview.right][0].winbar = M.title(preview)
  vim.api.nvim_win_call(preview.right, function()
    vim.cmd('silent! normal! gg]c')
  end)
end

--- The buffer's text with the edits made, in the scratch buffer.
---@param scratch integer
---@param buffer integer
---@param edits lsp.TextEdit[]
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.fill(scratch, buffer, edits, encoding)
  vim.bo[scratch].modifiable = true
  for _, option in ipairs({ 'fileformat', 'endofline', 'fixendofline', 'tabstop' }) do
    vim.bo[scratch][option] = vim.bo[buffer][option]
  end
  vim.api.nvim_buf_set_lines(scratch, 0, -1, true, vim.api.nvim_buf_get_lines(buffer, 0, -1, true))
  vim.lsp.util.apply_text_edits(vim.deepcopy(edits), scratch, encoding)
  vim.bo[scratch].buflisted = false -- the edits have listed it
  vim.bo[scratch].syntax = vim.bo[buffer].filetype -- not 'filetype': other plugins would take it for a file
  vim.bo[scratch].modifiable = false
end

--- As a winbar: where it is too long for the window, what was done gives way to what it showed.
---@param preview darner.Preview
---@return string
function M.title(preview)
  local repair, files = preview.repairs[preview.at], #M.changes(preview)
  local parts = { ('repair %d of %d'):format(preview.at, #preview.repairs) }
  if files > 1 then
    table.insert(parts, ('file %d of %d'):format(preview.file, files))
  end
  table.insert(parts, '<CR> apply, ]r next, q discard')
  local told = ('%s · %s'):format(repair.description, repair.evidence):gsub('%%', '%%%%')
  return ('%s · %%<%s'):format(table.concat(parts, ' · '), told)
end

--- Let the server apply the repair: it refuses when the text is no longer the one that was tried.
function M.apply()
  if not shown then
    return
  end
  local preview = shown
  local argument = {
    nodeid = preview.found.nodeid,
    root = preview.found.root,
    index = preview.repairs[preview.at].index,
  }
  local changes = M.changes(preview)
  M.discard()
  server.finish(preview.client, 'darner.applyRepair', argument, function()
    M.remind(changes)
  end)
end

--- What was applied is in buffers, perhaps hidden ones, and in no file yet.
---@param changes darner.Change[]
function M.remind(changes)
  local names = {} ---@type string[]
  for _, change in ipairs(changes) do
    if vim.bo[vim.uri_to_bufnr(change.uri)].modified then
      table.insert(names, vim.fn.fnamemodify(vim.uri_to_fname(change.uri), ':~:.'))
    end
  end
  if #names > 0 then
    server.say(
      ('%s changed and not written yet; `:wall` writes, and runs the tests.'):format(table.concat(names, ', '))
    )
  end
end

--- Close the preview; nothing is changed.
function M.discard()
  if shown and vim.api.nvim_buf_is_valid(shown.scratch) then
    vim.api.nvim_buf_delete(shown.scratch, { force = true })
  end
end

--- The repaired text is gone, by `q`, `:q` or otherwise: its tab goes, too.
function M.leave()
  local tab = shown and shown.tab
  shown = nil
  vim.schedule(function()
    if tab and vim.api.nvim_tabpage_is_valid(tab) and #vim.api.nvim_list_tabpages() > 1 then
      vim.cmd.tabclose(vim.api.nvim_tabpage_get_number(tab))
    end
  end)
end

return M
