-- Neovim runs LuaJIT, and gives every script one global.
std = 'luajit'
globals = { 'vim' }
max_line_length = 120
