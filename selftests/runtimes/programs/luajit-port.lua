-- SPDX-License-Identifier: GPL-2.0-only
-- SPDX-FileCopyrightText: 2026 The codearena authors
--
-- Work for LuaJIT that its port has to survive: side traces and their patches, many
-- and differently sized areas of code, flushes, errors in compiled code, coroutines,
-- callbacks, states, forks. Prints the same with and without a JIT compiler; how many
-- traces there were goes to standard error.

local ffi = require "ffi"
local util = require "jit.util"

ffi.cdef [[
int fork(void);
void _exit(int);
int waitpid(int, int *, int);
void qsort(void *, size_t, size_t, int (*)(const int *, const int *));
typedef struct lua_State lua_State;
lua_State *luaL_newstate(void);
void luaL_openlibs(lua_State *);
int luaL_loadstring(lua_State *, const char *);
int lua_pcall(lua_State *, int, int, int);
const char *lua_tolstring(lua_State *, int, size_t *);
void lua_close(lua_State *);
]]
local C = ffi.C

local traces = 0
local function flush()
	for i = 1, 8000 do
		if util.traceinfo(i) then traces = traces + 1 end
	end
	jit.flush()
end

-- Which branch is taken changes while the loop runs: each becomes a side trace. No product
-- is rounded: arm64's traces add to it in the same instruction, the interpreter does not.
local function branches(rounds)
	local seed, sums = 42, { 0, 0, 0, 0, 0, 0, 0 }
	for i = 1, rounds do
		seed = (seed * 16807 + 12345) % 2147483647
		local way = seed % 7
		if way == 0 then sums[1] = sums[1] + i
		elseif way == 1 then sums[2] = sums[2] + seed % 13
		elseif way == 2 then sums[3] = (sums[3] + i * 3) % 1000003
		elseif way == 3 then if i % 2 == 0 then sums[4] = sums[4] + 1 else sums[4] = sums[4] + 2.5 end
		elseif way == 4 then sums[5] = math.max(sums[5], seed % 1000)
		elseif way == 5 then sums[6] = sums[6] + #tostring(i)
		else sums[7] = sums[7] + math.floor(seed / 7) % 11 end
	end
	return table.concat(sums, " ")
end

-- Each string is a function of its own, and so a trace.
local function many(from, to)
	local sum = 0
	for i = from, to do
		local f = loadstring("local s = " .. i .. " for k = 1, 70 do if k > 60 then s = s + " ..
			i % 3 .. " else s = s + k % " .. (i % 7 + 2) .. " end end return s")
		sum = sum + f()
	end
	return sum
end

-- The code of the first trace. On arm64 the branches of its exits follow it, which reach
-- farther than those in it.
local function code()
	local bytes, address = util.tracemc(1)
	if bytes and jit.arch == "arm64" then
		bytes = ffi.string(ffi.cast("char *", address), #bytes + 4 * util.traceinfo(1).nexit + 12)
	end
	return bytes
end

-- Whether it changes while FUNCTION runs.
local function patches(func, ...)
	local before = code()
	local result = func(...)
	io.stderr:write("patched ", tostring(before ~= nil and before ~= code()), "\n")
	return result
end

-- A branch of the first trace gets its code near it, then one in another arena.
local function apart()
	local function late(n, hot)
		local s = 0
		for i = 1, n do
			if i % 5 == hot then s = s + i
			elseif i % 5 == hot - 5 then s = s + 3
			else s = s + 1 end
		end
		return s
	end
	jit.opt.start("sizemcode=64", "maxmcode=32768", "maxtrace=8000")
	local first = late(300, 10)
	local second = patches(late, 3000, 6)
	jit.opt.start("sizemcode=8192")
	local sum = many(1, 600)
	local third = patches(late, 3000, 1)
	jit.opt.start("sizemcode=64")
	return first, second, sum, third, late(3000, 2)
end

local function fibonacci(n) return n < 2 and n or fibonacci(n - 1) + fibonacci(n - 2) end

local function pipeline(count)
	local function numbers() return coroutine.wrap(function() for i = 1, count do coroutine.yield(i) end end) end
	local function squares(from) return coroutine.wrap(function() for i in from do coroutine.yield(i * i % 97) end end) end
	local sum = 0
	for i in squares(squares(numbers())) do sum = sum + i end
	for i = 1, count do
		local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return a * b end)
		local _, x = coroutine.resume(co, i)
		local _, y = coroutine.resume(co, x)
		sum = sum + y % 5
	end
	return sum
end

-- Thrown by what compiled code calls, and by compiled code.
local function errors()
	local caught, last = 0, nil
	for i = 1, 300 do
		local ok, message = pcall(function()
			local s = 0
			for k = 1, 100 do
				s = s + k
				if i > 100 and k == 90 then error("at " .. i % 3, 0) end
				if i > 200 and k == 80 then s = s + #string.rep("x", 2 ^ 40) end
			end
			return s
		end)
		if not ok then caught, last = caught + 1, tostring(message):gsub("^.*: ", "") end
	end
	return caught, last
end

local function words(count)
	local list, text = {}, {}
	for i = 1, count do text[i] = ("w%03d"):format(i * 7919 % 1000) end
	for word in table.concat(text, " "):gmatch("%a%d+") do list[#list + 1] = word:upper() end
	table.sort(list, function(a, b) return a > b end)
	return #list, list[1], list[#list], (table.concat(list, ","):gsub("W0", "v")):sub(-12)
end

local function sorted(count)
	local numbers = ffi.new("int[?]", count)
	for i = 0, count - 1 do numbers[i] = (i * 7919) % count end
	local done, compare
	for _ = 1, 10 do -- can fail where the library's calls are made to
		done, compare = pcall(ffi.cast, "int (*)(const int *, const int *)",
			function(a, b) return a[0] - b[0] end)
		if done then break end
	end
	C.qsort(numbers, count, 4, compare)
	compare:free()
	for i = 0, count - 1 do assert(numbers[i] == i) end
	return numbers[count - 1]
end

-- A forked child goes on to compile, and to use what its parent compiled.
local function forked(depth)
	local status = ffi.new("int[1]")
	local pid = C.fork()
	if pid == 0 then
		local below = depth > 1 and forked(depth - 1) or 0
		C._exit((many(1, 120) + #branches(3000) + below) % 128)
	end
	local sum = many(200, 320)
	assert(C.waitpid(pid, status, 0) == pid)
	assert(status[0] % 128 == 0, "the child died")
	return (sum + status[0] / 256) % 100003
end
jit.off(forked)

local function states(count)
	local results = {}
	for i = 1, count do
		local L = C.luaL_newstate()
		C.luaL_openlibs(L)
		assert(C.luaL_loadstring(L, "local s = 0 for i = 1, 20000 do s = s + i % " .. i + 1 ..
			" end return tostring(s)") == 0)
		assert(C.lua_pcall(L, 0, 1, 0) == 0)
		results[i] = ffi.string(C.lua_tolstring(L, -1, nil))
		if i % 3 ~= 0 then C.lua_close(L) end
	end
	return table.concat(results, " ")
end
jit.off(states)

print("branches", branches(60000))
print("many", many(1, 1200))
print("forked", forked(3))
flush()
print("apart", apart())
flush()
print("fibonacci", fibonacci(22))
print("pipeline", pipeline(1500))
print("errors", errors())
print("words", words(3000))
print("sorted", sorted(300))
print("states", states(12))
for i = 1, 40 do
	many(i, i + 2)
	flush()
end
jit.opt.start("maxmcode=64")
print("small", many(1, 1000))
print("branches", branches(20000))
flush()
io.stderr:write("traces ", traces, "\n")
