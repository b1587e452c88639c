--- Two verified repairs differ on an input: which result is right?
local M = {}

---@class darner.Answer
---@field output string
---@field repair integer index, from 0, of a repair that behaves so

---@class darner.Question
---@field input string
---@field answers darner.Answer[]

---@param question darner.Question
---@param on_repair fun(index: integer)
function M.ask(question, on_repair)
  local options = {
    prompt = ('Two repairs cure this test and differ. %s should give'):format(question.input),
    kind = 'darner_question',
    format_item = function(answer)
      return answer.output
    end,
  }
  vim.ui.select(question.answers, options, function(answer)
    if answer then
      on_repair(answer.repair)
    end
  end)
end

return M
