-- SPDX-License-Identifier: GPL-2.0-only
-- SPDX-FileCopyrightText: 2026 The codearena authors
--
-- Work for LuaJIT: hot loops of several kinds, many traces, callbacks from C.

local function sieve(limit)
	local composite, count = {}, 0
	for i = 2, limit do
		if not composite[i] then
			count = count + 1
			for j = i * i, limit, i do composite[j] = true end
		end
	end
	return count
end

local function mandelbrot(size)
	local inside = 0
	for y = 0, size - 1 do
		for x = 0, size - 1 do
			local cr, ci, zr, zi, n = 2 * x / size - 1.5, 2 * y / size - 1, 0, 0, 0
			while n < 50 and zr * zr + zi * zi < 4 do
				zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1
			end
			if n == 50 then inside = inside + 1 end
		end
	end
	return inside
end

-- Each string is a function of its own, and so a trace.
local function many(count)
	local sum = 0
	for i = 1, count do
		local f = loadstring("local s = " .. i .. " for k = 1, 80 do s = s + k % " ..
			(i % 7 + 2) .. " end return s")
		sum = sum + f()
	end
	return sum
end

local function sorted(count)
	local ffi = require "ffi"
	ffi.cdef "void qsort(void *, size_t, size_t, int (*)(const int *, const int *));"
	local numbers = ffi.new("int[?]", count)
	for i = 0, count - 1 do numbers[i] = (i * 7919) % count end
	ffi.C.qsort(numbers, count, 4, function(a, b) return a[0] - b[0] end)
	for i = 0, count - 1 do assert(numbers[i] == i) end
	return numbers[count - 1]
end

print("jit", (jit.status()))
print("sieve", sieve(tonumber(arg[1]) or 300000))
print("mandelbrot", mandelbrot(tonumber(arg[2]) or 160))
print("many", many(tonumber(arg[3]) or 400))
print("sorted", sorted(500))
print("error", pcall(function() for i = 1, 200 do if i == 150 then error("at 150", 0) end end end))
jit.flush()
print("again", many(50))
