--- Two verified repairs differ on an input: which result is right, if any?
local M = {}

---@class darner.Answer
---@field output string
---@field repair integer index, from 0, of a repair that behaves so

---@class darner.Question
---@field input string
---@field answers darner.Answer[]

--- What a menu offers: a result, or one of the answers that name no repair.
---@class darner.Choice
---@field output string
---@field repair? integer
---@field answer? string as `darner fix --answer` takes it
---@field write? boolean the user wants to write it

---@class darner.Heard
---@field on_repair fun(index: integer) a shown result is right
---@field on_answer fun(answer: string, again: fun(refused: string)) something else is; `again` when it was no answer

---@param question darner.Question
---@param heard darner.Heard
function M.ask(question, heard)
  local choices = vim.list_extend({}, question.answers) ---@type darner.Choice[]
  table.insert(choices, { output = 'neither: look for another repair', answer = 'neither' })
  table.insert(choices, { output = 'something else: write it', write = true })
  local options = {
    prompt = ('Two repairs cure this test and differ. %s should give'):format(question.input),
    kind = 'darner_question',
    format_item = function(choice)
      return choice.output
    end,
  }
  vim.ui.select(choices, options, function(choice)
    if not choice then
      return
    end
    if choice.write then
      return M.write(question, heard)
    end
    if choice.answer then
      return heard.on_answer(choice.answer, vim.notify)
    end
    heard.on_repair(choice.repair)
  end)
end

--- What is right, as a Python literal or an exception; asked again, with the reason, for what is neither.
---@param question darner.Question
---@param heard darner.Heard
---@param text? string
---@param refused? string
function M.write(question, heard, text, refused)
  local options = {
    prompt = ('%s%s should give ([5, 6], or raises ValueError): '):format(
      refused and refused .. '\n' or '',
      question.input
    ),
    default = text,
  }
  vim.ui.input(options, function(answer)
    if not answer or vim.trim(answer) == '' then
      return
    end
    heard.on_answer(answer, function(why)
      M.write(question, heard, answer, why)
    end)
  end)
end

return M
