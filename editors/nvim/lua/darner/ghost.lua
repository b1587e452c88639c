--- Ghost text is Neovim's own, from 0.12 on; here it is only switched on for our client.
local M = {}

---@param client_id integer
function M.enable(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  local able = vim.lsp.inline_completion and client and client:supports_method('textDocument/inlineCompletion')
  if able and require('darner.config').get().ghost_text then
    vim.lsp.inline_completion.enable(true, { client_id = client_id })
  end
end

return M
